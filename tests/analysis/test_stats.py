from __future__ import annotations

from math import exp, log

import numpy as np
import pytest

from lab.analysis.stats import Interval, PairedBootstrap, percentile, wilson


def boot(seconds: dict[str, list[list[float]]], tokens: float = 10.0) -> PairedBootstrap:
    arrays = {arm: np.array(values, dtype=float) for arm, values in seconds.items()}
    return PairedBootstrap(arrays, {arm: np.full(values.shape, tokens) for arm, values in arrays.items()})


def test_contrast_is_the_log_ratio_of_summed_times_per_token() -> None:
    pairs = boot({"ref": [[1.0, 1.0], [3.0, 3.0]], "fast": [[0.5, 0.5], [1.5, 1.5]]})
    assert pairs.log_time("ref") == pytest.approx(log(8 / 40))
    ratio = pairs.contrast({"ref": 1, "fast": -1})
    assert ratio is not None
    # Both arms saw the same sessions at half the time: resampling cannot change the ratio.
    assert (ratio.value, ratio.low, ratio.high) == pytest.approx((log(2), log(2), log(2)))


def test_interval_comes_from_resampling_whole_sessions() -> None:
    # One round, two sessions with ratios 1 and 3 and equal reference time. A resample of two is (1, 1),
    # (1, 3), (3, 1) or (3, 3): the extremes have probability 1/4 each, so the 95 % interval spans them.
    ratio = boot({"ref": [[3.0], [3.0]], "arm": [[3.0], [1.0]]}).contrast({"ref": 1, "arm": -1})
    assert ratio is not None
    assert (ratio.value, ratio.low, ratio.high) == pytest.approx((log(1.5), 0, log(3)))


def test_only_pairs_that_every_arm_finished_count() -> None:
    nan = float("nan")
    pairs = boot({"ref": [[1.0, 9.0], [1.0, 9.0]], "arm": [[2.0, nan], [2.0, 2.0]]})
    assert pairs.pairs == 3
    assert pairs.log_time("ref") == pytest.approx(log(11 / 30))
    assert pairs.log_time("arm") == pytest.approx(log(6 / 30))


def test_one_pair_has_a_value_but_no_interval() -> None:
    ratio = boot({"ref": [[2.0]], "arm": [[1.0]]}).contrast({"ref": 1, "arm": -1})
    assert ratio is not None
    assert ratio.value == pytest.approx(log(2))
    assert (ratio.low, ratio.high) == (None, None)


def test_no_common_pair_is_undefined() -> None:
    nan = float("nan")
    assert boot({"ref": [[1.0, nan]], "arm": [[nan, 1.0]]}).contrast({"ref": 1, "arm": -1}) is None


def test_intervals_repeat_under_the_same_seed() -> None:
    values = np.random.default_rng(3).uniform(1, 2, (2, 6, 3))
    arms = {"ref": values[0], "arm": values[1]}
    counts = {arm: np.ones((6, 3)) for arm in arms}
    first, again = (PairedBootstrap(arms, counts).contrast({"ref": 1, "arm": -1}) for _ in range(2))
    assert first == again


def test_exp_and_excludes() -> None:
    assert Interval(0.0, -1.0, 1.0).exp() == Interval(1.0, exp(-1.0), exp(1.0))
    assert Interval(0.0, None, None).exp() == Interval(1.0, None, None)
    assert Interval(2.0, 1.5, 2.5).excludes(1.0)
    assert not Interval(2.0, 0.5, 2.5).excludes(1.0)
    assert not Interval(2.0, None, None).excludes(1.0)


@pytest.mark.parametrize(
    ("k", "n", "low", "high"),
    [(8, 10, 0.49016, 0.94331), (0, 10, 0.0, 0.27753), (10, 10, 0.72247, 1.0), (38, 41, 0.80573, 0.97480)],
)
def test_wilson_intervals(k: int, n: int, low: float, high: float) -> None:
    found = wilson(k, n)
    assert found is not None
    assert (found.value, found.low, found.high) == pytest.approx((k / n, low, high), abs=1e-5)


def test_a_share_of_nothing_is_undefined() -> None:
    assert wilson(0, 0) is None


def test_percentiles_interpolate_and_are_undefined_for_nothing() -> None:
    assert percentile([1.0, 2.0, 3.0, 4.0], 50) == 2.5
    assert percentile([1.0, 2.0], 95) == pytest.approx(1.95)
    assert percentile([], 50) is None
