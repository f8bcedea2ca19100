from __future__ import annotations

from lab.measure.ledger import Ledger


def test_laps_sum_to_the_time_between_the_first_and_the_last_reading() -> None:
    readings = iter([10.0, 10.5, 12.0, 12.0, 20.25])
    ledger = Ledger(clock=lambda: next(readings))
    laps = [ledger.lap() for _ in range(4)]
    assert laps == [0.5, 1.5, 0.0, 8.25]
    assert sum(laps) == 20.25 - 10.0


def test_queued_work_belongs_to_the_lap_that_queued_it() -> None:
    now = 0.0

    def wait_for_the_device() -> None:
        nonlocal now
        now += 3.0

    ledger = Ledger(wait_for_the_device, clock=lambda: now)
    now += 1.0
    assert ledger.lap() == 4.0


def test_the_clock_is_monotonic() -> None:
    ledger = Ledger()
    assert ledger.lap() >= 0.0
