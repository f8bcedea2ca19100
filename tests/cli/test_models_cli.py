from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from safetensors.numpy import save_file

from lab.cli import models as models_module
from lab.cli.models import models
from lab.cli.progress import PHASES
from lab.errors import UserError
from lab.zoo.catalog import CATALOG
from lab.zoo.pull import MARKER, _recipe, model_dir


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LAB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("COLUMNS", "100")
    return tmp_path / "cache"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "model"
    path.mkdir()
    config = {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "num_hidden_layers": 2,
        "hidden_size": 8,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "vocab_size": 10,
        "tie_word_embeddings": True,
        "rope_theta": 10000.0,
        "max_position_embeddings": 128,
    }
    (path / "config.json").write_text(json.dumps(config))
    weights = {f"model.layers.{i}.self_attn.q_proj.weight": np.zeros((8, 8), np.float16) for i in (0, 1)}
    save_file(weights | {"model.norm.weight": np.zeros(8, np.float32)}, path / "model.safetensors")
    return path


def run(*arguments: str) -> str:
    result = CliRunner().invoke(models, list(arguments), catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def test_list_shows_what_can_be_pulled_and_how() -> None:
    text = run("list")
    assert "smollm2-135m" in text
    assert "134.5 M" in text
    assert "Apache-2.0" in text
    assert "lab models pull smollm2-135m" in text


def test_list_as_json_gives_the_path_of_a_pulled_model_and_null_otherwise() -> None:
    row, agent = json.loads(run("list", "--json"))
    assert agent["name"] == "smollm2-135m-agent"
    assert (row["name"], row["parameters"], row["path"]) == ("smollm2-135m", 134_515_008, None)
    path = model_dir("smollm2-135m")
    path.mkdir(parents=True)
    assert json.loads(run("list", "--json"))[0]["path"] is None
    (path / MARKER).write_text(json.dumps(_recipe(CATALOG["smollm2-135m"])))
    assert json.loads(run("list", "--json"))[0]["path"] == str(path)


@pytest.mark.parametrize("force", [False, True])
def test_pull_hands_the_entry_and_the_flag_on_and_says_where_the_model_is(
    monkeypatch: pytest.MonkeyPatch, force: bool
) -> None:
    asked: list[Any] = []

    def fake(entry: Any, *, progress: Any, force: bool) -> Path:
        for phase in ("download", "verify", "unpack", "convert", "merge"):
            progress(phase, 1, 2)
        asked.append((entry.name, force))
        return Path("here")

    monkeypatch.setattr(models_module, "pull", fake)
    assert run("pull", "smollm2-135m", *(["--force"] if force else [])).endswith("smollm2-135m is in here\n")
    assert asked == [("smollm2-135m", force)]


def test_pull_of_an_unknown_name_is_a_user_error() -> None:
    with pytest.raises(UserError, match="Did you mean 'smollm2-135m'"):
        run("pull", "smollm2")


def test_inspect_reads_architecture_and_tensors_from_the_headers(folder: Path) -> None:
    document = json.loads(run("inspect", str(folder), "--json"))
    facts = document["architecture"]
    assert (facts["layers"], facts["heads"], facts["kv_heads"], facts["head_dim"]) == (2, 4, 2, 2)
    assert (facts["rope_theta"], facts["rope_type"], facts["context"]) == (10000.0, "default", 128)
    assert (facts["tied_embeddings"], facts["wire_family"], facts["quantization"]) == (
        True,
        "llama3-json",
        None,
    )
    assert document["tensors"][0] == {
        "name": "model.layers.*.self_attn.q_proj.weight",
        "dtype": "F16",
        "shape": [8, 8],
        "tensors": 2,
        "elements": 128,
        "bytes": 256,
    }
    assert document["totals"] == {"elements": 136, "bytes": 288}
    assert document["provenance"]["source"] == "local"


def test_inspect_tables_fit_eighty_columns(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    text = run("inspect", str(folder))
    assert "layers.*.self_attn.q_proj" in text
    assert "288 B" in text
    assert max(len(line) for line in text.splitlines()) <= 80


def test_rope_parameters_of_newer_configs_are_read(folder: Path) -> None:
    config = json.loads((folder / "config.json").read_text())
    del config["rope_theta"]
    config["rope_parameters"] = {"rope_theta": 5e5, "rope_type": "llama3"}
    (folder / "config.json").write_text(json.dumps(config))
    facts = json.loads(run("inspect", str(folder), "--json"))["architecture"]
    assert (facts["rope_theta"], facts["rope_type"]) == (5e5, "llama3")


def test_the_provenance_of_a_converted_model_is_shown(folder: Path) -> None:
    (folder / MARKER).write_text(json.dumps({"package": "p", "sha256": "ab", "wire_family": "hermes"}))
    document = json.loads(run("inspect", str(folder), "--json"))
    assert document["provenance"]["package"] == "p"
    assert document["provenance"]["gguf_sha256"] == "ab"
    assert document["architecture"]["wire_family"] == "hermes"


def test_the_command_module_loads_without_the_heavy_libraries() -> None:
    code = "import sys, lab.cli.models; sys.exit(bool({'torch', 'transformers', 'gguf'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-P", "-c", code], check=False).returncode == 0


def test_every_phase_of_a_pull_has_a_label() -> None:
    assert {"download", "verify", "unpack", "convert", "merge"} <= set(PHASES)
