"""The verification cost curve: what a step of n rows costs in plain steps, beside what the machine allows.

A verify step that emits tau tokens replaces tau plain steps, so drafting pays where tau is above the cost of
the verify step and of its drafts, in plain steps: the break-even accepted length.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

from lab.analysis.stats import Interval, median
from lab.records import StepTimes

# A verify step is called free up to this many plain steps.
FREE = 1.25


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
        roofline_ms: what bytes and operations allow: median, as memory is not equally fast in all repeats.
        over_roofline: the step in rooflines, repeat by repeat.
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
    over_roofline: Interval
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


def curves(
    times: Iterable[StepTimes], operations_per_s: Mapping[str, float], drafting: Drafting
) -> list[Curve]:
    """The curves of all records, which say how fast memory was read, in their order.

    Args:
        operations_per_s: the machine's ceiling, by precision.
    """
    made = []
    for (precision, kernel, context), found in groupby(
        times, key=lambda step: (step.precision, step.kernel, step.context)
    ):
        steps = sorted(found, key=lambda step: step.rows)
        points = tuple(_point(step, steps[0].step_s, operations_per_s[precision], drafting) for step in steps)
        made.append(Curve(precision, kernel, context, points))
    return made


def _point(step: StepTimes, plain: Sequence[float], operations_per_s: float, drafting: Drafting) -> Point:
    cost = median([own / one for own, one in zip(step.step_s, plain, strict=True)])
    computing = step.operations / operations_per_s
    reading = [step.bytes_read / rate for rate in step.reads_per_s]
    rooflines = [max(seconds, computing) for seconds in reading]
    drafted = step.rows - 1
    chain = cost.value + drafted * drafting.forward
    tree = cost.value + min(drafted, drafting.depth) * drafting.forward
    return Point(
        n=step.rows,
        step_ms=_ms(median(step.step_s)),
        cost=cost,
        matmul_ms=median(step.matmul_s).value * 1e3,
        roofline_ms=median(rooflines).value * 1e3,
        over_roofline=median([own / least for own, least in zip(step.step_s, rooflines, strict=True)]),
        bound="memory" if median(reading).value >= computing else "compute",
        chain=chain if drafted else None,
        tree=tree if drafted else None,
    )


def _ms(seconds: Interval) -> Interval:
    assert seconds.low is not None
    assert seconds.high is not None
    return Interval(seconds.value * 1e3, seconds.low * 1e3, seconds.high * 1e3)
