from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from lab.cli.report import find_run, report
from lab.errors import UserError
from lab.reports import style

Run = Callable[..., Path]


@pytest.fixture(autouse=True)
def in_a_folder_of_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "lab-runs").mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(style, "png", lambda _: b"not drawn")


def test_latest_is_the_run_last_written_to(made_up_run: Run) -> None:
    for age, name in ((300, "b"), (100, "a"), (200, "c")):
        folder = made_up_run(f"lab-runs/{name}", sessions=1, rounds=1)
        stamp = 1_800_000_000 - age
        os.utime(folder / "run.sqlite", (stamp, stamp))
    result = CliRunner().invoke(report, [])
    assert result.exit_code == 0, result.output
    assert result.output.splitlines()[-1] == "Report: lab-runs/a/report/index.html"
    assert Path("lab-runs/a/report/index.html").is_file()


@pytest.mark.parametrize("name", ["lab-runs/one", "one"])
def test_a_run_is_found_by_its_folder_and_by_its_id(made_up_run: Run, name: str) -> None:
    made_up_run("lab-runs/one", sessions=1, rounds=1)
    assert find_run(name) == Path("lab-runs/one")


def test_the_arms_and_the_verdict_are_printed(made_up_run: Run) -> None:
    made_up_run("lab-runs/one")
    output = CliRunner().invoke(report, ["one"]).output
    assert "w4 + ngram" in output
    assert "Serve w4 + ngram" in output


def test_json_is_one_document_on_the_last_line(made_up_run: Run) -> None:
    made_up_run("lab-runs/one")
    result = CliRunner().invoke(report, ["one", "--json"])
    document = json.loads(result.output.splitlines()[-1])
    assert document["run"]["report"] == "lab-runs/one/report/index.html"
    assert [arm["decode_tok_per_s"] for arm in document["arms"]] == pytest.approx([100, 200, 200, 250])


def test_an_unknown_run_names_the_nearest_one(made_up_run: Run) -> None:
    made_up_run("lab-runs/quick-20261201", sessions=1, rounds=1)
    with pytest.raises(UserError, match="Did you mean"):
        find_run("quick-20261210")


def test_no_run_at_all_says_how_to_start_one() -> None:
    with pytest.raises(UserError, match=r"no run in lab-runs\. Start one with `lab run`"):
        find_run("latest")


def test_reports_never_load_an_engine() -> None:
    code = (
        "import sys, lab.cli.report; assert 'matplotlib' not in sys.modules;"
        "import lab.reports.build, lab.reports.terminal;"
        "loaded = {'torch', 'transformers', 'lab.engines', 'matplotlib.pyplot'} & set(sys.modules);"
        "assert not loaded, loaded"
    )
    subprocess.run([sys.executable, "-c", code], check=True, env=os.environ | {"PYTHONSAFEPATH": "1"})
