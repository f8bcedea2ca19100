from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from lab.cli.sessions import sessions
from lab.errors import UserError
from lab.scenarios.library import load_scenario

LINE: dict[str, Any] = {
    "schema": "agent-session/1",
    "id": "plain",
    "source": {"name": "me", "license": "MIT", "gold": False},
    "tools": [
        {"type": "function", "function": {"name": name, "parameters": {"type": "object", "properties": {}}}}
        for name in ("[red]look", "listen")
    ],
    "messages": [
        {"role": "user", "content": "Say [bold]hi[/bold]"},
        {"role": "assistant", "content": "Hi"},
        {"role": "user", "content": "And now?"},
        {"role": "assistant", "content": "Bye"},
    ],
    "calls": [
        {"at": 1, "tools_visible": ["listen"], "expect": {"kind": "any"}},
        {
            "at": 3,
            "expect": {
                "kind": "calls",
                "order": "strict",
                "extra": "ignore",
                "calls": [{"name": "listen"}, {"name": "[red]look"}],
                "alternatives": [[]],
            },
        },
    ],
}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "mine.jsonl"
    path.write_text(json.dumps(LINE))
    return path


def run(*arguments: str, stdin: bytes | None = None) -> Result:
    return CliRunner(env={"COLUMNS": "100"}).invoke(sessions, arguments, input=stdin)


def output(*arguments: str, stdin: bytes | None = None) -> str:
    result = run(*arguments, stdin=stdin)
    assert result.exit_code == 0, result.output
    return result.output


def refusal(*arguments: str, stdin: bytes | None = None) -> str:
    result = run(*arguments, stdin=stdin)
    assert isinstance(result.exception, UserError)
    return str(result.exception)


def test_list_shows_every_authored_session_and_the_totals() -> None:
    text = output("list")
    authored = load_scenario("authored").sessions
    assert all(session.id in text for session in authored)
    assert "24 sessions" in text
    assert "8 domains" in text
    assert str(sum(len(session.calls) for session in authored)) in text


def test_list_fits_80_columns() -> None:
    lines = CliRunner(env={"COLUMNS": "80"}).invoke(sessions, ["list"]).output.splitlines()
    assert max(map(len, lines)) <= 80


def test_list_json_is_one_document_on_the_last_line() -> None:
    document = json.loads(output("list", "authored", "--json").splitlines()[-1])
    authored = load_scenario("authored")
    assert (document["scenario"], document["digest"]) == ("authored", authored.digest)
    assert [row["id"] for row in document["sessions"]] == [session.id for session in authored.sessions]
    assert document["calls"] == sum(row["calls"] for row in document["sessions"])
    assert document["sessions"][0] == {
        "id": "travel/0001",
        "domain": "travel",
        "tags": ["travel", "chain", "multi-turn"],
        "tools": 4,
        "calls": 5,
        "gold": True,
    }


def test_list_takes_a_file_and_an_id_without_a_domain(file: Path) -> None:
    assert "1 session " in output("list", str(file))
    row = json.loads(output("list", str(file), "--json"))["sessions"][0]
    assert row["domain"] is None


def test_list_refuses_an_unknown_scenario() -> None:
    assert "Did you mean 'authored'?" in refusal("list", "autored")


def test_show_prints_tools_messages_and_expectations() -> None:
    text = output("show", "files/0001")
    assert "replace_text" in text
    assert "path* old* new*" in text
    assert "path* first_line last_line" in text
    assert "What port does the shop listen on?" in text
    assert 'read_file(path="/srv/shop/config.yml")' in text
    assert "The shop listens on port 8090." in text
    assert "expects no call" in text
    assert [f"call {number}" in text for number in range(5)] == [True] * 4 + [False]


def test_show_call_prints_the_prompt_and_the_reply_of_that_call_only() -> None:
    text = output("show", "files/0001", "--call", "1")
    assert 'list_dir(path={"any_of": ["/srv/shop", "/srv/shop/"]})' in text
    assert "ENOENT" in text
    assert "call 1" in text
    assert "call 0" not in text
    assert "config.yaml" not in text


def test_show_cuts_nothing_off_in_a_narrow_terminal() -> None:
    text = CliRunner(env={"COLUMNS": "60"}).invoke(sessions, ["show", "sql/0002"]).output
    assert "…" not in text


def test_show_prints_content_as_it_is_and_every_part_of_an_expectation(file: Path) -> None:
    text = output("show", "plain", "--scenario", str(file))
    assert "Say [bold]hi[/bold]" in text
    assert "[red]look" in text
    assert "an observation, not gold" in text
    assert "expects anything" in text
    assert "sees only listen" in text
    for words in ("or else:", "no call", "in this order", "and perhaps others"):
        assert words in text


def test_show_call_lists_only_the_tools_visible_to_it(file: Path) -> None:
    assert "look" not in output("show", "plain", "--scenario", str(file), "--call", "0")
    assert "look" in output("show", "plain", "--scenario", str(file), "--call", "1")


def test_show_refuses_an_unknown_id_and_a_call_out_of_range() -> None:
    assert "Did you mean 'travel/0001'?" in refusal("show", "travl/0001")
    assert "`lab sessions list quick` shows them all" in refusal("show", "zzz", "--scenario", "quick")
    assert "--call: got 4, expected 0 to 3" in refusal("show", "files/0001", "--call", "4")
    assert run("show", "files/0001", "--call", "-1").exit_code == 2


def test_validate_counts_sessions_and_calls(file: Path) -> None:
    assert output("validate", str(file)) == "1 session, 2 calls: valid\n"
    document = json.loads(output("validate", str(file), "--json").splitlines()[-1])
    assert document == {"file": str(file), "valid": True, "sessions": 1, "calls": 2}


def test_validate_reads_standard_input() -> None:
    two = json.dumps(LINE) + "\n" + json.dumps({**LINE, "id": "é"}, ensure_ascii=False)
    assert output("validate", "-", stdin=two.encode()) == "2 sessions, 4 calls: valid\n"


@pytest.mark.parametrize(
    ("stdin", "message"),
    [
        (b"", "standard input: got no session"),
        (b"{", "standard input line 1 is not valid JSON"),
        (b"\n\xff", "standard input line 2: got bytes that are not UTF-8"),
        (json.dumps({**LINE, "tol": 1}).encode(), "unknown key 'tol' (Did you mean 'tools'?)"),
    ],
)
def test_validate_refuses_what_is_no_session(stdin: bytes, message: str) -> None:
    assert message in refusal("validate", "-", stdin=stdin)


def test_validate_refuses_a_missing_file_and_a_folder(tmp_path: Path) -> None:
    assert "No such file" in refusal("validate", str(tmp_path / "none.jsonl"))
    assert "Is a directory" in refusal("validate", str(tmp_path))


def test_the_command_needs_no_model_library() -> None:
    heavy = "{'torch', 'transformers', 'matplotlib'}"
    code = f"import sys, lab.cli.sessions; sys.exit(bool({heavy} & sys.modules.keys()))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
