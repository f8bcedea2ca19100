from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from lab.cli.models import models
from lab.errors import UserError
from lab.quantize import folder
from lab.quantize.weights import quantized_dir
from lab.session import dump_session
from lab.zoo.resolve import resolve


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[dict[str, Any]]:
    """What the quantizer was asked for; it writes a folder of one byte."""
    asked: list[dict[str, Any]] = []

    def quantize(files: Any, calibration: Any, config: Any, out: Path, *, tell: Any) -> Path:
        asked.append({"model": files, "calibration": calibration, "config": config, "out": out})
        tell(1, 1)
        out.mkdir(parents=True, exist_ok=True)
        (out / "model.safetensors").write_bytes(b"x")
        return out

    monkeypatch.setenv("LAB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(folder, "quantize_gptq", quantize)
    return asked


@pytest.fixture
def sessions(tmp_path: Path, make_session: Any) -> Path:
    path = tmp_path / "calibration.jsonl"
    path.write_text("\n".join(dump_session(make_session(city, city)) for city in ("Oslo", "Rome" * 40)))
    return path


def invoke(*arguments: object) -> Result:
    return CliRunner().invoke(models, ["quantize", *map(str, arguments)], catch_exceptions=False)


def test_the_sessions_are_calibrated_on_and_the_version_lands_where_runs_look(
    model_folder: Path, made: list[dict[str, Any]], sessions: Path, tokenizer: Any
) -> None:
    result = invoke(model_folder, "--sessions", sessions, "--length", 300, "--group", 32, "--json")
    document = json.loads(result.stdout.splitlines()[-1])
    (asked,) = made
    assert asked["out"] == quantized_dir(resolve(str(model_folder)), "gptq-w4") == Path(document["path"])
    assert asked["config"].group == 32
    (ids,) = asked["calibration"]
    assert "Weather in Oslo?" in tokenizer.decode(ids)
    assert (document["tokens"], document["bytes"]) == (len(ids), 1)
    assert "1 of 2 calibration sessions are left out: longer than 300 tokens" in result.stderr


def test_without_sessions_generated_ones_of_the_training_split_are_taken(
    model_folder: Path, made: list[dict[str, Any]], tmp_path: Path
) -> None:
    arguments = (model_folder, "--families", "dialogue:2", "--length", 100_000, "--out", tmp_path / "out")
    assert invoke(*arguments).exit_code == 0
    assert len(made[0]["calibration"]) >= 2
    assert made[0]["out"] == tmp_path / "out"


def test_a_version_that_is_there_is_kept_unless_forced(
    model_folder: Path, made: list[dict[str, Any]], sessions: Path, tmp_path: Path
) -> None:
    arguments = (model_folder, "--sessions", sessions, "--out", tmp_path / "out")
    invoke(*arguments)
    with pytest.raises(UserError, match="out: got a folder that exists"):
        invoke(*arguments)
    assert invoke(*arguments, "--force").exit_code == 0
    assert len(made) == 2


@pytest.mark.parametrize(
    ("precision", "hint"),
    [
        ("rtn-w4", "made of the model's own weights"),
        ("awq-w4", "loaded, not made"),
        ("gptq-w4a8", "the version that --precision gptq-w4 makes"),
        ("w5", "expected gptq-w4"),
    ],
)
def test_other_precisions_are_not_made(made: list[dict[str, Any]], precision: str, hint: str) -> None:
    with pytest.raises(UserError, match=hint):
        invoke("smollm2-135m", "--precision", precision)
    assert not made


def test_a_quantizer_that_is_not_installed_is_refused_before_anything_is_fetched(
    made: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lab.quantize.gptqmodel.find_spec", lambda _: None)
    with pytest.raises(UserError, match="--by gptqmodel: got no package gptqmodel"):
        invoke("no-such-model", "--by", "gptqmodel")
    assert not made
