from __future__ import annotations

import pytest

from lab.analysis.accuracy import compare, sign_test
from lab.records import CallRecord, Generation, Score

GENERATION = Generation((1,), "", "stop", (1.0,), 1, 0, 0.0, 0.0, 0.0, (), None)
SCORES = {
    "1": Score(True, True, True, True, True, True),
    "0": Score(True, True, True, True, False, False, ("value",)),
    "-": None,
}


@pytest.mark.parametrize(
    ("gained", "lost", "p"),
    # A fair coin: 1 of 1 is 2 * 1/2, 0 of 5 is 2 / 32, 1 of 8 is 2 * 9 / 256; an even split is no surprise.
    [(0, 0, 1.0), (1, 0, 1.0), (0, 5, 0.0625), (7, 1, 0.0703125), (3, 3, 1.0), (0, 10, 2 / 1024)],
)
def test_the_sign_test_is_the_two_sided_binomial_tail(gained: int, lost: int, p: float) -> None:
    assert sign_test(gained, lost) == pytest.approx(p)
    assert sign_test(lost, gained) == sign_test(gained, lost)


def arm(sessions: dict[str, str]) -> list[CallRecord]:
    """`arm({"a": "10-"})`: session a with a right call, a wrong one, and one that expects nothing."""
    return [
        CallRecord("cell", 1, session, index, index == 0, 0.0, 1.0, 0.0, GENERATION, SCORES[mark])
        for session, marks in sessions.items()
        for index, mark in enumerate(marks)
    ]


def test_arms_are_compared_on_their_common_calls_session_by_session() -> None:
    ours = arm({"a": "11-", "b": "10", "c": "00", "d": "1"})
    theirs = arm({"a": "10", "b": "11", "c": "11", "e": "1"})
    found = compare(ours, theirs)
    assert found is not None
    assert (found.calls, found.sessions) == (6, 3)
    assert found.difference.value == pytest.approx((3 - 5) / 6)
    assert (found.gained, found.lost) == (1, 2)
    assert found.p == 1.0


def test_the_interval_resamples_sessions_not_calls() -> None:
    # One session of 40 calls differs: no number of calls in it makes the difference certain.
    ours = arm({"a": "0" * 40} | {f"s{i}": "1" for i in range(5)})
    theirs = arm({"a": "1" * 40} | {f"s{i}": "1" for i in range(5)})
    found = compare(ours, theirs)
    assert found is not None
    assert found.difference.value == pytest.approx(-40 / 45)
    assert not found.difference.excludes(0.0)


def test_the_same_answers_differ_by_exactly_nothing() -> None:
    found = compare(arm({"a": "10", "b": "11"}), arm({"a": "10", "b": "11"}))
    assert found is not None
    assert (found.difference.value, found.difference.low, found.difference.high, found.p) == (0, 0, 0, 1.0)


def test_without_a_common_scored_call_there_is_nothing_to_say() -> None:
    assert compare(arm({"a": "1"}), arm({"b": "1"})) is None


def test_one_session_has_no_interval() -> None:
    found = compare(arm({"a": "10"}), arm({"a": "11"}))
    assert found is not None
    assert found.difference.low is None


@pytest.mark.parametrize(("lost", "shown"), [(3, False), (5, False), (6, True), (8, True)])
def test_fewer_right_calls_are_shown_by_calls_enough(lost: int, shown: bool) -> None:
    # Three of eight sessions: hardly any resample is without one of them, and yet a coin does that often.
    theirs = arm({f"s{i}": "11" for i in range(8)})
    ours = arm({f"s{i}": "10" if i < lost else "11" for i in range(8)})
    found = compare(ours, theirs)
    assert found is not None
    assert (found.better, found.worse) == (0, lost)
    assert found.difference.high is not None
    assert found.difference.high < 0
    assert found.shown_worse is shown


def test_more_right_calls_are_not_fewer() -> None:
    theirs, ours = (arm({f"s{i}": marks for i in range(8)}) for marks in ("10", "11"))
    found = compare(ours, theirs)
    assert found is not None
    assert (found.better, found.shown_worse) == (8, False)
