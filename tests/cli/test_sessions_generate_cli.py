from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from lab.cli.sessions import sessions
from lab.errors import UserError


def run(*arguments: str, stdin: bytes | None = None) -> Result:
    return CliRunner(env={"COLUMNS": "100"}).invoke(sessions, ["generate", *arguments], input=stdin)


def test_generated_sessions_pass_the_validator() -> None:
    made = run("chain", "--n", "7", "--seed", "1")
    assert made.exit_code == 0
    checked = CliRunner().invoke(sessions, ["validate", "-"], input=made.stdout_bytes)
    assert checked.output.startswith("7 sessions, ")
    assert checked.output.endswith(": valid\n")


def test_a_file_holds_what_standard_output_would_show(tmp_path: Path) -> None:
    out = tmp_path / "made.jsonl"
    result = run("sql", "--n", "3", "--seed", "5", "--split", "train", "--out", str(out))
    assert result.exit_code == 0
    assert result.stdout == ""
    assert "3 sessions of sql (train, seed 5)" in result.stderr
    assert out.read_bytes() == run("sql", "--n", "3", "--seed", "5", "--split", "train").stdout_bytes
    assert [json.loads(line)["id"] for line in out.read_text().splitlines()] == [
        f"gen/sql/train/5/000{number}" for number in (1, 2, 3)
    ]


def test_help_lists_the_families() -> None:
    text = run("--help").output
    assert "Families:" in text
    assert all(family in text for family in ("chain", "no-call", "catalog-64", "novel-tools"))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["chian"], "Did you mean 'chain'?"),
        (["everything"], "expected one of chain, parallel, retry"),
        (["chain", "--split", "tset"], "Did you mean 'test'?"),
        (["novel-tools", "--split", "train"], "held out"),
        (["chain", "--n", "1", "--out", "/"], "a file that can be written"),
    ],
)
def test_mistakes_are_refused_with_what_there_is(arguments: list[str], message: str) -> None:
    result = run(*arguments)
    assert isinstance(result.exception, UserError)
    assert message in str(result.exception)


def test_no_session_at_all_is_a_usage_error() -> None:
    assert run("chain", "--n", "0").exit_code == 2


def test_other_commands_do_not_import_the_worlds() -> None:
    code = "import sys, lab.cli.sessions; sys.exit('lab.scenarios.generate' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
