from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from lab.errors import UserError
from lab.scenarios.generate import FAMILIES
from lab.scenarios.library import Scenario, load_scenario, scenario_names
from lab.scenarios.worlds import TRAIN_WORLDS


def session_line(session_id: str, text: str = "Hi") -> str:
    return json.dumps(
        {
            "schema": "agent-session/1",
            "id": session_id,
            "source": {"name": "me", "license": "MIT"},
            "tools": [],
            "messages": [{"role": "user", "content": text}, {"role": "assistant", "content": "Hello"}],
            "calls": [{"at": 1, "expect": {"kind": "no_call"}}],
        }
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "a.jsonl").write_text(f"{session_line('a/1')}\n{session_line('a/2')}\n")
    (tmp_path / "b.jsonl").write_text(session_line("b/1"))
    return tmp_path


def preset(folder: Path, text: str) -> str:
    path = folder / "mine.yaml"
    path.write_text(text)
    return str(path)


def test_the_presets_are_found_by_name() -> None:
    assert scenario_names() == ["authored", "held-out", "novel-tools", "quick", "worlds"]
    for name in scenario_names():
        scenario = load_scenario(name)
        assert scenario.name == name
        assert scenario.description


def test_worlds_holds_eight_test_sessions_each_of_a_family_and_a_world_of_its_own() -> None:
    worlds = load_scenario("worlds").sessions
    assert all(session.id.split("/")[2] == "test" for session in worlds)
    assert len({session.id.split("/")[1] for session in worlds}) == 8
    assert {session.session.world.name for session in worlds if session.session.world} == set(TRAIN_WORLDS)
    assert all(2 <= len(session.calls) <= 5 and len(session.tools) == 4 for session in worlds)


def test_quick_is_worlds_cut_short() -> None:
    worlds, quick = load_scenario("worlds").sessions, load_scenario("quick").sessions
    assert [session.id for session in quick] == [session.id for session in worlds]
    for whole, cut in zip(worlds, quick, strict=True):
        assert cut.calls == whole.calls[:2]


def test_held_out_has_over_400_calls_of_every_family_in_known_worlds() -> None:
    sessions = load_scenario("held-out").sessions
    assert sum(len(session.calls) for session in sessions) >= 400
    # What `refuse` has, `no-call` has too.
    unlisted = {"novel-tools", "refuse", *(family for family in FAMILIES if family.startswith("catalog-"))}
    assert {session.id.split("/")[1] for session in sessions} == set(FAMILIES) - unlisted
    assert all(session.id.split("/")[2] == "test" for session in sessions)


def test_a_session_file_is_a_scenario_named_after_it(folder: Path) -> None:
    scenario = load_scenario(str(folder / "a.jsonl"))
    assert scenario.name == "a"
    assert [session.id for session in scenario.sessions] == ["a/1", "a/2"]


def test_a_preset_takes_all_sessions_of_its_files_in_order(folder: Path) -> None:
    scenario = load_scenario(preset(folder, "name: mine\nfiles: [b.jsonl, a.jsonl]"))
    assert (scenario.name, scenario.description) == ("mine", "")
    assert [session.id for session in scenario.sessions] == ["b/1", "a/1", "a/2"]


def test_a_preset_keeps_the_order_of_the_sessions_it_lists(folder: Path) -> None:
    scenario = load_scenario(preset(folder, "name: m\nfiles: [a.jsonl, b.jsonl]\nsessions: [b/1, a/1]"))
    assert [session.id for session in scenario.sessions] == ["b/1", "a/1"]


def test_generated_sessions_are_a_scenario_of_the_test_split() -> None:
    scenario = load_scenario("chain:3:7")
    assert [session.id for session in scenario.sessions] == [f"gen/chain/test/7/{n:04}" for n in (1, 2, 3)]
    assert load_scenario("chain:2").sessions[0].id == "gen/chain/test/0/0001"


def test_a_preset_mixes_files_and_generated_sessions(folder: Path) -> None:
    scenario = load_scenario(
        preset(folder, "name: m\nfiles: [b.jsonl]\ngenerate: ['sql:2', 'novel-tools:1']")
    )
    families = [session.id.split("/")[1] for session in scenario.sessions]
    assert families == ["1", "sql", "sql", "novel-tools"]


def test_a_preset_cuts_calls_and_tokens_of_each_session(folder: Path) -> None:
    text = "name: m\ngenerate: ['chain:2']\ncalls: 2\nmax_tokens: 50"
    for cut, whole in zip(
        load_scenario(preset(folder, text)).sessions, load_scenario("chain:2").sessions, strict=True
    ):
        assert [call.max_tokens for call in cut.calls] == [min(c.max_tokens, 50) for c in whole.calls[:2]]
        assert len(whole.calls) > 2
        assert cut.messages == whole.messages


@pytest.mark.parametrize("spec", ["chain:", "chain:0", "chain:x", "chain:-1", "chain:1:2:3", "chain:1:"])
def test_a_malformed_number_of_sessions_is_refused(spec: str) -> None:
    with pytest.raises(
        UserError, match=f"generated sessions: got '{spec}', expected FAMILY:N or FAMILY:N:SEED"
    ):
        load_scenario(spec)


def test_the_digest_is_sha256_of_the_canonical_sessions(folder: Path) -> None:
    scenario = load_scenario(str(folder / "b.jsonl"))
    dumped = [session.model_dump(mode="json", by_alias=True) for session in scenario.sessions]
    text = json.dumps(dumped, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    assert scenario.digest == hashlib.sha256(text.encode()).hexdigest()


def test_the_digest_depends_on_content_and_order_only(folder: Path) -> None:
    scenario = load_scenario(str(folder / "a.jsonl"))
    assert Scenario("other", "words", scenario.sessions).digest == scenario.digest
    assert Scenario("a", "", scenario.sessions[::-1]).digest != scenario.digest
    spaced = json.dumps(json.loads(session_line("a/1")), indent=None, separators=(" ,", " : "))
    (folder / "a.jsonl").write_text(f"{spaced}\n\n{session_line('a/2')}")
    assert load_scenario(str(folder / "a.jsonl")).digest == scenario.digest
    (folder / "a.jsonl").write_text(f"{session_line('a/1', 'Ho')}\n{session_line('a/2')}")
    assert load_scenario(str(folder / "a.jsonl")).digest != scenario.digest


def test_an_unknown_name_lists_the_presets_and_the_nearest() -> None:
    with pytest.raises(UserError) as caught:
        load_scenario("quik")
    assert "got 'quik'" in str(caught.value)
    assert "authored, held-out, novel-tools, quick" in str(caught.value)
    assert "Did you mean 'quick'?" in str(caught.value)


@pytest.mark.parametrize("name", ["none.jsonl", "none.yaml"])
def test_a_missing_file_is_named(folder: Path, name: str) -> None:
    with pytest.raises(UserError, match=name):
        load_scenario(str(folder / name))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name: m\nfile: [a.jsonl]", r"mine.yaml: unknown key 'file' \(Did you mean 'files'\?\)"),
        ("name: m", "mine.yaml: nothing to replay; expected `files`, `generate`, or both"),
        ("name: m\nfiles: []", "mine.yaml: nothing to replay"),
        ("name: m\ngenerate: [chian:3]", "session family: got 'chian'.*Did you mean 'chain'"),
        ("name: m\ngenerate: ['chain:2', 'chain:3']", "session id 'gen/chain/test/0/0001' twice"),
        ("name: m\nfiles: [a.jsonl]\nsessions: []", "mine.yaml: sessions"),
        ("name: m\nfiles: [a.jsonl]\ncalls: 0", "mine.yaml: calls"),
        ("name: m\nfiles: [c.jsonl]", "c.jsonl: got No such file"),
        ("name: m\nfiles: [a.jsonl]\nsessions: [a/3]", r"sessions: got 'a/3'.*Did you mean 'a/\d'\?"),
        ("name: m\nfiles: [a.jsonl]\nsessions: [a/1, a/1]", "sessions: got 'a/1' twice"),
        ("name: m\nfiles: [a.jsonl, a.jsonl]", "session id 'a/1' twice"),
        ("- a\n", "mine.yaml: got list, expected a mapping"),
        ("", "mine.yaml: got NoneType, expected a mapping"),
        ("name: [", "mine.yaml is not valid YAML"),
        ("1: 2", "unknown key '1'"),
    ],
)
def test_a_wrong_preset_is_refused_with_file_and_key(folder: Path, text: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        load_scenario(preset(folder, text))
