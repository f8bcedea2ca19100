"""The figures of the made-up run, worked out by hand (see `tests/conftest.py`)."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from math import log
from pathlib import Path
from typing import Any

import pytest

from lab.analysis.document import run_document
from lab.analysis.live import Live
from lab.analysis.losslessness import Divergence
from lab.analysis.stats import Share
from lab.analysis.summary import Summary, precisions, summarize
from lab.records import CallRecord, CellRecord, RunRecord
from lab.store import Store

Run = Callable[..., Path]


def stored(folder: Path) -> tuple[RunRecord, list[CellRecord], list[CallRecord]]:
    with Store.open(folder) as store:
        return store.run(), store.cells(), list(store.calls())


def summary_of(folder: Path) -> Summary:
    return summarize(*stored(folder), [])


def test_utilisation_is_of_what_memory_gave_before_each_session(made_up_run: Run) -> None:
    run, cells, calls = stored(made_up_run(sessions=2))
    # Steps read 20 GB/s in a session of 40 and in one of 20 GB/s, equally long: 2/3 of what they could.
    rates = dict(zip([session["id"] for session in run.sessions], (40.0, 20.0), strict=True))
    known = [replace(call, read_gb_per_s=rates[call.session_id]) for call in calls]
    summary = summarize(run, cells, known, [])
    assert summary.groups[0].arms[0].mbu == pytest.approx(2 / 3)
    assert summary.reads_gb_per_s == [40.0, 20.0] * 2
    assert run_document(summary, folder="f", report=None)["reads_gb_per_s"] == [40.0, 20.0] * 2


def test_every_figure_of_an_arm(made_up_run: Run) -> None:
    plain, _, _, both = summary_of(made_up_run()).groups[0].arms
    assert plain.decode_tok_per_s == pytest.approx(100)
    assert plain.gb_per_s == pytest.approx(20)  # 200 MB in 10 ms
    assert plain.mbu == pytest.approx(0.5)  # of 40 GB/s
    assert plain.ttft_ms == pytest.approx(62)  # between 2 + 80 and 2 + 40
    assert (plain.tpot_ms_p50, plain.tpot_ms_p95) == pytest.approx((10, 10))
    assert plain.session_s == pytest.approx(0.3662)
    assert (plain.tau, plain.verify_share, plain.lossless) == (None, None, None)
    assert both.tau == pytest.approx(3)
    assert both.verify_share == 1
    assert both.gb_per_s == pytest.approx(80 / 12)
    assert both.peak_memory_bytes == 400_000_000
    assert both.accepted_by_position == [(48, 48), (48, 48), (48, 0)]


def test_scores_are_of_the_first_round_only(made_up_run: Run) -> None:
    plain, _, w4, _ = summary_of(made_up_run(rounds=3)).groups[0].arms
    assert (plain.rungs["args_ok"], plain.sessions_ok, plain.errors) == (
        Share(5, 6),
        Share(2, 3),
        {"value": 1},
    )
    assert (w4.rungs["args_ok"], w4.sessions_ok) == (Share(4, 6), Share(1, 3))


def test_accuracy_is_against_the_reference_arm_on_the_same_calls(made_up_run: Run) -> None:
    plain, ngram, w4, _ = summary_of(made_up_run(rounds=3)).groups[0].arms
    assert plain.accuracy is None
    assert ngram.accuracy is not None
    assert (ngram.accuracy.difference.value, ngram.accuracy.p) == (0, 1.0)
    assert w4.accuracy is not None
    assert (w4.accuracy.calls, w4.accuracy.sessions) == (6, 3)
    assert w4.accuracy.difference.value == pytest.approx(-1 / 6)
    assert (w4.accuracy.gained, w4.accuracy.lost, w4.accuracy.p) == (0, 1, 1.0)
    assert w4.accuracy.text.startswith(
        "-16.7 points [-50.0, +0.0] of args_ok over 6 calls; of 3 sessions 0 won"
    )


def test_scores_are_also_counted_by_the_tags_of_the_sessions(made_up_run: Run) -> None:
    folder = made_up_run()
    run, cells, calls = stored(folder)
    tagged = [s | {"tags": ["all", f"s{n}"]} for n, s in enumerate(run.sessions)]
    arms = summarize(replace(run, sessions=tagged), cells, calls, []).groups[0].arms
    assert arms[2].args_ok_by_tag == {
        "all": Share(4, 6),
        "s0": Share(2, 2),
        "s1": Share(1, 2),
        "s2": Share(1, 2),
    }


def test_losslessness_is_against_the_plain_arm_of_the_same_precision(made_up_run: Run) -> None:
    _, ngram, _, both = (arm.lossless for arm in summary_of(made_up_run()).groups[0].arms)
    assert ngram is not None
    assert both is not None
    assert (ngram.identical, ngram.near_tie, ngram.error, ngram.threshold) == (5, 1, 0, 0.04)
    assert both.first_divergence == Divergence("travel/0", 1, 3, 0.5, "error")


def test_run_wide_figures(made_up_run: Run) -> None:
    summary = summary_of(made_up_run())
    # The largest gap is 0.1 ms of the shortest call: 2 + 40 + 48 + 1 + 0.1 ms.
    assert summary.ledger_error == pytest.approx(0.1 / 91.1)
    assert summary.engine_share == pytest.approx(0.98)
    assert summary.gold


def test_warm_up_calls_are_in_no_figure(made_up_run: Run) -> None:
    run, cells, calls = stored(made_up_run())
    warm = [replace(call, round=0, wall_s=99.0, lab_s=50.0) for call in calls if call.round == 1]
    assert summarize(run, cells, warm + calls, []) == summarize(run, cells, calls, [])


def test_a_failed_arm_takes_no_sessions_from_the_others(made_up_run: Run) -> None:
    group = summary_of(
        made_up_run(failed={("w4", "ngram"): "killed"}, pace=lambda _a, r, s: 1 + 0.1 * r * s)
    ).groups[0]
    failed = group.arms[3]
    assert (failed.calls, failed.ratio, failed.reason) == (2, None, "killed")
    whole = summary_of(made_up_run("whole", pace=lambda _a, r, s: 1 + 0.1 * r * s)).groups[0]
    assert [arm.ratio for arm in group.arms[:3]] == pytest.approx([arm.ratio for arm in whole.arms[:3]])
    assert group.arms[1].decode_tok_per_s == whole.arms[1].decode_tok_per_s
    assert group.verdict is not None
    assert group.verdict.best_arm != "w4 + ngram"
    assert group.interactions == []


def test_half_a_session_is_not_compared(made_up_run: Run) -> None:
    # The second call of travel/2 is missing in one arm: its slow first call must not enter the ratio.
    run, cells, calls = stored(
        made_up_run(rounds=1, pace=lambda a, _r, s: 5.0 if (a[1], s) == ("ngram", 2) else 1.0)
    )
    cut = [c for c in calls if (c.cell_id, c.session_id, c.call_index) != (cells[1].cell_id, "travel/2", 1)]
    ratio = summarize(run, cells, cut, []).groups[0].arms[1].ratio
    assert ratio is not None
    assert ratio.value == pytest.approx(2)


def test_without_the_reference_arm_nothing_is_related_to_it(made_up_run: Run) -> None:
    group = summary_of(made_up_run(failed={("bf16", "none"): "out of memory"})).groups[0]
    assert group.verdict is None
    assert [arm.ratio for arm in group.arms] == [None] * 4


def test_the_document_is_strict_json_even_where_a_margin_is_undefined(made_up_run: Run) -> None:
    run, cells, calls = stored(made_up_run())
    short = [
        replace(c, generation=replace(c.generation, token_ids=c.generation.token_ids[:9]))
        if c.cell_id == cells[1].cell_id
        else c
        for c in calls
    ]
    document = run_document(summarize(run, cells, short, []), folder="f", report=None)
    assert '"margin": null' in json.dumps(document, allow_nan=False)
    assert document["verdict"]["best_arm"] == "w4 + ngram"


def test_a_run_without_calls_has_only_undefined_figures(made_up_run: Run) -> None:
    run, cells, _ = stored(made_up_run())
    summary = summarize(run, cells, [], [])
    arm = summary.groups[0].arms[0]
    assert (arm.decode_tok_per_s, arm.ratio, arm.tau, arm.session_s, arm.ledger) == (None,) * 5
    assert (summary.ledger_error, summary.lab_overhead, summary.groups[0].verdict) == (None, None, None)


@pytest.mark.parametrize(("busy", "told"), [(None, False), (0.1, False), (0.9, True)])
def test_a_run_that_others_disturbed_says_so(made_up_run: Run, busy: float | None, told: bool) -> None:
    summary = summary_of(made_up_run())
    run = replace(summary.run, others_busy=busy, environment={**summary.run.environment, "threads": 2})
    assert bool(replace(summary, run=run).disturbance) == told


def full_summary(folder: Path) -> Summary:
    with Store.open(folder) as store:
        return summarize(store.run(), store.cells(), store.calls(), store.outcomes(), store.quality())


def test_live_sessions_have_an_outcome_and_neither_a_score_nor_an_audit(made_up_run: Run) -> None:
    plain, ngram, w4, _ = full_summary(made_up_run(live=True)).groups[0].arms
    assert plain.live == Live(
        success=Share(2, 3),
        state_ok=Share(3, 3),
        statements_ok=Share(1, 2),
        capped=Share(1, 3),
        out_of_context=Share(0, 3),
        steps=pytest.approx(7 / 3),
        tool_errors=1,
    )
    assert w4.live is not None
    assert (w4.live.success, w4.live.state_ok) == (Share(1, 3), Share(2, 3))
    assert (plain.rungs["args_ok"], plain.sessions_ok, plain.errors) == (Share(0, 0), None, {})
    assert ngram.lossless is None


def test_live_speeds_and_ratios_are_of_whole_sessions_whatever_their_number_of_calls(
    made_up_run: Run,
) -> None:
    group = full_summary(made_up_run(live=True)).groups[0]
    assert [arm.decode_tok_per_s for arm in group.arms] == pytest.approx([100, 200, 200, 250])
    assert [arm.ratio.value for arm in group.arms if arm.ratio] == pytest.approx([1, 2, 2, 2.5])
    # Two sessions of two calls and one of three: 3 first calls and 4 later ones.
    assert group.arms[0].session_s == pytest.approx((3 * 0.2031 + 4 * 0.1631) / 3)


def test_a_live_session_without_an_outcome_is_not_compared(made_up_run: Run) -> None:
    folder = made_up_run(live=True, rounds=1, pace=lambda a, _r, s: 5.0 if (a[1], s) == ("ngram", 2) else 1.0)
    with Store.open(folder) as store:
        run, cells, calls, outcomes = store.run(), store.cells(), list(store.calls()), store.outcomes()
    cut = [o for o in outcomes if (o.cell_id, o.session_id) != (cells[1].cell_id, "travel/2")]
    arm = summarize(run, cells, calls, cut).groups[0].arms[1]
    assert arm.ratio is not None
    assert arm.ratio.value == pytest.approx(2)
    assert arm.live is not None
    assert arm.live.success.n == 2


def test_live_and_teacher_forced_records_are_never_in_one_summary(made_up_run: Run) -> None:
    forced_run, cells, scored = stored(made_up_run())
    with Store.open(made_up_run("live-run", live=True)) as store:
        live_run, outcomes = store.run(), store.outcomes()
    for run, calls, ended in ((forced_run, scored, outcomes), (live_run, scored, [])):
        with pytest.raises(AssertionError, match="live records"):
            summarize(run, cells, calls, ended)


def test_the_document_says_how_sessions_were_replayed(made_up_run: Run) -> None:
    forced = run_document(summary_of(made_up_run()), folder="f", report=None)
    live = run_document(full_summary(made_up_run("live-run", live=True)), folder="f", report=None)
    assert (forced["replay"], forced["arms"][0]["live"]) == ("teacher-forced", None)
    assert live["replay"] == "live"
    assert live["arms"][0]["live"]["success"] == {"k": 2, "n": 3}
    assert json.dumps(live, allow_nan=False)


def guided_run(made_up_run: Run, **variant: Any) -> Path:
    return made_up_run(arms=[*ARMS, *((*arm, "schema") for arm in ARMS)], **variant)


ARMS = [("bf16", "none"), ("bf16", "ngram"), ("w4", "none"), ("w4", "ngram")]


def test_guided_arms_have_names_and_a_share_of_their_own(made_up_run: Run) -> None:
    arms = summary_of(guided_run(made_up_run)).groups[0].arms
    assert [arm.name for arm in arms[:2]] == ["bf16", "bf16 + ngram"]
    assert [arm.name for arm in arms[4:6]] == ["bf16 + guided", "bf16 + ngram + guided"]
    assert [arm.mask_share for arm in arms[:4]] == [None] * 4
    assert arms[4].mask_share == pytest.approx(0.5 / 10.5)
    assert arms[4].ledger is not None
    assert arms[4].ledger.mask_s == pytest.approx(12 * 0.0005)
    assert arms[4].ratio is not None
    assert arms[4].ratio.value == pytest.approx(10 / 10.5)  # of the group's first arm


def test_each_value_of_guided_has_its_own_two_by_two(made_up_run: Run) -> None:
    free, guided = summary_of(guided_run(made_up_run)).groups[0].interactions
    assert (free.guided, guided.guided) == ("off", "schema")
    assert guided.best_single == "bf16 + ngram + guided"
    # Milliseconds of a call's steps, masks included: 12 x 10.5 plain, 4 x 15.5, 12 x 5.5, 4 x 12.5 for both.
    assert guided.over_best_single.value == pytest.approx(62 / 50)
    assert guided.interval.value == pytest.approx(log((126 / 50) / (126 / 62) / (126 / 66)))


def test_each_value_of_kv_has_its_own_two_by_two_and_audit(made_up_run: Run) -> None:
    arms = [*ARMS, *((*arm, "off", "int8") for arm in ARMS)]
    summary = full_summary(made_up_run(arms=arms, quality=True))
    found = summary.groups[0].arms
    assert [arm.name for arm in found[4:6]] == ["bf16 + kv int8", "bf16 + ngram + kv int8"]
    assert [(item.guided, item.kv) for item in summary.groups[0].interactions] == [
        ("off", "bf16"),
        ("off", "int8"),
    ]
    audited = [arm.lossless for arm in found if arm.speculation != "none"]
    assert all(audited)
    # What is kept in 8 bits is another model: compared for itself, drafts and all.
    assert [arm.name for arm in precisions(summary.groups[0])] == [
        "bf16",
        "w4",
        "bf16 + kv int8",
        "w4 + kv int8",
    ]
    assert [bool(arm.quality) for arm in found] == [True] * 8
    document = run_document(summary, folder="f", report=None)
    assert [arm["kv"] for arm in document["arms"]] == ["bf16"] * 4 + ["int8"] * 4


def test_a_two_by_two_without_its_own_plain_arm_has_no_interaction(made_up_run: Run) -> None:
    interactions = (
        summary_of(guided_run(made_up_run, failed={("bf16", "none", "schema"): "killed"}))
        .groups[0]
        .interactions
    )
    assert [item.guided for item in interactions] == ["off"]


def test_a_guided_arm_is_audited_against_the_guided_plain_arm_alone(made_up_run: Run) -> None:
    arms = summary_of(guided_run(made_up_run)).groups[0].arms
    plain, ngram = arms[4].lossless, arms[5].lossless
    assert plain is None
    assert ngram is not None
    assert (ngram.identical, ngram.near_tie) == (5, 1)
    alone = [("bf16", "none"), ("bf16", "ngram", "schema")]
    assert summary_of(made_up_run("alone", arms=alone)).groups[0].arms[1].lossless is None


def test_the_document_names_guidance_and_its_cost(made_up_run: Run) -> None:
    document = run_document(summary_of(guided_run(made_up_run)), folder="f", report=None)
    assert [arm["guided"] for arm in document["arms"]] == ["off"] * 4 + ["schema"] * 4
    assert document["arms"][0]["mask_share"] is None
    assert document["arms"][4]["mask_share"] == pytest.approx(0.5 / 10.5)
    assert [item["guided"] for item in document["groups"][0]["interactions"]] == ["off", "schema"]


@pytest.mark.parametrize("reach", [None, 1_000_000, 3])
def test_drafts_further_on_than_their_head_was_trained_are_told(made_up_run: Run, reach: int | None) -> None:
    with Store.open(made_up_run("one")) as store:
        run, cells, calls = store.run(), store.cells(), list(store.calls())
    facts = {} if reach is None else {"draft_context": reach}
    told = [
        replace(cell, setup=replace(cell.setup, facts=facts))
        if cell.setup and cell.speculation != "none"
        else cell
        for cell in cells
    ]
    found = summarize(run, told, calls, []).beyond
    if reach == 3:
        count = sum(call.round > 0 and call.cell_id == told[1].cell_id for call in calls)
        assert found is not None
        assert f"In bf16 + ngram, {count} of {count} calls went beyond the 3 positions" in found
        assert "w4 + ngram" in found
    else:
        assert found is None
