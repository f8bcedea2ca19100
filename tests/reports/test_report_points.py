from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from lab.analysis.summary import Group, Summary, summarize
from lab.records import CallRecord
from lab.reports import points
from lab.store import Store

Run = Callable[..., Path]


def read(folder: Path) -> tuple[Summary, dict[str, list[CallRecord]]]:
    with Store.open(folder) as store:
        calls: dict[str, list[CallRecord]] = {cell.cell_id: [] for cell in store.cells()}
        for call in store.calls():
            calls[call.cell_id].append(call)
        return summarize(store.run(), store.cells(), store.calls(), store.outcomes(), store.quality()), calls


def group_of(folder: Path) -> Group:
    return read(folder)[0].groups[0]


def test_speed_is_twelve_tokens_over_the_steps_time(made_up_run: Run) -> None:
    speed = points.speed_points(group_of(made_up_run()))
    assert speed is not None
    assert speed.reference == "bf16"
    assert [row.arm for row in speed.rows] == ["bf16", "bf16 + ngram", "w4", "w4 + ngram"]
    assert [row.tok_per_s for row in speed.rows] == pytest.approx([100, 200, 200, 250])
    assert [row.ratio.value for row in speed.rows if row.ratio] == pytest.approx([1, 2, 2, 2.5])


def test_interaction_expects_the_product_of_the_single_gains(made_up_run: Run) -> None:
    shown = points.interaction_points(group_of(made_up_run()))
    assert shown is not None
    assert shown.precisions == ("bf16", "w4")
    plain, ngram = shown.lines
    assert (plain.speculation, plain.expected) == ("none", (None, None))
    assert [ratio.value for ratio in ngram.ratios if ratio] == pytest.approx([2, 2.5])
    assert ngram.expected[0] is None
    assert ngram.expected[1] == pytest.approx(4.0)


def test_a_single_arm_has_no_interaction(made_up_run: Run) -> None:
    assert points.interaction_points(group_of(made_up_run(arms=[("bf16", "none")]))) is None


def test_ledger_holds_the_parts_of_a_call_in_milliseconds(made_up_run: Run) -> None:
    rows = points.ledger_points(group_of(made_up_run()))
    assert points.LEDGER_PARTS == ("encode", "prefill", "draft", "mask", "verify", "other", "finish")
    assert rows[0].parts_ms == pytest.approx((2, 60, 0, 0, 108, 12, 1))
    assert rows[3].parts_ms == pytest.approx((2, 60, 4, 0, 40, 4, 1))


def test_timeline_lays_the_calls_of_the_median_session_end_to_end(made_up_run: Run) -> None:
    # Reference latencies per session 0.30x, 0.36x, 0.42x s: session 1 is the median one.
    folder = made_up_run(
        rounds=1, pace=lambda arm, _round, session: 0.5 + 0.5 * session if arm[1] == "none" else 1
    )
    summary, calls = read(folder)
    shown = points.timeline_points(summary.groups[0], calls)
    assert shown is not None
    assert (shown.session_id, shown.round) == ("travel/1", 1)
    first, second = shown.rows[0].spans
    # encode 2 + prefill 80, steps 120, finish 1, gap 0.1; then encode 2 + prefill 40.
    assert (first.start_s, first.first_token_s, first.end_s) == pytest.approx((0, 0.082, 0.2031))
    assert (second.start_s, second.first_token_s, second.end_s) == pytest.approx((0.2031, 0.2451, 0.3662))
    assert [len(row.spans) for row in shown.rows] == [2, 2, 2, 2]


def test_timeline_prefers_a_session_that_every_arm_finished(made_up_run: Run) -> None:
    summary, calls = read(made_up_run(unfinished=True))
    del calls[summary.groups[0].arms[3].cell_id][2:]  # the last arm finished its first session only
    shown = points.timeline_points(summary.groups[0], calls)
    assert shown is not None
    assert (shown.round, shown.session_id, len(shown.rows)) == (1, "travel/0", 4)


def test_acceptance_counts_steps_that_reached_a_position(made_up_run: Run) -> None:
    summary, calls = read(made_up_run(arms=[("bf16", "none"), ("bf16", "ngram")]))
    plain, ngram = (arm.cell_id for arm in summary.groups[0].arms)
    step = calls[ngram][0].generation.steps[0]  # drafted 3, accepted 2
    shorter = replace(step, drafted=2, depth=2, accepted=0, emitted=1)
    steps = (step, step, step, shorter)
    generation = replace(calls[ngram][0].generation, steps=steps)
    warm_up = replace(calls[ngram][0], round=0)
    calls = {plain: calls[plain], ngram: [replace(calls[ngram][0], generation=generation), warm_up]}
    (row,) = points.acceptance_points(summary.groups[0], calls)
    counts = [(p.position, p.drafted, p.reached, p.accepted) for p in row.positions]
    assert counts == [(1, 4, 4, 3), (2, 4, 3, 3), (3, 3, 3, 0)]
    assert [p.joint for p in row.positions] == [0.75, 0.75, 0.0]
    assert [p.conditional for p in row.positions] == [0.75, 1.0, 0.0]


def test_ladder_is_over_the_first_rounds_calls_with_wilson_intervals(made_up_run: Run) -> None:
    rows = points.ladder_points(group_of(made_up_run()))
    assert [row.n for row in rows] == [6, 6, 6, 6]
    assert [row.shares[-1].value for row in rows] == pytest.approx([5 / 6, 5 / 6, 4 / 6, 4 / 6])
    last = rows[0].shares[-1]
    assert (last.low, last.high) == pytest.approx((0.43650, 0.96995), abs=1e-5)


def test_a_precision_has_one_point_and_a_lone_one_none(made_up_run: Run) -> None:
    bf16, w4 = points.precision_points(group_of(made_up_run("both", quality=True)))
    assert (bf16.arm, bf16.weight_bytes, bf16.tok_per_s) == ("bf16", 200_000_000, pytest.approx(100))
    assert (w4.arm, w4.args_ok.value) == ("w4", pytest.approx(4 / 6))
    assert points.precision_points(group_of(made_up_run("unasked"))) == ()
    alone = made_up_run("alone", quality=True, arms=[("bf16", "none")])
    assert points.precision_points(group_of(alone)) == ()


def test_unmeasured_arms_have_no_points(made_up_run: Run) -> None:
    group = group_of(made_up_run())
    empty = replace(
        group, arms=[replace(a, decode_tok_per_s=None, ledger=None) for a in group.arms], interactions=[]
    )
    assert points.speed_points(empty) is None
    assert points.interaction_points(empty) is None
    assert points.ledger_points(empty) == ()
    assert points.timeline_points(empty, {a.cell_id: [] for a in empty.arms}) is None


def test_guided_arms_have_lines_of_their_own_and_a_product_within_them(made_up_run: Run) -> None:
    arms = [(p, s, g) for p in ("bf16", "w4") for s in ("none", "ngram") for g in ("off", "schema")]
    shown = points.interaction_points(group_of(made_up_run(arms=arms)))
    assert shown is not None
    assert [(line.speculation, line.guided) for line in shown.lines] == [
        ("none", "off"),
        ("ngram", "off"),
        ("none", "schema"),
        ("ngram", "schema"),
    ]
    # Of the guided 2x2: 126 ms of steps plain, 62 with drafts, 66 in w4; over the reference arm's 120.
    assert shown.lines[3].expected[1] == pytest.approx((120 / 62) * (120 / 66) / (120 / 126))
