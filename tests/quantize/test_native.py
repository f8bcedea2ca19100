"""The lab's own quantizer on tiny models: what it writes, what that gives, and a run that was cut off."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from safetensors.torch import load_file
from torch import Tensor
from transformers.utils import logging

from lab.errors import UserError
from lab.models.checkpoint import load_decoder
from lab.precision.base import load_precision
from lab.quantize.base import GptqConfig
from lab.quantize.folder import quantize_gptq
from lab.quantize.weights import quantized_dir, weights_for
from lab.zoo.pull import read_marker
from lab.zoo.resolve import ModelFiles, resolve

CPU = torch.device("cpu")
SHAPE: dict[str, Any] = {
    "vocab_size": 96,
    "hidden_size": 64,
    "intermediate_size": 128,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 256,
    "initializer_range": 0.1,
}


def random_model(folder: Path, family: str = "Llama") -> ModelFiles:
    logging.disable_progress_bar()
    torch.manual_seed(0)
    config = getattr(transformers, f"{family}Config")(**SHAPE)
    made = getattr(transformers, f"{family}ForCausalLM")(config).bfloat16()
    for name, weight in made.named_parameters():
        if name.endswith("bias"):
            torch.nn.init.normal_(weight, std=0.1)
    made.save_pretrained(folder)
    (folder / "tokenizer.json").write_text("{}")
    return resolve(str(folder))


def texts(number: int = 32, seed: int = 1) -> list[list[int]]:
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(0, 96, (number, 128), generator=generator).tolist()


def logits(path: Path, precision: str) -> Tensor:
    decoder = load_decoder(path, load_precision(precision, {}), CPU)
    return torch.cat([decoder.forward(torch.tensor(ids), decoder.new_cache()) for ids in texts(2, seed=2)])


@pytest.mark.parametrize("family", ["Llama", "Qwen2", "Qwen3"])
def test_its_logits_are_nearer_than_those_of_rounding_to_nearest(family: str, tmp_path: Path) -> None:
    model = random_model(tmp_path / "model", family)
    made = quantize_gptq(model, texts(), GptqConfig(), tmp_path / "made")
    wanted = logits(model.path, "fp32")

    def apart(found: Tensor) -> float:
        return float((found - wanted).square().mean())

    assert apart(logits(made, "gptq-w4")) < 0.7 * apart(logits(model.path, "rtn-w4"))


@pytest.mark.parametrize("config", [GptqConfig(group=32, asymmetric=True), GptqConfig(group=-1)])
def test_every_kind_of_grid_is_written_as_it_is_read(config: GptqConfig, tmp_path: Path) -> None:
    model = random_model(tmp_path / "model")
    made = quantize_gptq(model, texts(), config, tmp_path / "made")
    settings = json.loads((made / "config.json").read_text())["quantization_config"]
    assert settings["group_size"] == config.group
    assert settings["sym"] is not config.asymmetric
    wanted = logits(model.path, "fp32")
    assert (logits(made, "gptq-w4") - wanted).std() < 0.35 * wanted.std()


def test_the_folder_is_whole_and_says_what_it_was_made_of(tmp_path: Path) -> None:
    model = random_model(tmp_path / "model")
    seen: list[tuple[int, int]] = []
    made = quantize_gptq(
        model, texts(), GptqConfig(), tmp_path / "made", tell=lambda done, layers: seen.append((done, layers))
    )
    assert seen == [(1, 3), (2, 3), (3, 3)]
    assert (made / "tokenizer.json").is_file()
    tensors, floats = load_file(made / "model.safetensors"), load_file(model.path / "model.safetensors")
    kept = {name for name in floats if "_proj" not in name}
    assert all(torch.equal(tensors[name], floats[name]) for name in kept)
    module = "model.layers.1.mlp.down_proj"
    packed = {"qweight", "qzeros", "scales", "g_idx"}
    assert set(tensors) == kept | {
        f"{name.removesuffix('.weight')}.{tensor}" for name in set(floats) - kept for tensor in packed
    }
    assert tensors[f"{module}.qweight"].shape == (16, 64)
    # Format v1: zero points of 8, stored less one.
    assert set(tensors[f"{module}.qzeros"].flatten().tolist()) == {0x77777777}
    marker = read_marker(made) or {}
    assert marker["quantized"]["by"].startswith("specquant-lab ")
    assert marker["quantized"]["calibration"]["tokens"] == 4096
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["made", "model"]


def test_a_run_that_was_cut_off_goes_on_and_ends_with_the_same_weights(tmp_path: Path) -> None:
    model = random_model(tmp_path / "model")
    whole = quantize_gptq(model, texts(), GptqConfig(), tmp_path / "whole")
    seen: list[int] = []

    def cut_off(done: int, _layers: int) -> None:
        seen.append(done)
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        quantize_gptq(model, texts(), GptqConfig(), tmp_path / "made", tell=cut_off)
    assert not (tmp_path / "made").exists()
    (work,) = tmp_path.glob(".made.work-*")
    finished = sorted(work.iterdir())
    assert len(finished) == 2
    finished[1].write_bytes(b"half a layer")
    made = quantize_gptq(model, texts(), GptqConfig(), tmp_path / "made")
    assert (made / "model.safetensors").read_bytes() == (whole / "model.safetensors").read_bytes()
    assert not list(tmp_path.glob(".made.*"))


def test_a_group_that_does_not_divide_the_rows_is_refused_before_any_work(tmp_path: Path) -> None:
    model = random_model(tmp_path / "model")
    with pytest.raises(UserError, match=r"--group: got 128, expected a divisor of the model's rows of 64"):
        quantize_gptq(model, texts(), GptqConfig(group=128), tmp_path / "made")


def test_an_order_that_would_be_stored_is_gptqmodel_s() -> None:
    with pytest.raises(UserError, match="--act-order: got --by lab, expected --by gptqmodel"):
        GptqConfig(act_order=True)


def test_of_a_model_of_the_catalogue_the_version_is_made_when_it_is_first_wanted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LAB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("lab.quantize.calibration.default_calibration", lambda _: texts())
    local = random_model(tmp_path / "model")
    with pytest.raises(UserError, match="lab models quantize"):
        weights_for(local, "gptq-w4")
    embedded = replace(local, source="embedded")
    told: list[tuple[str, int, int]] = []
    made = weights_for(embedded, "gptq-w4", progress=lambda *said: told.append(said))
    assert told == [("layers", 1, 3), ("layers", 2, 3), ("layers", 3, 3)]
    assert made == quantized_dir(embedded, "gptq-w4")
    assert (made / "config.json").is_file()
    assert weights_for(embedded, "gptq-w4", progress=lambda *said: told.append(said)) == made
    assert len(told) == 3


def test_a_sequence_longer_than_the_context_is_refused_before_any_work(tmp_path: Path) -> None:
    model = random_model(tmp_path / "model")
    with pytest.raises(UserError, match="a sequence of 257 tokens, expected at most the model's 256"):
        quantize_gptq(model, [*texts(), [1] * 257], GptqConfig(), tmp_path / "made")
