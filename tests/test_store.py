from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from lab.errors import UserError
from lab.records import CallRecord
from lab.store import Store

Run = Callable[..., Path]


def one_call(folder: Path) -> CallRecord:
    with Store.open(folder) as store:
        return next(store.calls())


def test_what_was_written_is_read_back(made_up_run: Run) -> None:
    folder = made_up_run(failed={("w4", "none"): "killed"})
    with Store.open(folder) as store:
        calls, cells, run = list(store.calls()), store.cells(), store.run()
        assert store.finished_calls() == {(c.cell_id, c.round, c.session_id, c.call_index) for c in calls}
    assert len(calls) == 3 * 12 + 2
    assert calls[0].generation.steps[0].verify_s == 0.009
    assert calls[0].score is not None
    assert calls[0].score.errors == ()
    assert [(c.status, c.reason) for c in cells] == [
        ("done", None),
        ("done", None),
        ("failed", "killed"),
        ("done", None),
    ]
    assert cells[0].setup is not None
    assert cells[0].setup.facts == {"threads": 2}
    assert run.finished_at == 2000.0
    assert list(run.round_wall_s) == [1, 2]


@pytest.mark.parametrize("rate", [None, 33.5])
def test_what_memory_gave_is_kept_with_the_call(made_up_run: Run, rate: float | None) -> None:
    with Store.open(made_up_run()) as store:
        store.add_call(replace(next(store.calls()), round=7, read_gb_per_s=rate))
        assert [call.read_gb_per_s for call in store.calls() if call.round == 7] == [rate]


def test_a_call_is_durable_when_the_process_dies_right_after(made_up_run: Run) -> None:
    folder = made_up_run(sessions=1, rounds=1)
    code = (
        "import os, sys; from dataclasses import replace; from pathlib import Path;"
        "from lab.store import Store;"
        "store = Store.open(Path(sys.argv[1])); call = next(store.calls());"
        "store.add_call(replace(call, round=7)); os._exit(9)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(folder)], env=os.environ | {"PYTHONSAFEPATH": "1"}, check=False
    )
    assert done.returncode == 9
    with Store.open(folder) as store:
        assert 7 in {round_ for _, round_, _, _ in store.finished_calls()}


def test_a_call_is_stored_once(made_up_run: Run) -> None:
    folder = made_up_run(sessions=1, rounds=1)
    call = one_call(folder)
    with Store.open(folder) as store:
        before = len(store.finished_calls())
        with pytest.raises(sqlite3.IntegrityError):
            store.add_call(call)
        assert len(store.finished_calls()) == before
        store.add_call(replace(call, round=5))  # the store is still usable


def test_a_call_whose_steps_cannot_be_stored_leaves_nothing(made_up_run: Run) -> None:
    folder = made_up_run(sessions=1, rounds=1)
    call = one_call(folder)
    broken = replace(call.generation.steps[0], kind=None)  # type: ignore[arg-type]
    generation = replace(call.generation, steps=(call.generation.steps[0], broken))
    with Store.open(folder) as store:
        before = list(store.calls())
        with pytest.raises(sqlite3.IntegrityError):
            store.add_call(replace(call, round=5, generation=generation))
        assert list(store.calls()) == before


def test_a_session_begun_anew_is_forgotten_with_its_steps_and_nothing_else_is(made_up_run: Run) -> None:
    folder = made_up_run(live=True)
    with Store.open(folder) as store:
        before = list(store.calls())
        gone = before[0]
        store.drop_calls(gone.cell_id, gone.round, gone.session_id)
        kept = [
            c
            for c in before
            if (c.cell_id, c.round, c.session_id) != (gone.cell_id, gone.round, gone.session_id)
        ]
        assert list(store.calls()) == kept
        store.add_call(gone)
        assert set(store.finished_calls()) == {
            (c.cell_id, c.round, c.session_id, c.call_index) for c in (*kept, gone)
        }
        assert list(store.calls())[-1] == gone


def test_outcomes_are_read_back_and_a_session_ends_once(made_up_run: Run) -> None:
    folder = made_up_run(live=True, rounds=1, sessions=2, arms=[("w4", "none")])
    with Store.open(folder) as store:
        first, second = store.outcomes()
        assert (first.success, first.statements_ok, first.ended) == (True, None, "answered")
        assert (second.success, second.state_ok, second.statements_ok) == (False, False, True)
        assert (second.steps, second.tool_errors) == (3, 1)
        with pytest.raises(sqlite3.IntegrityError):
            store.add_outcome(first)
        store.add_outcome(replace(first, round=2, ended="context"))
        assert store.outcomes()[-1] == replace(first, round=2, ended="context")


def test_a_rounds_wall_time_adds_up_over_resumed_runs(made_up_run: Run) -> None:
    folder = made_up_run(sessions=1, rounds=1)
    with Store.open(folder) as store:
        store.add_round(4, 1.5, 0.7)
        store.add_round(4, 2.0, None)
        assert store.run().round_wall_s[4] == 3.5


def test_others_load_is_the_mean_over_the_time_in_which_it_was_known(made_up_run: Run) -> None:
    folder = made_up_run(sessions=1, rounds=0)
    with Store.open(folder) as store:
        assert store.run().others_busy is None
        for wall_s, busy in ((1.0, 0.4), (3.0, 0.8), (9.0, None)):
            store.add_round(1, wall_s, busy)
        assert store.run().others_busy == pytest.approx(0.7)


@pytest.mark.parametrize("journal", ["wal", "delete"])
def test_another_schema_version_is_refused_and_left_as_it_is(tmp_path: Path, journal: str) -> None:
    path = tmp_path / "run.sqlite"
    db = sqlite3.connect(path)
    db.execute(f"PRAGMA journal_mode = {journal}")
    db.execute("PRAGMA user_version = 7")
    db.execute("CREATE TABLE run (x)")
    db.commit()
    db.close()
    before = path.read_bytes()
    with pytest.raises(UserError, match="schema version: got 7, expected 6"):
        Store.open(tmp_path)
    assert path.read_bytes() == before


def test_files_that_are_no_run_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no such folder"):
        Store.open(tmp_path / "nowhere")
    with pytest.raises(UserError, match=r"no run\.sqlite in it"):
        Store.open(tmp_path)
    (tmp_path / "run.sqlite").write_text("this is no database, though it is long enough to be looked at" * 20)
    with pytest.raises(UserError, match="file is not a database"):
        Store.open(tmp_path)


def test_a_folder_that_exists_or_cannot_be_made_is_refused(made_up_run: Run, tmp_path: Path) -> None:
    folder = made_up_run(sessions=1, rounds=1)
    with Store.open(folder) as store:
        run, cells = store.run(), store.cells()
    with pytest.raises(UserError, match="File exists"):
        Store.create(folder, run, cells)
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="Not a directory"):
        Store.create(tmp_path / "file" / "run", run, cells)
