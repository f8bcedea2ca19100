from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from click.testing import CliRunner

from lab.cli import run as run_module
from lab.cli.run import run
from lab.errors import UserError
from lab.scenarios.generate import generate
from lab.session import dump_session
from lab.store import Store

# Session and call -> the tokens of the reply.
Replies = dict[tuple[str, int], Sequence[int]]


def test_dry_run_lists_the_cells_and_makes_nothing(tmp_path: Path) -> None:
    result = CliRunner().invoke(run, ["--dry-run", "--json", "--out", str(tmp_path / "out")])
    assert result.exit_code == 0
    lines = result.output.splitlines()
    assert lines[0].startswith("native/smollm2-135m-agent/bf16/none/off/bf16/quick: 16 calls x 3 rounds")
    assert lines[-2] == "4 cells, 192 calls"
    assert len(json.loads(lines[-1])["cells"]) == 4
    assert not (tmp_path / "out").exists()


def test_dry_run_of_a_live_run_counts_sessions_since_the_model_chooses_its_calls(tmp_path: Path) -> None:
    path = tmp_path / "chain.jsonl"
    path.write_text("\n".join(map(dump_session, generate("chain", n=3, seed=2))))
    arguments = ["--dry-run", "--replay", "live", "--scenario", str(path), "--calls", "99", "--step-cap", "5"]
    result = CliRunner().invoke(run, arguments)
    assert result.exit_code == 0, result.exception
    lines = result.output.splitlines()
    assert lines[0] == "native/smollm2-135m-agent/bf16/none/off/bf16/chain: 3 sessions x 3 rounds"
    assert lines[-1] == "4 cells, 36 sessions"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--precision", "bf61"], "Did you mean 'bf16'?"),
        (["--scenario", "quik"], "Did you mean 'quick'?"),
        (["--guided", "json"], "expected one of off, schema"),
        (["--kernel", "w4=marlin"], "expected one of cpu, triton, torch, bitsandbytes, reference"),
        (["nothing"], "expected a preset ("),
        (["--replay", "life"], "Did you mean 'live'?"),
        (["--step-cap", "9"], "only live replay has one"),
        (["--replay", "live", "--scenario", "authored", "--calls", "99"], "session.world: got none"),
    ],
)
def test_a_mistake_is_told_before_anything_is_done(
    tmp_path: Path, arguments: list[str], message: str
) -> None:
    result = CliRunner().invoke(run, ["--dry-run", *arguments, "--out", str(tmp_path / "out")])
    assert isinstance(result.exception, UserError)
    assert message in str(result.exception)


def test_an_unknown_model_or_device_is_told_before_a_folder_is_made(tmp_path: Path) -> None:
    for arguments, message in (
        (["--model", "smollm-135m"], "Did you mean 'smollm2-135m'?"),
        (["--device", "tpu"], "device: got 'tpu', expected cpu"),
    ):
        result = CliRunner().invoke(run, [*arguments, "--out", str(tmp_path / "out")])
        assert isinstance(result.exception, UserError)
        assert message in str(result.exception)
        assert not list((tmp_path / "out").glob("*"))


def test_an_output_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    result = CliRunner().invoke(run, ["--out", str(tmp_path / "file" / "runs")])
    assert isinstance(result.exception, UserError)
    assert "Choose another with --out." in str(result.exception)


def test_a_kernel_pin_without_an_equals_sign_is_a_usage_error() -> None:
    result = CliRunner().invoke(run, ["--kernel", "torch"])
    assert result.exit_code == 2
    assert "expected OP=KERNEL" in result.output


def test_the_script_answers_a_mistake_with_one_line_and_exit_code_2(tmp_path: Path) -> None:
    for arguments, message in (
        (
            ["run", "--precision", "bf61"],
            "Error: matrix 'quick': precision: got 'bf61', expected one of fp32",
        ),
        (["rnu"], "Did you mean 'run'?"),
    ):
        done = subprocess.run(
            [sys.executable, "-c", "from lab.cli import main; main()", *arguments],
            capture_output=True,
            text=True,
            cwd=tmp_path,
            check=False,
        )
        assert done.returncode == 2
        assert message in done.stderr
        assert "Traceback" not in done.stderr


@pytest.mark.slow
def test_the_main_job_on_the_real_model(tmp_path: Path) -> None:
    """`lab run --json`, cut to two sessions and one round: a table, a verdict, a report, one JSON line."""
    done = subprocess.run(
        [
            *(sys.executable, "-c", "from lab.cli import main; main()", "run", "--json", "--sessions", "2"),
            *("--rounds", "1", "--max-tokens", "16", "--out", str(tmp_path)),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout.splitlines()[-1])
    assert document["schema"] == "lab-run/1"
    assert document["run"]["finished"]
    assert document["ledger_error"] < 0.01
    assert Path(document["run"]["report"]).is_file()
    assert [(arm["precision"], arm["speculation"]) for arm in document["arms"]] == [
        ("bf16", "none"),
        ("bf16", "eagle3"),
        ("gptq-w4", "none"),
        ("gptq-w4", "eagle3"),
    ]
    for arm in document["arms"]:
        assert arm["status"] == "done"
        assert arm["decode_tok_per_s"] > 0
        assert arm["gb_per_s"] > 0
        assert arm["args_ok"]["n"] > 0
        if arm["speculation"] != "none":
            assert arm["lossless"]["error"] == 0
            # A head that reads wrong states drafts 1.4; this one 4 to 5.
            assert arm["tau"] > 2.5
            assert arm["lossless"]["identical"] + arm["lossless"]["near_tie"] == document["arms"][0]["calls"]


def replies_in_fp32(folder: Path, speculation: str, tree: str) -> dict[str, Replies]:
    """By speculation, the replies in all authored sessions, which the run's audit finds identical."""
    options = ["--precision", "fp32", "--speculation", speculation, "--tree", tree, "--draft-confidence", "0"]
    done = subprocess.run(
        [
            *(sys.executable, "-c", "from lab.cli import main; main()", "run", "--json", "--rounds", "1"),
            *(*options, "--scenario", "authored", "--max-tokens", "12", "--out", str(folder)),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    arms = json.loads(done.stdout.splitlines()[-1])["arms"]
    assert [arm["speculation"] for arm in arms] == speculation.split(",")
    assert all(arm["calls"] == 156 for arm in arms)
    # The first arm is what the others are held against.
    assert all(arm["lossless"]["identical"] == 156 for arm in arms[1:])
    found: dict[str, Replies] = {}
    (run_folder,) = folder.iterdir()
    with Store.open(run_folder) as store:
        drafters = {cell.cell_id: cell.speculation for cell in store.cells()}
        for call in store.calls():
            if call.round > 0:
                replies = found.setdefault(drafters[call.cell_id], {})
                replies[call.session_id, call.call_index] = call.generation.token_ids
    return found


@pytest.mark.slow
def test_greedy_drafts_change_no_token_in_fp32_on_every_authored_session(tmp_path: Path) -> None:
    trees = replies_in_fp32(tmp_path / "trees", "none,ngram,eagle3", "tree-6x8x24")
    chains = replies_in_fp32(tmp_path / "chains", "eagle3", "chain-4")
    plain = trees["none"]
    assert len(plain) == 156
    assert trees["ngram"] == plain
    assert trees["eagle3"] == plain
    assert chains["eagle3"] == plain


@pytest.mark.parametrize(("arms", "code"), [((("w4", "none"), ("w4", "ngram")), 1), ((("w4", "none"),), 0)])
def test_a_run_whose_drafts_changed_a_reply_exits_with_1(
    monkeypatch: pytest.MonkeyPatch, made_up_run: Callable[..., Path], arms: Any, code: int
) -> None:
    folder = made_up_run("one", arms=arms)
    monkeypatch.setattr(run_module, "_prepare", lambda *_: None)
    monkeypatch.setattr(
        "lab.runner.execute.choose_folder", lambda *_: SimpleNamespace(folder=folder, resumed=False)
    )
    monkeypatch.setattr("lab.runner.execute.execute", lambda *_: 0)
    monkeypatch.setattr("lab.cli.progress.RunProgress", lambda *_: nullcontext())
    result = CliRunner().invoke(run, ["--json"])
    assert result.exit_code == code, result.exception
    assert ("w4 + ngram changed 1 replies" in result.stderr) == bool(code)
