"""The verification cost curve: what a step of n rows costs in plain steps, beside what the machine allows.

A verify step that emits tau tokens replaces tau plain steps, so drafting pays where tau is above the cost of
the verify step and of its drafts, in plain steps: the break-even accepted length.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby

from lab.analysis.stats import Interval, median
from lab.records import StepTimes

# A verify step is called free up to this many plain steps.
FREE = 1.25


@dataclass(frozen=True, slots=True)
class Roofline:
    """The machine's ceilings for one precision: bytes and operations a second."""

    bytes_per_s: float
    operations_per_s: float

    def step_s(self, times: StepTimes) -> float:
        """The least seconds that the step's bytes and operations take."""
        return max(times.bytes_read / self.bytes_per_s, times.operations / self.operations_per_s)

    def bound(self, times: StepTimes) -> str:
        """What limits the step: `memory` or `compute`."""
        reading = times.bytes_read / self.bytes_per_s
        return "memory" if reading >= times.operations / self.operations_per_s else "compute"


@dataclass(frozen=True, slots=True)
class Drafting:
    """What drafting costs: a draft forward in plain steps, and how deep trees are grown."""

    forward: float
    depth: int


@dataclass(frozen=True, slots=True)
class Point:
    """One row count of a curve.

    Attributes:
        n: rows of the forward.
        step_ms: of the whole step.
        cost: the step in plain steps, T_v(n) / T_1, repeat by repeat.
        matmul_ms: median of its matrix products alone.
        roofline_ms: what bytes and operations allow.
        bound: what limits it on the roofline, `memory` or `compute`.
        chain, tree: accepted length, the target's own token included, above which verifying n - 1 drafted
            tokens pays, drafts included; None of a plain step. A chain of n - 1 takes as many draft
            forwards, a tree as many as it is deep.
    """

    n: int
    step_ms: Interval
    cost: Interval
    matmul_ms: float
    roofline_ms: float
    bound: str
    chain: float | None
    tree: float | None


@dataclass(frozen=True, slots=True)
class Curve:
    """The points of one precision, kernel and context length, by n.

    Attributes:
        free: the largest n whose step costs at most `FREE` plain steps, all smaller ones likewise.
        leaves_memory: the smallest n that arithmetic limits on the roofline; None if none of them.
    """

    precision: str
    kernel: str
    context: int
    points: tuple[Point, ...]

    @property
    def free(self) -> int:
        n = 1
        for point in self.points:
            if point.cost.value > FREE:
                break
            n = point.n
        return n

    @property
    def leaves_memory(self) -> int | None:
        return next((point.n for point in self.points if point.bound == "compute"), None)


def curves(times: Iterable[StepTimes], roofline: dict[str, Roofline], drafting: Drafting) -> list[Curve]:
    """The curves of all records, in their order.

    Args:
        roofline: by precision.
    """
    made = []
    for (precision, kernel, context), found in groupby(
        times, key=lambda step: (step.precision, step.kernel, step.context)
    ):
        steps = sorted(found, key=lambda step: step.rows)
        points = tuple(_point(step, steps[0].step_s, roofline[precision], drafting) for step in steps)
        made.append(Curve(precision, kernel, context, points))
    return made


def _point(step: StepTimes, plain: Sequence[float], roofline: Roofline, drafting: Drafting) -> Point:
    cost = median([own / one for own, one in zip(step.step_s, plain, strict=True)])
    drafted = step.rows - 1
    chain = cost.value + drafted * drafting.forward
    tree = cost.value + min(drafted, drafting.depth) * drafting.forward
    return Point(
        n=step.rows,
        step_ms=_ms(median(step.step_s)),
        cost=cost,
        matmul_ms=median(step.matmul_s).value * 1e3,
        roofline_ms=roofline.step_s(step) * 1e3,
        bound=roofline.bound(step),
        chain=chain if drafted else None,
        tree=tree if drafted else None,
    )


def _ms(seconds: Interval) -> Interval:
    assert seconds.low is not None
    assert seconds.high is not None
    return Interval(seconds.value * 1e3, seconds.low * 1e3, seconds.high * 1e3)
