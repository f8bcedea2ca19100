from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections import namedtuple
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from lab.errors import UserError
from lab.matrix import load_matrix
from lab.measure.choice import Choice
from lab.runner.plan import Plan, check_output, load_scenarios, prepare
from lab.scenarios.generate import generate
from lab.session import Session, dump_session
from lab.zoo.resolve import ModelFiles

Usage = namedtuple("Usage", "total used free")
# A 2x2 that needs nothing but a model.
ROUNDED = {"precision": "bf16,rtn-w4", "speculation": "none,ngram"}


def test_a_scenario_is_cut_to_the_first_sessions_and_calls() -> None:
    whole = load_scenarios(load_matrix("quick", {"scenario": "worlds"}))["worlds"].sessions
    cut = load_scenarios(load_matrix("quick", {"scenario": "worlds", "sessions": 2, "calls": 1}))[
        "worlds"
    ].sessions
    assert [session.id for session in cut] == [session.id for session in whole[:2]]
    assert [session.calls for session in cut] == [session.calls[:1] for session in whole[:2]]
    assert all(len(session.calls) > 1 for session in whole[:2])


def test_an_unknown_scenario_is_told() -> None:
    with pytest.raises(UserError, match="Did you mean 'quick'"):
        load_scenarios(load_matrix("quick", {"scenario": "quik"}))


def test_a_malformed_session_file_names_the_line(tmp_path: Path) -> None:
    (tmp_path / "mine.jsonl").write_text('{"schema": "agent-session/1"\n')
    with pytest.raises(UserError, match=r"mine\.jsonl line 1 is not valid JSON"):
        load_scenarios(load_matrix("quick", {"scenario": str(tmp_path / "mine.jsonl")}))


def test_a_full_disk_is_told_before_anything_is_done(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: Usage(2**40, 2**40, 3 * 2**20))
    with pytest.raises(UserError, match="got 3 MiB free, expected at least 64 MiB"):
        check_output(tmp_path)


def test_a_read_only_folder_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda _path, _mode: False)
    with pytest.raises(UserError, match="got read-only, expected a folder that can be written"):
        check_output(tmp_path)


def test_an_output_folder_is_made(tmp_path: Path) -> None:
    check_output(tmp_path / "a" / "b")
    assert (tmp_path / "a" / "b").is_dir()


@pytest.fixture
def worlds_file(tmp_path: Path) -> tuple[str, list[Session]]:
    """A file of sessions that have a tool world, and these sessions."""
    sessions = list(generate("chain", n=3, seed=2))
    path = tmp_path / "chain.jsonl"
    path.write_text("\n".join(map(dump_session, sessions)))
    return str(path), sessions


def test_sessions_with_a_world_are_taken_live(worlds_file: tuple[str, list[Session]]) -> None:
    path, sessions = worlds_file
    matrix = load_matrix("quick", {"replay": "live", "scenario": path, "calls": 99})
    assert [s.id for s in load_scenarios(matrix)[path].sessions] == [s.id for s in sessions]


def test_sessions_without_a_world_are_not_taken_live() -> None:
    with pytest.raises(UserError, match=r"session.world: got none, expected a tool world.*sessions generate"):
        load_scenarios(load_matrix("quick", {"replay": "live", "scenario": "authored", "calls": 99}))


def test_a_session_that_calls_would_cut_is_not_taken_live(worlds_file: tuple[str, list[Session]]) -> None:
    path, sessions = worlds_file
    longest = max(len(session.calls) for session in sessions)
    for calls, refused in ((longest, False), (longest - 1, True)):
        matrix = load_matrix("quick", {"replay": "live", "scenario": path, "calls": calls})
        if refused:
            with pytest.raises(UserError, match=rf"got {calls}, which cuts session .* expected whole"):
                load_scenarios(matrix)
        else:
            assert load_scenarios(matrix)


def test_a_session_that_its_scenario_cuts_is_not_taken_live() -> None:
    with pytest.raises(UserError, match=r"got 2, which cuts session .* expected whole.*lab run live"):
        load_scenarios(load_matrix("quick", {"replay": "live"}))
    assert load_scenarios(load_matrix("live"))


def test_a_world_s_state_that_the_recorded_calls_do_not_run_in_is_told(
    worlds_file: tuple[str, list[Session]],
) -> None:
    path, _ = worlds_file
    lines = [json.loads(line) for line in Path(path).read_text().splitlines()]
    lines[0]["session"]["world"]["initial_state"] = {"serial": 1}
    Path(path).write_text("\n".join(map(json.dumps, lines)))
    with pytest.raises(UserError, match=r"world.initial_state: got KeyError.*expected a state"):
        load_scenarios(load_matrix("quick", {"replay": "live", "scenario": path, "calls": 99}))


@pytest.fixture(autouse=True)
def _nothing_to_choose(monkeypatch: pytest.MonkeyPatch) -> None:
    """The models of these tests have no weights whose steps could be timed."""
    monkeypatch.setattr(
        "lab.measure.choice.choose_kernels", lambda _path, precision, **_: Choice({"w4": precision}, {})
    )


@dataclass
class Measured:
    read_gb_per_s: float = 1.0


def test_a_head_that_was_trained_again_is_another_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files, head = ModelFiles("m", tmp_path, "hermes", "local", None, None), tmp_path / "head"
    head.mkdir()
    monkeypatch.setattr("lab.runner.plan.resolve", lambda *_, **__: files)
    monkeypatch.setattr("lab.runner.plan._heads", lambda *_: {"smollm2-135m-agent": head})
    monkeypatch.setattr("lab.measure.ceilings.ceilings", lambda *_, **__: Measured())
    digests = []
    for weights in (b"one", b"one", b"two"):
        (head / "model.safetensors").write_bytes(weights)
        plan = prepare(
            load_matrix("quick", {"precision": "bf16", "speculation": "none,eagle3"}), tmp_path / "out"
        )
        digests.append(plan.digest)
    assert digests[0] == digests[1] != digests[2]
    assert plan.environment["heads"]["smollm2-135m-agent"] == hashlib.sha256(b"two").hexdigest()


def test_without_eagle3_no_head_is_looked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = ModelFiles("m", tmp_path, "hermes", "local", None, None)
    monkeypatch.setattr("lab.runner.plan.resolve", lambda *_, **__: files)
    monkeypatch.setattr("lab.measure.ceilings.ceilings", lambda *_, **__: Measured())
    assert prepare(load_matrix("quick", ROUNDED), tmp_path / "out").heads == {}
    with pytest.raises(UserError, match="eagle3 with m: got no draft head of its own"):
        prepare(load_matrix("quick", {"precision": "bf16", "speculation": "none,eagle3"}), tmp_path / "out")


def test_a_cell_runs_with_the_kernels_chosen_for_its_precision(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = ModelFiles("m", tmp_path, "hermes", "local", None, None)
    monkeypatch.setattr("lab.runner.plan.resolve", lambda *_, **__: files)
    monkeypatch.setattr("lab.measure.ceilings.ceilings", lambda *_, **__: Measured())
    plan = prepare(load_matrix("quick", ROUNDED), tmp_path / "out")
    configs = [plan.spec(cell, Path("out")).config for cell in plan.cells]
    assert all(config.kernels == {"w4": config.precision} for config in configs)
    assert plan.environment["kernels"]["smollm2-135m-agent/bf16"] == {
        "kernels": {"w4": "bf16"},
        "step_ms": {},
        "others_busy": None,
    }


def test_a_run_of_other_kernels_is_another_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = ModelFiles("m", tmp_path, "hermes", "local", None, None)
    monkeypatch.setattr("lab.runner.plan.resolve", lambda *_, **__: files)
    monkeypatch.setattr("lab.measure.ceilings.ceilings", lambda *_, **__: Measured())
    digests = []
    for kernel in ("cpu", "cpu", "torch"):
        choice = Choice({"w4": kernel}, {})
        monkeypatch.setattr("lab.measure.choice.choose_kernels", lambda *_, choice=choice, **__: choice)
        digests.append(prepare(load_matrix("quick", ROUNDED), tmp_path / "out").digest)
    assert digests[0] == digests[1] != digests[2]


def test_a_model_that_cannot_be_guided_is_told_before_anything_is_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = ModelFiles("m", tmp_path, "pythonic", "local", None, None)
    monkeypatch.setattr("lab.runner.plan.resolve", lambda *_, **__: files)
    monkeypatch.setattr("lab.measure.ceilings.ceilings", lambda *_, **__: pytest.fail("measured"))
    with pytest.raises(UserError, match="got pythonic, expected one of hermes"):
        prepare(load_matrix("quick", ROUNDED | {"guided": "schema"}), tmp_path / "out")


def test_a_guided_cell_tells_its_worker_how_the_model_writes_calls(make_plan: Callable[..., Plan]) -> None:
    plan = make_plan(engine="native", guided="off,schema", speculation="none")
    configs = [plan.spec(cell, Path("out")).config for cell in plan.cells]
    assert [(c.guided, c.wire_family) for c in configs] == [("off", "hermes"), ("schema", "hermes")]
