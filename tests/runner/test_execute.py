from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from lab.errors import UserError
from lab.records import CallRecord, CellSetup, OutcomeRecord
from lab.runner.execute import choose_folder, execute
from lab.runner.plan import Plan
from lab.runner.schedule import Unit
from lab.store import Store

MakePlan = Callable[..., Plan]


class Watcher:
    """Remembers what it saw; interrupts after so many calls."""

    def __init__(self, interrupt_after: int | None = None, *, interrupt_in_quality: bool = False):
        self.interrupt_after, self.interrupt_in_quality = interrupt_after, interrupt_in_quality
        self.compared_sessions: list[tuple[str, int, int]] = []
        self.calls: list[CallRecord] = []
        self.units: list[Unit] = []
        self.failures: dict[str, str] = {}
        self.outcomes: list[OutcomeRecord] = []
        self.left: Mapping[str, int] = {}

    def planned(self, left: Mapping[str, int]) -> None:
        self.left = left

    def loading(self, cell_id: str, done: int, total: int) -> None:
        pass

    def ready(self, cell_id: str, setup: CellSetup) -> None:
        pass

    def started(self, unit: Unit) -> None:
        self.units.append(unit)

    def finished(self, call: CallRecord) -> None:
        self.calls.append(call)
        if len(self.calls) == self.interrupt_after:
            raise KeyboardInterrupt

    def ended(self, outcome: OutcomeRecord) -> None:
        self.outcomes.append(outcome)

    def compared(self, cell_id: str, done: int, total: int) -> None:
        self.compared_sessions.append((cell_id, done, total))
        if self.interrupt_in_quality:
            raise KeyboardInterrupt

    def failed(self, cell_id: str, reason: str) -> None:
        self.failures[cell_id] = reason


def run(plan: Plan, out: Path, watcher: Watcher | None = None) -> tuple[Path, int]:
    target = choose_folder(plan, out)
    return target.folder, execute(plan, target, "lab run test", watcher or Watcher())


def test_a_run_stores_every_call_of_every_cell_and_finishes(make_plan: MakePlan, tmp_path: Path) -> None:
    folder, failed = run(make_plan(), tmp_path / "out")
    with Store.open(folder) as store:
        assert failed == 0
        assert len(store.finished_calls()) == 2 * 2 * 2 * 2  # cells, rounds, sessions, calls
        assert store.run().finished_at is not None
        assert set(store.run().round_wall_s) == {1, 2}
        assert [cell.status for cell in store.cells()] == ["done", "done"]
        setups = [cell.setup for cell in store.cells()]
        assert all(setup and setup.logit_noise == 0.25 and setup.warmup_calls == 2 for setup in setups)
        assert all(call.score and call.score.args_ok for call in store.calls())


class Meter:
    """Reads a GB/s more each time."""

    def __init__(self, top: Any):
        self.rate = top.read_gb_per_s

    def gb_per_s(self) -> float:
        self.rate += 1
        return self.rate


@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_memory_is_read_before_each_session_of_a_round_and_not_on_a_gpu(
    make_plan: MakePlan,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    known_ceilings: Callable[..., Any],
    device: str,
) -> None:
    monkeypatch.setattr("lab.measure.ceilings.ReadMeter", Meter)
    plan = make_plan(device=device)
    plan.environment["ceilings"] = asdict(known_ceilings(read_gb_per_s=30.0))
    folder, _ = run(plan, tmp_path / "out")
    with Store.open(folder) as store:
        rates = {(call.round, call.session_id, call.read_gb_per_s) for call in store.calls()}
    order = [(1, "one"), (1, "two"), (2, "one"), (2, "two")]
    expected = [31.0, 32.0, 33.0, 34.0] if device == "cpu" else [None] * 4
    assert rates == {(*unit, rate) for unit, rate in zip(order, expected, strict=True)}


def test_an_interrupted_run_keeps_its_calls_and_the_same_plan_makes_only_the_missing_ones(
    make_plan: MakePlan, tmp_path: Path
) -> None:
    with pytest.raises(KeyboardInterrupt):
        run(make_plan(), tmp_path / "out", Watcher(interrupt_after=5))
    target = choose_folder(make_plan(), tmp_path / "out")
    assert target.resumed
    with Store.open(target.folder) as store:
        before = list(store.calls())
    assert len(before) == 5
    again = Watcher()
    folder, _ = run(make_plan(), tmp_path / "out", again)
    assert folder == target.folder
    assert len(again.calls) == sum(again.left.values()) == 16 - 5
    # The fifth call was the first of its session's two: the session goes on at its second.
    assert (again.calls[0].session_id, again.calls[0].call_index) == (before[-1].session_id, 1)
    with Store.open(folder) as store:
        assert list(store.calls())[:5] == before
        assert store.run().finished_at is not None


def test_a_finished_run_is_not_resumed_and_neither_is_another_plan(
    make_plan: MakePlan, tmp_path: Path
) -> None:
    folder, _ = run(make_plan(), tmp_path / "out")
    assert not choose_folder(make_plan(), tmp_path / "out").resumed
    with pytest.raises(KeyboardInterrupt):
        run(make_plan(), tmp_path / "out", Watcher(interrupt_after=1))
    other = make_plan()
    object.__setattr__(other, "digest", "another")
    target = choose_folder(other, tmp_path / "out")
    assert not target.resumed
    assert target.folder != folder


@pytest.mark.parametrize(
    ("how", "reason"),
    [
        ("exception", "RuntimeError: numbers ran out"),
        ("signal", r"the worker was ended by SIGKILL \(out of memory\?\)"),
        ("hanging", r"hung: silent for 3 s \(call_timeout_s\)"),
    ],
)
def test_a_cell_that_dies_is_a_record_and_the_others_go_on(
    make_plan: MakePlan, tmp_path: Path, how: str, reason: str
) -> None:
    watcher = Watcher()
    folder, failed = run(make_plan(f"dies-by-{how}", call_timeout_s=3), tmp_path / "out", watcher)
    assert failed == 1
    with Store.open(folder) as store:
        cells = {cell.speculation: cell for cell in store.cells()}
        assert cells["none"].status == "done"
        assert cells["ngram"].status == "failed"
        assert re.fullmatch(reason, cells["ngram"].reason or "")
        # What the dead cell had finished stays.
        assert sum(cell == cells["ngram"].cell_id for cell, *_ in store.finished_calls()) >= 1
        assert sum(cell == cells["none"].cell_id for cell, *_ in store.finished_calls()) == 8
    assert list(watcher.failures) == [cells["ngram"].cell_id]


def test_a_crash_while_loading_fails_the_cells_with_the_reason(make_plan: MakePlan, tmp_path: Path) -> None:
    folder, failed = run(make_plan("crashes-at-load"), tmp_path / "out")
    with Store.open(folder) as store:
        assert failed == 2
        assert {cell.reason for cell in store.cells()} == {"RuntimeError: weights fell off"}
    logs = list((folder / "logs").iterdir())
    assert any("Traceback" in log.read_text() for log in logs)


@pytest.mark.parametrize(
    ("behaviour", "message"),
    [
        ("refuses", "this model: got a riddle, expected weights"),
        ("too-long", "session 'one', call 0: prompt: got 9 tokens, expected at most 8"),
    ],
)
def test_what_the_user_can_mend_ends_the_run_before_any_call_and_leaves_no_folder(
    make_plan: MakePlan, tmp_path: Path, behaviour: str, message: str
) -> None:
    with pytest.raises(UserError, match=re.escape(message)):
        run(make_plan(behaviour), tmp_path / "out")
    assert list((tmp_path / "out").iterdir()) == []


def test_a_folder_of_another_schema_version_is_left_alone(make_plan: MakePlan, tmp_path: Path) -> None:
    import sqlite3

    with pytest.raises(KeyboardInterrupt):
        run(make_plan(), tmp_path / "out", Watcher(interrupt_after=1))
    folder = next((tmp_path / "out").iterdir())
    with sqlite3.connect(folder / "run.sqlite") as db:
        db.execute("PRAGMA user_version = 99")
    db.close()
    content = (folder / "run.sqlite").read_bytes()
    assert not choose_folder(make_plan(), tmp_path / "out").resumed
    assert (folder / "run.sqlite").read_bytes() == content


def live_calls(store: Store) -> Counter[tuple[str, int, str]]:
    return Counter((call.cell_id, call.round, call.session_id) for call in store.calls())


def test_a_live_run_stores_every_call_without_a_score_and_how_each_session_ended(
    make_plan: MakePlan, tmp_path: Path
) -> None:
    watcher = Watcher()
    folder, failed = run(make_plan(replay="live"), tmp_path / "out", watcher)
    with Store.open(folder) as store:
        assert failed == 0
        assert store.run().finished_at is not None
        outcomes = store.outcomes()
        assert len(outcomes) == sum(watcher.left.values()) == 2 * 2 * 2  # cells, rounds, sessions
        assert all(o.success and o.ended == "answered" and o.steps == 4 for o in outcomes)
        assert live_calls(store) == {(o.cell_id, o.round, o.session_id): 4 for o in outcomes}
        assert all(call.score is None for call in store.calls())
        assert watcher.outcomes == outcomes
        assert list(store.calls()) == watcher.calls


def test_an_arm_that_errs_in_the_world_is_measured_and_does_not_succeed(
    make_plan: MakePlan, tmp_path: Path
) -> None:
    folder, failed = run(make_plan("gives-up", replay="live", rounds=1), tmp_path / "out")
    with Store.open(folder) as store:
        assert failed == 0
        ended = {
            cell.speculation: [
                (o.success, o.statements_ok, o.steps) for o in store.outcomes() if o.cell_id == cell.cell_id
            ]
            for cell in store.cells()
        }
        assert ended == {"none": [(True, True, 4)] * 2, "ngram": [(False, False, 1)] * 2}


def test_a_context_that_is_full_ends_the_live_session_and_not_the_cell(
    make_plan: MakePlan, tmp_path: Path
) -> None:
    folder, failed = run(make_plan("narrow", replay="live", rounds=1), tmp_path / "out")
    with Store.open(folder) as store:
        assert failed == 0
        assert {cell.status for cell in store.cells()} == {"done"}
        assert Counter((o.ended, o.success, o.steps) for o in store.outcomes()) == {
            ("answered", True, 4): 2,
            ("context", False, 2): 2,
        }
        assert store.run().finished_at is not None


def test_the_step_cap_of_the_matrix_ends_live_sessions(make_plan: MakePlan, tmp_path: Path) -> None:
    folder, _ = run(make_plan(replay="live", step_cap=3, rounds=1), tmp_path / "out")
    with Store.open(folder) as store:
        assert {(o.ended, o.steps) for o in store.outcomes()} == {("step cap", 3)}


# Eight calls are two whole sessions; the third is at its start, in its middle, and without its outcome.
@pytest.mark.parametrize("after", [9, 10, 12])
def test_a_live_session_cut_short_is_begun_anew_and_counts_once(
    make_plan: MakePlan, tmp_path: Path, after: int
) -> None:
    with pytest.raises(KeyboardInterrupt):
        run(make_plan(replay="live"), tmp_path / "out", Watcher(interrupt_after=after))
    target = choose_folder(make_plan(replay="live"), tmp_path / "out")
    with Store.open(target.folder) as store:
        before, ended = list(store.calls()), store.outcomes()
    assert (target.resumed, len(before), len(ended)) == (True, after, 2)
    again = Watcher()
    folder, _ = run(make_plan(replay="live"), tmp_path / "out", again)
    assert folder == target.folder
    assert sum(again.left.values()) == len(again.outcomes) == 8 - 2
    assert [call.call_index for call in again.calls[:4]] == [0, 1, 2, 3]
    assert again.calls[0].session_id == before[-1].session_id
    with Store.open(folder) as store:
        assert list(store.calls())[:8] == before[:8]
        assert store.outcomes()[:2] == ended
        assert len(store.outcomes()) == 8
        assert set(live_calls(store).values()) == {4}
        assert store.run().finished_at is not None


def test_every_precision_is_compared_with_the_first_where_nothing_drafts(
    make_plan: MakePlan, tmp_path: Path
) -> None:
    watcher = Watcher()
    folder, _ = run(make_plan(precision="bf16,rtn-w4", quality=True), tmp_path / "out", watcher)
    with Store.open(folder) as store:
        found = {(r.cell_id.split("/")[2], r.session_id): r for r in store.quality()}
    assert set(found) == {(p, s) for p in ("bf16", "rtn-w4") for s in ("one", "two")}
    assert {(p, r.kl, r.agree) for (p, _), r in found.items()} == {("bf16", 0.0, 10), ("rtn-w4", 0.5, 9)}
    assert [(done, total) for _, done, total in watcher.compared_sessions] == [(1, 2), (2, 2)] * 2


def test_without_being_asked_nothing_is_compared(make_plan: MakePlan, tmp_path: Path) -> None:
    folder, _ = run(make_plan(), tmp_path / "out")
    with Store.open(folder) as store:
        assert store.quality() == []


def test_a_comparison_that_was_interrupted_goes_on_where_it_stopped(
    make_plan: MakePlan, tmp_path: Path
) -> None:
    with pytest.raises(KeyboardInterrupt):
        run(make_plan(quality=True), tmp_path / "out", Watcher(interrupt_in_quality=True))
    again = Watcher()
    folder, _ = run(make_plan(quality=True), tmp_path / "out", again)
    assert (again.calls, len(again.compared_sessions)) == ([], 1)
    with Store.open(folder) as store:
        assert [record.session_id for record in store.quality()] == ["one", "two"]
        assert store.run().finished_at is not None


def test_what_was_timed_stands_if_the_comparison_fails(make_plan: MakePlan, tmp_path: Path) -> None:
    watcher = Watcher()
    folder, failed = run(make_plan("dies-in-quality", quality=True), tmp_path / "out", watcher)
    assert failed == 0
    (reason,) = watcher.failures.values()
    assert "quality was not measured: RuntimeError: logits ran out" in reason
    with Store.open(folder) as store:
        assert {cell.status for cell in store.cells()} == {"done"}
        assert any(cell.reason == reason for cell in store.cells())
