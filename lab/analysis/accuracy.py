"""Tool-call accuracy of one arm against another, on the very same calls."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import comb

import numpy as np

from lab.analysis.stats import Interval, clustered
from lab.records import CallRecord

# The p-value above which a difference is not shown.
_DOUBT = 0.05


@dataclass(frozen=True, slots=True)
class Accuracy:
    """One arm minus another.

    Attributes:
        calls, sessions: scored in both.
        difference: the share of calls that are `args_ok`, here minus there; the interval resamples sessions,
            since the calls of one are alike.
        gained, lost: sessions whose every call is right here only, and there only.
        p: two-sided p-value of the exact McNemar test on those sessions.
        better, worse: calls that are right here only, and there only.
    """

    calls: int
    sessions: int
    difference: Interval
    gained: int
    lost: int
    p: float
    better: int
    worse: int

    @property
    def shown_worse(self) -> bool:
        """Whether fewer calls are right here beyond doubt.

        The interval, which knows that calls of a session are alike, lies below zero, and the exact sign test
        on calls, which trusts no handful of them, agrees.
        """
        high = self.difference.high
        return high is not None and high < 0 and sign_test(self.better, self.worse) < _DOUBT

    @property
    def points(self) -> str:
        """`-3.8 points [-11.0, +0.0]`, without brackets where nothing could be resampled."""
        gap = self.difference
        if gap.low is None or gap.high is None:
            return f"{100 * gap.value:+.1f} points"
        return f"{100 * gap.value:+.1f} points [{100 * gap.low:+.1f}, {100 * gap.high:+.1f}]"

    @property
    def text(self) -> str:
        """The whole comparison in words."""
        return (
            f"{self.points} of args_ok over {self.calls} calls; of {self.sessions} sessions "
            f"{self.gained} won and {self.lost} lost, exact McNemar p = {self.p:.2g}"
        )


def compare(here: Iterable[CallRecord], there: Iterable[CallRecord]) -> Accuracy | None:
    """Both arms on the calls that both have a score for; None without any.

    Args:
        here, there: one record a call, so of one round.
    """
    ours, theirs = _right(here), _right(there)
    common = ours.keys() & theirs.keys()
    sessions = sorted({session for session, _ in common})
    if not common:
        return None
    rows = {session: row for row, session in enumerate(sessions)}
    right = np.zeros((2, len(sessions)), dtype=np.int64)
    size = np.zeros(len(sessions), dtype=np.int64)
    for key in common:
        right[:, rows[key[0]]] += ours[key], theirs[key]
        size[rows[key[0]]] += 1
    whole = right == size
    gained, lost = int((whole[0] & ~whole[1]).sum()), int((~whole[0] & whole[1]).sum())
    return Accuracy(
        calls=len(common),
        sessions=len(sessions),
        difference=clustered(right[0] - right[1], size),
        gained=gained,
        lost=lost,
        p=sign_test(gained, lost),
        better=sum(ours[key] and not theirs[key] for key in common),
        worse=sum(theirs[key] and not ours[key] for key in common),
    )


def sign_test(one: int, other: int) -> float:
    """Two-sided p-value of the exact sign test, which McNemar's is on pairs of yes and no: a fair coin's odds
    of a split this uneven or more."""
    flips = one + other
    tail: float = sum(comb(flips, k) for k in range(min(one, other) + 1)) / 2**flips
    return min(1.0, 2 * tail)


def _right(calls: Iterable[CallRecord]) -> dict[tuple[str, int], bool]:
    return {(c.session_id, c.call_index): c.score.args_ok for c in calls if c.score is not None}
