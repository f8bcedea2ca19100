"""A clock that is read in laps, so that the parts of a call sum to its whole."""

from __future__ import annotations

import time
from collections.abc import Callable


class Ledger:
    """Every moment between two laps belongs to exactly one of them.

    Args:
        sync: called before the clock is read; waits for work queued on a device.
        clock: seconds, monotonic.
    """

    def __init__(
        self, sync: Callable[[], None] | None = None, clock: Callable[[], float] = time.perf_counter
    ):
        self._sync, self._clock = sync, clock
        self._last = clock()

    def lap(self) -> float:
        """Seconds since the last lap or the start."""
        if self._sync is not None:
            self._sync()
        now = self._clock()
        seconds, self._last = now - self._last, now
        return seconds
