"""Making a quantized version, with a made-up GPTQModel, and finding it again."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from lab.errors import UserError
from lab.quantize.base import GptqConfig
from lab.quantize.folder import quantize_gptq
from lab.quantize.weights import quantized_dir, weights_for
from lab.zoo.pull import MARKER
from lab.zoo.resolve import ModelFiles, resolve

GPTQMODEL = '''
"""Writes what it was told into the folder; fails in the layer that a file beside the model names."""

import json
from pathlib import Path
from types import SimpleNamespace

import torch
from safetensors.torch import save_file


class QuantizeConfig:
    def __init__(self, **settings):
        self.settings = settings


class GPTQModel:
    def __init__(self, path, config):
        self.path, self.told = Path(path), config.settings
        self.model = SimpleNamespace(config=SimpleNamespace(num_hidden_layers=3))

    @classmethod
    def load(cls, path, config, dtype):
        config.settings["dtype"] = str(dtype)
        return cls(path, config)

    def quantize(self, data, batch_size, checkpoint):
        print("a lot of talk")
        Path("logs").mkdir(exist_ok=True)
        done = Path(checkpoint.path)
        done.mkdir(parents=True, exist_ok=True)
        limit = self.path / "fails-in"
        for layer in range(3):
            if limit.exists() and layer == int(limit.read_text()):
                raise RuntimeError("killed")
            (done / str(layer)).touch()
            self.layer_callback(layer_idx=layer, submodule_finalized=False)
            self.layer_callback(layer_idx=layer, submodule_finalized=True)
        self.told["sequences"] = len(data)
        self.told["resumed"] = len(list(done.iterdir()))

    def save(self, folder):
        folder = Path(folder)
        folder.mkdir()
        config = json.loads((self.path / "config.json").read_text())
        meta = {"offload_to_disk_path": self.told["offload_to_disk_path"], "mse": 0.0}
        config["quantization_config"] = {"quant_method": "gptq", "bits": 4, "meta": meta}
        (folder / "config.json").write_text(json.dumps(config))
        (folder / "told.json").write_text(json.dumps(self.told))
        tensors = {"norm": torch.ones(4), "scales": torch.ones(4).half(), "g_idx": torch.arange(4)}
        save_file(tensors, folder / "model.safetensors")
'''
CHECKPOINTS = """
class CheckpointConfig:
    def __init__(self, path):
        self.path = path
"""
SHAPE = {
    "model_type": "llama",
    "hidden_size": 8,
    "intermediate_size": 16,
    "num_hidden_layers": 3,
    "num_attention_heads": 2,
    "vocab_size": 10,
}
CALIBRATION = [[1, 2, 3, 4] * 1024]


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LAB_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def gptqmodel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    package = tmp_path / "site" / "gptqmodel"
    (package / "looper").mkdir(parents=True)
    (package / "__init__.py").write_text(GPTQMODEL)
    (package / "looper" / "__init__.py").write_text("")
    (package / "looper" / "checkpoint_store.py").write_text(CHECKPOINTS)
    about = tmp_path / "site" / "gptqmodel-7.4.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: gptqmodel\nVersion: 7.4.0\n")
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    monkeypatch.setenv("GPTQMODEL_CPU_WORKERS", "1")
    yield
    for name in [name for name in sys.modules if name.split(".")[0] == "gptqmodel"]:
        del sys.modules[name]


def write_model(path: Path, **changes: Any) -> Path:
    path.mkdir()
    (path / "config.json").write_text(json.dumps(SHAPE | changes))
    (path / "model.safetensors").write_bytes(b"weights")
    return path


@pytest.fixture
def model(tmp_path: Path) -> ModelFiles:
    return resolve(str(write_model(tmp_path / "model")))


@pytest.mark.usefixtures("gptqmodel")
def test_the_settings_reach_the_quantizer_and_the_folder_says_what_it_was_made_of(
    model: ModelFiles, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    seen: list[tuple[int, int]] = []
    config = GptqConfig(by="gptqmodel", group=32, asymmetric=True, act_order=True)
    path = quantize_gptq(
        model, CALIBRATION, config, tmp_path / "out", tell=lambda done, layers: seen.append((done, layers))
    )
    told = json.loads((path / "told.json").read_text())
    wanted = {"bits": 4, "group_size": 32, "sym": False, "desc_act": True, "format": "gptq_v2"}
    assert wanted.items() <= told.items()
    assert not told["act_group_aware"]
    assert seen == [(1, 3), (2, 3), (3, 3)]
    marker = json.loads((path / MARKER).read_text())
    assert marker["wire_family"] == "llama3-json"
    assert marker["quantized"]["calibration"]["tokens"] == 4096
    assert marker["quantized"]["by"] == "gptqmodel 7.4.0"
    assert capsys.readouterr().out == ""
    config = json.loads((path / "config.json").read_text())
    assert config["dtype"] == "bfloat16"
    stored = {name: tensor.dtype for name, tensor in load_file(path / "model.safetensors").items()}
    assert stored == {"norm": torch.bfloat16, "scales": torch.float16, "g_idx": torch.int64}
    assert config["quantization_config"] == {"quant_method": "gptq", "bits": 4, "meta": {"mse": 0.0}}
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["model", "out", "site"]


@pytest.mark.usefixtures("gptqmodel")
def test_a_run_that_was_cut_off_leaves_no_folder_and_is_taken_up(model: ModelFiles, tmp_path: Path) -> None:
    limit = model.path / "fails-in"
    limit.write_text("2")
    with pytest.raises(RuntimeError, match="killed"):
        quantize_gptq(model, CALIBRATION, GptqConfig(by="gptqmodel"), tmp_path / "out")
    assert not (tmp_path / "out").exists()
    (kept,) = tmp_path.glob(".out.work-*/checkpoint")
    assert len(list(kept.iterdir())) == 2
    limit.unlink()
    assert quantize_gptq(model, CALIBRATION, GptqConfig(by="gptqmodel"), tmp_path / "out").is_dir()
    assert not list(tmp_path.glob(".out.*"))


def test_without_the_package_it_says_what_to_install(
    model: ModelFiles, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lab.quantize.gptqmodel.find_spec", lambda _: None)
    with pytest.raises(
        UserError, match=r"--by gptqmodel: got no package gptqmodel.*pip install 'specquant-lab\[gptq\]'"
    ):
        quantize_gptq(model, CALIBRATION, GptqConfig(by="gptqmodel"), tmp_path / "out")


@pytest.mark.usefixtures("gptqmodel")
def test_a_version_stands_until_its_successor_is_whole(model: ModelFiles, tmp_path: Path) -> None:
    out = quantize_gptq(model, CALIBRATION, GptqConfig(by="gptqmodel"), tmp_path / "out")
    (model.path / "fails-in").write_text("1")
    with pytest.raises(RuntimeError):
        quantize_gptq(model, CALIBRATION, GptqConfig(by="gptqmodel", group=32), out)
    assert json.loads((out / "told.json").read_text())["group_size"] == 64
    (model.path / "fails-in").unlink()
    quantize_gptq(model, CALIBRATION, GptqConfig(by="gptqmodel", group=32), out)
    assert json.loads((out / "told.json").read_text())["group_size"] == 32


@pytest.mark.usefixtures("gptqmodel")
def test_too_little_calibration_is_refused(model: ModelFiles, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="calibration: got 20 tokens, expected at least 4096"):
        quantize_gptq(model, [[1] * 20], GptqConfig(by="gptqmodel"), tmp_path / "out")


@pytest.mark.parametrize("changes", [{"group": 48}, {"group": 0}, {"damp": 0.0}, {"damp": 1.0}, {"by": "me"}])
def test_a_setting_out_of_range_is_refused_by_its_option(changes: dict[str, Any]) -> None:
    with pytest.raises(UserError, match=f"--{next(iter(changes))}: got"):
        GptqConfig(**changes)


def version(path: Path, **changes: Any) -> Path:
    return write_model(path, **{"quantization_config": {"quant_method": "gptq", "bits": 4}} | changes)


def test_precisions_that_round_run_with_the_model_s_own_weights(model: ModelFiles) -> None:
    for precision in ("bf16", "rtn-w4", "nf4"):
        assert weights_for(model, precision) == model.path


def test_a_quantized_checkpoint_is_its_own_version(tmp_path: Path) -> None:
    quantized = resolve(str(version(tmp_path / "made")))
    assert weights_for(quantized, "gptq-w4") == quantized.path


def test_what_the_lab_made_is_found_until_the_model_is_written_again(model: ModelFiles) -> None:
    with pytest.raises(UserError, match=r"`lab models quantize .*model --precision gptq-w4` makes one"):
        weights_for(model, "gptq-w4")
    made = quantized_dir(model, "gptq-w4")
    made.parent.mkdir(parents=True)
    version(made)
    assert weights_for(model, "gptq-w4") == made
    os.utime(model.path / "model.safetensors", ns=(1, 1))
    with pytest.raises(UserError, match="got floating-point weights"):
        weights_for(model, "gptq-w4")


def test_precisions_of_the_same_checkpoint_share_the_version(model: ModelFiles, tmp_path: Path) -> None:
    with pytest.raises(
        UserError, match=r"--precision gptq-w4` makes one, or name one with --quantized gptq-w4="
    ):
        weights_for(model, "gptq-w4a8")
    named = version(tmp_path / "named")
    assert weights_for(model, "gptq-w4a8", {"gptq-w4": str(named)}) == named
    made = quantized_dir(model, "gptq-w4")
    made.parent.mkdir(parents=True)
    version(made)
    assert weights_for(model, "gptq-w4a8") == made


def test_a_named_version_is_taken_if_it_is_one_of_this_model(model: ModelFiles, tmp_path: Path) -> None:
    made = version(tmp_path / "made")
    assert weights_for(model, "gptq-w4", {"gptq-w4": str(made)}) == made
    other = version(tmp_path / "other", hidden_size=16)
    with pytest.raises(UserError, match=r"other: hidden_size: got 16, expected 8, as .*model has"):
        weights_for(model, "gptq-w4", {"gptq-w4": str(other)})
    with pytest.raises(UserError, match=r"quant_method of .*made: got gptq, expected awq"):
        weights_for(model, "awq-w4", {"awq-w4": str(made)})
    with pytest.raises(UserError, match="got nowhere, expected an existing folder"):
        weights_for(model, "gptq-w4", {"gptq-w4": "nowhere"})
