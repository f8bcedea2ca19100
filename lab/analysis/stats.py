"""Paired bootstrap over sessions and rounds, and the small exact tests.

All ratios of time are formed from sums, `time / tokens`, so that the ratio in a table is the ratio of the
two speeds in it. The session is the unit of resampling; rounds are resampled with it, the same rounds for
every arm, since the arms of a round were interleaved.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import comb, exp, sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

RESAMPLES = 4000
CONFIDENCE = 0.95
Z_95 = 1.959963984540054  # the standard normal quantile of a two-sided 95 % interval


@dataclass(frozen=True, slots=True)
class Interval:
    """An estimate with its 95 % bootstrap interval; the bounds are None where nothing could be resampled."""

    value: float
    low: float | None
    high: float | None

    def excludes(self, value: float) -> bool:
        """Whether `value` lies outside the interval; never true without an interval."""
        return self.low is not None and self.high is not None and not self.low <= value <= self.high

    def text(self, form: str) -> str:
        """`1.82 [1.71, 1.95]`, each number so formatted; without brackets where there is nothing in them."""
        if self.low is None or self.high is None or self.low == self.high:
            return f"{self.value:{form}}"
        return f"{self.value:{form}} [{self.low:{form}}, {self.high:{form}}]"

    def exp(self) -> Interval:
        """The interval of a log quantity on its natural scale."""
        return Interval(exp(self.value), *(None if v is None else exp(v) for v in (self.low, self.high)))


@dataclass(frozen=True, slots=True)
class Share:
    """k of n."""

    k: int
    n: int


class PairedBootstrap:
    """Bootstrap replicates of each arm's log time per token, paired across arms.

    Args:
        seconds: arm -> seconds [sessions, rounds]; NaN marks a pair that did not finish.
        tokens: arm -> tokens [sessions, rounds].
        seed: makes the interval repeatable.

    Only the (session, round) pairs that every arm finished are used, so that all arms saw the same work.
    """

    def __init__(self, seconds: dict[str, Floats], tokens: dict[str, Floats], seed: int = 0):
        done = np.all([np.isfinite(s) & (tokens[arm] > 0) for arm, s in seconds.items()], axis=0)
        self.pairs = int(done.sum())
        sessions, rounds = done.shape
        rng = np.random.default_rng(seed)
        by_session = rng.multinomial(sessions, [1 / sessions] * sessions, size=RESAMPLES)
        by_round = rng.multinomial(rounds, [1 / rounds] * rounds, size=RESAMPLES)
        self._point: dict[str, float] = {}
        self._replicates: dict[str, Floats] = {}
        for arm in seconds:
            time = np.where(done, seconds[arm], 0.0)
            count = np.where(done, tokens[arm], 0.0)
            self._point[arm] = float(np.log(time.sum() / count.sum())) if self.pairs else float("nan")
            with np.errstate(divide="ignore", invalid="ignore"):
                self._replicates[arm] = np.log(
                    np.einsum("bs,sr,br->b", by_session, time, by_round)
                    / np.einsum("bs,sr,br->b", by_session, count, by_round)
                )

    def log_time(self, arm: str) -> float:
        """The arm's log seconds per token over the common pairs."""
        return self._point[arm]

    def contrast(self, weights: dict[str, float]) -> Interval | None:
        """Sum over arms of weight x log(time per token); None if no pair was finished by all arms.

        `{"ref": 1, "spec": -1}` is the log speed-up of `spec` over `ref`.
        """
        if not self.pairs:
            return None
        value = sum(weight * self._point[arm] for arm, weight in weights.items())
        replicates = sum((w * self._replicates[arm] for arm, w in weights.items()), np.zeros(RESAMPLES))
        replicates = replicates[np.isfinite(replicates)]
        if self.pairs < 2 or len(replicates) < RESAMPLES // 2:
            return Interval(value, None, None)
        tail = 100 * (1 - CONFIDENCE) / 2
        low, high = np.percentile(replicates, [tail, 100 - tail])
        return Interval(value, float(low), float(high))


def clustered(sums: NDArray[Any], sizes: NDArray[np.int64]) -> Interval:
    """The mean sum(sums) / sum(sizes) over clusters of unequal size, which are resampled whole.

    Args:
        sums: of what is averaged, a cluster each.
        sizes: how many of it, more than 0 in all.
    """
    value = float(sums.sum() / sizes.sum())
    if len(sizes) < 2:
        return Interval(value, None, None)
    weights = np.random.default_rng(0).multinomial(len(sizes), [1 / len(sizes)] * len(sizes), size=RESAMPLES)
    tail = 100 * (1 - CONFIDENCE) / 2
    low, high = np.percentile((weights @ sums) / (weights @ sizes), [tail, 100 - tail])
    return Interval(value, float(low), float(high))


def wilson(k: int, n: int) -> Interval | None:
    """The share k / n with its 95 % Wilson score interval; None of nothing."""
    if n == 0:
        return None
    z2 = Z_95**2 / n
    centre, half = k / n + z2 / 2, Z_95 * sqrt(k / n * (1 - k / n) / n + z2 / (4 * n))
    return Interval(k / n, max(0.0, (centre - half) / (1 + z2)), min(1.0, (centre + half) / (1 + z2)))


def median(values: Sequence[float]) -> Interval:
    """The median with its interval of order statistics: exact for any distribution, of at least 95 % from six
    values on; the range of fewer."""
    ordered = sorted(values)
    n, below, tail = len(ordered), 0.0, 0
    while (below := below + comb(n, tail) / 2**n) <= (1 - CONFIDENCE) / 2:
        tail += 1
    outer = max(tail - 1, 0)
    return Interval(float(np.median(ordered)), ordered[outer], ordered[n - 1 - outer])


def percentile(values: list[float], q: float) -> float | None:
    """The q-th percentile (0..100, linear interpolation) or None of nothing."""
    return float(np.percentile(values, q)) if values else None
