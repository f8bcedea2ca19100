from __future__ import annotations

import pytest

from lab.analysis.curve import Curve, Drafting, curves
from lab.analysis.stats import median
from lab.records import StepTimes

# A plain step reads for 10 ms and multiplies for 2; a row more multiplies for 2 ms more.
OPERATIONS_PER_S = {"bf16": 1e9}
DRAFTING = Drafting(forward=0.1, depth=3)


def times(
    rows: int,
    step_ms: tuple[float, ...],
    *,
    kernel: str = "dense=cpu",
    context: int = 512,
    reads_per_s: tuple[float, ...] = (),
) -> StepTimes:
    return StepTimes(
        precision="bf16",
        kernel=kernel,
        context=context,
        rows=rows,
        step_s=tuple(ms / 1e3 for ms in step_ms),
        matmul_s=tuple(ms / 2e3 for ms in step_ms),
        bytes_read=10_000_000,
        operations=2_000_000 * rows,
        reads_per_s=reads_per_s or (1e9,) * len(step_ms),
    )


def curve(*found: StepTimes) -> Curve:
    (made,) = curves(found, OPERATIONS_PER_S, DRAFTING)
    return made


def test_cost_is_taken_repeat_by_repeat() -> None:
    # The machine is twice as slow in the second repeat; the ratio does not notice.
    made = curve(times(1, (10, 20, 10)), times(8, (15, 30, 15)))
    plain, verify = made.points
    assert (plain.cost.value, plain.cost.low, plain.cost.high) == (1, 1, 1)
    assert verify.cost.value == verify.cost.low == verify.cost.high == pytest.approx(1.5)
    assert (verify.step_ms.value, verify.step_ms.low, verify.step_ms.high) == pytest.approx((15, 15, 30))
    assert verify.matmul_ms == pytest.approx(7.5)


@pytest.mark.parametrize(
    ("rows", "expected", "bound"), [(1, 10, "memory"), (4, 10, "memory"), (8, 16, "compute")]
)
def test_the_roofline_is_the_slower_of_reading_and_multiplying(
    rows: int, expected: float, bound: str
) -> None:
    made = curve(times(1, (10,)), times(rows, (20,)))
    assert made.points[-1].roofline_ms == pytest.approx(expected)
    assert made.points[-1].bound == bound


def test_a_step_is_held_against_what_memory_gave_in_its_repeat() -> None:
    # Memory is half as fast in two of three repeats, which slows a plain step, and eight rows less.
    slower = (1e9, 5e8, 5e8)
    made = curve(times(1, (12, 24, 24), reads_per_s=slower), times(8, (20, 24, 24), reads_per_s=slower))
    plain, verify = made.points
    assert (plain.roofline_ms, verify.roofline_ms) == pytest.approx((20, 20))
    assert (plain.over_roofline.value, plain.over_roofline.high) == pytest.approx((1.2, 1.2))
    assert (verify.over_roofline.value, verify.over_roofline.high) == pytest.approx((1.2, 1.25))
    assert (plain.bound, verify.bound) == ("memory", "memory")


def test_where_arithmetic_takes_over_and_up_to_where_rows_are_free() -> None:
    made = curve(times(1, (10,)), times(2, (12,)), times(4, (14,)), times(8, (12,)))
    # Four rows cost 1.4 plain steps; that eight cost 1.2 does not make them free again.
    assert made.free == 2
    assert made.leaves_memory == 8
    assert curve(times(1, (10,))).leaves_memory is None


def test_drafting_pays_above_what_verifying_and_drafting_cost() -> None:
    made = curve(times(1, (10,)), times(2, (11,)), times(8, (15,)))
    plain, two, eight = made.points
    assert plain.chain is plain.tree is None
    # One drafted token: one draft forward in a chain as in a tree.
    assert (two.chain, two.tree) == pytest.approx((1.1 + 0.1, 1.1 + 0.1))
    # Seven: a chain drafts seven times, a tree three.
    assert (eight.chain, eight.tree) == pytest.approx((1.5 + 0.7, 1.5 + 0.3))


def test_every_kernel_and_context_has_a_curve_of_its_own() -> None:
    found = [
        times(n, (10.0 * n,), kernel=kernel, context=context)
        for kernel in ("dense=cpu", "dense=torch")
        for context in (0, 512)
        for n in (1, 2)
    ]
    made = curves(found, OPERATIONS_PER_S, DRAFTING)
    assert [(one.kernel, one.context) for one in made] == [
        ("dense=cpu", 0),
        ("dense=cpu", 512),
        ("dense=torch", 0),
        ("dense=torch", 512),
    ]
    assert all([point.n for point in one.points] == [1, 2] for one in made)


@pytest.mark.parametrize(
    ("count", "low", "high"),
    # Of n values the k-th smallest and largest, P(fewer than k of n below the median) <= 2.5 %.
    [(1, 0, 0), (3, 0, 2), (5, 0, 4), (6, 0, 5), (9, 1, 7), (15, 3, 11)],
)
def test_the_medians_interval_is_that_of_order_statistics(count: int, low: int, high: int) -> None:
    found = median([float(value) for value in reversed(range(count))])
    assert (found.low, found.high) == (low, high)
    assert found.value == (count - 1) / 2
