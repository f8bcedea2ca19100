from __future__ import annotations

from dataclasses import replace

import pytest

from lab.analysis.losslessness import Divergence, Lossless, audit, classify, threshold
from lab.records import CallRecord, CellSetup, Generation


def generation(tokens: tuple[int, ...], margins: tuple[float, ...] | None = None) -> Generation:
    margins = margins or (1.0,) * len(tokens)
    return Generation(tokens, "", "stop", margins, 1, 0, 0.0, 0.0, 0.0, (), None)


def call(made: Generation, *, round_: int = 1, session: str = "s", index: int = 0) -> CallRecord:
    return CallRecord("cell", round_, session, index, False, 0.0, 1.0, 0.0, made, None)


PLAIN = generation((1, 2, 3))


@pytest.mark.parametrize(
    ("other", "expected"),
    [
        (generation((1, 2, 3)), ("identical", -1, None)),
        (generation((1, 9, 3), (1.0, 0.01, 1.0)), ("error", 1, 1.0)),  # no near tie in the plain arm
        (generation((1, 2, 9), (1.0, 1.0, 0.5)), ("error", 2, 1.0)),
        (generation((1, 2)), ("error", 2, None)),  # the beginning only: there is no margin to judge by
        (generation((1, 2, 3, 4)), ("error", 3, None)),
    ],
)
def test_calls_are_classified_by_their_first_difference(
    other: Generation, expected: tuple[str, int, float | None]
) -> None:
    assert classify(PLAIN, other, threshold=0.1) == expected


def test_a_near_tie_is_near_in_both_arms_and_includes_the_threshold() -> None:
    plain = replace(PLAIN, margins=(1.0, 0.1, 1.0))
    assert classify(plain, generation((1, 9, 8), (1.0, 0.05, 1.0)), threshold=0.1) == ("near_tie", 1, 0.1)
    assert classify(plain, generation((1, 9, 8), (1.0, 0.05, 1.0)), threshold=0.09)[0] == "error"


def test_a_call_counts_once_as_its_worst_round() -> None:
    tie = generation((1, 9, 3), (1.0, 0.05, 1.0))
    plain = replace(PLAIN, margins=(1.0, 0.05, 1.0))
    found = audit(
        [call(plain), call(plain, round_=2), call(plain, index=1)],
        [
            call(tie),
            call(plain, round_=2),
            call(plain, index=1),
            call(tie, round_=3),
        ],  # round 3 has no partner
        limit=0.1,
    )
    assert found == Lossless(1, 1, 0, 0.1, Divergence("s", 0, 1, 0.05, "near_tie"))


def test_the_worst_divergence_is_shown_and_a_missing_margin_ranks_worst() -> None:
    cut, wrong = generation((1, 2)), generation((1, 2, 9))
    found = audit([call(PLAIN), call(PLAIN, index=1)], [call(wrong), call(cut, index=1)], limit=0.1)
    assert found.first_divergence == Divergence("s", 1, 2, None, "error")


def test_threshold_is_twice_the_largest_measured_noise() -> None:
    quiet, loud = (CellSetup(1.0, 1, {}, noise, 1) for noise in (0.01, 0.03))
    assert threshold(quiet, loud, None) == pytest.approx(0.06)
    assert threshold(CellSetup(1.0, 1, {}, None, 1), None) is None
