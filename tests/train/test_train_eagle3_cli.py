from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from lab.cli.train import train
from lab.errors import UserError
from lab.models.config import read_config
from lab.session import dump_session
from lab.speculation.eagle3.checkpoint import read_head_config


@pytest.fixture
def data(tmp_path, make_session) -> dict[str, Path]:
    files = {"training": ["Oslo", "Rome", "Lima"], "validation": ["Bern"]}
    found = {}
    for name, cities in files.items():
        found[name] = tmp_path / f"{name}.jsonl"
        found[name].write_text("\n".join(dump_session(make_session(f"{name}/{c}", c)) for c in cities))
    return found


@pytest.fixture
def arguments(tmp_path, deep_folder, data) -> list[str]:
    options = {
        "--model": deep_folder,
        "--out": tmp_path / "run",
        "--sessions": data["training"],
        "--validation": data["validation"],
        "--precision": "fp32",
        "--vocabulary": 100,
        "--unroll": 2,
        "--batch-tokens": 200,
        "--epochs": 2,
        "--tree": "tree-2x2x4",
        "--threads": 1,
    }
    return [str(word) for pair in options.items() for word in pair] + ["--json"]


def invoke(arguments: list[str], *more: object) -> Result:
    return CliRunner().invoke(train, ["eagle3", *arguments, *map(str, more)], catch_exceptions=False)


def document(result: Result) -> dict:
    return json.loads(result.stdout.splitlines()[-1])


def test_a_training_ends_with_a_head_that_fits_its_target(arguments, tmp_path, deep_folder) -> None:
    result = invoke(arguments)
    assert result.exit_code == 0, result.output
    told, out = document(result), tmp_path / "run"
    assert told["finished"]
    assert told["step"] == told["steps"] > 1
    assert told["validation_loss"] > 0
    assert [each["step"] for each in told["evaluations"]] == [round(told["steps"] / 2), told["steps"]]
    assert all(1 <= each["accepted_length"] <= 3 for each in told["evaluations"])
    assert read_head_config(Path(told["head"]), read_config(deep_folder)).decoder.vocabulary == 100
    assert (out / "training.png").read_bytes().startswith(b"\x89PNG")
    assert json.loads((out / "training.json").read_text())["kind"] == "eagle3"
    assert f"--draft-head {out / 'head'}" in result.stderr
    with pytest.raises(UserError, match=r"a finished training.*lab run --draft-head"):
        invoke(arguments)


def test_a_training_out_of_time_is_resumed_by_the_same_command(arguments, tmp_path) -> None:
    straight = tmp_path / "straight"
    invoke([str(straight) if word == str(tmp_path / "run") else word for word in arguments])
    stopped = invoke(arguments, "--max-minutes", "1e-9")
    assert (document(stopped)["finished"], document(stopped)["head"]) == (False, None)
    assert "the same command goes on" in stopped.stderr
    assert document(invoke(arguments))["finished"]
    names = (
        "head/model.safetensors",
        "features/000001.safetensors",
        "features/validation/000000.safetensors",
    )
    for name in names:
        assert (straight / name).read_bytes() == (tmp_path / "run" / name).read_bytes()


def test_sessions_that_do_not_fit_into_the_cache_are_left_out_and_told(arguments) -> None:
    result = invoke(arguments, "--cache-gb", "0.0003", "--evaluations", "0")
    assert document(result)["finished"]
    assert "sessions are left out" in result.stderr


def test_a_shape_that_is_none_is_told_before_anything_is_done(arguments, tmp_path) -> None:
    with pytest.raises(UserError, match="--tree: got 'bush', expected chain-K"):
        invoke(arguments, "--tree", "bush")
    assert not (tmp_path / "run").exists()
