from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from lab.cli.audit import audit

Run = Callable[..., Path]


@pytest.fixture(autouse=True)
def in_a_folder_of_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "lab-runs").mkdir()
    monkeypatch.chdir(tmp_path)


def test_every_speculative_arm_is_counted_and_an_error_is_exit_code_1(made_up_run: Run) -> None:
    made_up_run("lab-runs/one")
    result = CliRunner().invoke(audit, ["one", "--json"])
    document = json.loads(result.stdout.splitlines()[-1])
    assert document["schema"] == "lab-audit/1"
    arms = {(arm["precision"], arm["speculation"]): arm for arm in document["arms"]}
    assert set(arms) == {("bf16", "ngram"), ("w4", "ngram")}
    for arm in arms.values():
        assert set(arm) >= {"identical", "near_tie", "error", "threshold", "first_divergence"}
    errors = sum(arm["error"] for arm in arms.values())
    assert errors > 0
    assert result.exit_code == 1
    assert "identical" in result.stderr


def test_a_run_whose_drafts_changed_nothing_is_exit_code_0(made_up_run: Run) -> None:
    made_up_run("lab-runs/one", arms=(("bf16", "none"), ("bf16", "ngram")))
    result = CliRunner().invoke(audit, [])
    assert (result.exit_code, "error" in result.output) == (0, True)


def test_without_a_speculative_arm_it_says_what_it_takes(made_up_run: Run) -> None:
    made_up_run("lab-runs/one", arms=(("bf16", "none"),))
    result = CliRunner().invoke(audit, [])
    assert result.exit_code == 0
    assert "Nothing to audit" in result.output
