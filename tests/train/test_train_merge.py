from __future__ import annotations

import dataclasses
import json
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM

from lab.errors import UserError
from lab.models.checkpoint import load_decoder
from lab.models.tokenizer import ChatTokenizer
from lab.precision.base import load_precision
from lab.train.adapter import Trainer
from lab.train.merge import merge_adapter
from lab.zoo.resolve import resolve

CPU = torch.device("cpu")


@pytest.fixture
def trained(model_folder, examples, config, tmp_path) -> tuple[Trainer, Path]:
    trainer = Trainer(model_folder, examples, dataclasses.replace(config, lr=5e-2), device=CPU)
    (tmp_path / "run").mkdir()
    trainer.run(tmp_path / "run", stop=lambda: False)
    trainer.save_adapter(tmp_path / "adapter")
    return trainer, tmp_path / "adapter"


def test_the_merged_model_computes_what_the_adapted_one_does(trained, model_folder, tmp_path) -> None:
    trainer, adapter = trained
    merged = merge_adapter(model_folder, adapter, tmp_path / "merged", dtype="fp32")
    ids = torch.arange(1, 200)[None]
    with torch.no_grad():
        expected = trainer.model.eval()(input_ids=ids).logits
        plain = AutoModelForCausalLM.from_pretrained(model_folder)(input_ids=ids).logits
        got = AutoModelForCausalLM.from_pretrained(merged)(input_ids=ids).logits
    torch.testing.assert_close(got, expected, rtol=1e-4, atol=1e-4)
    assert (plain - expected).abs().max() > 0.1


def test_the_lab_loads_the_merged_model_and_its_decoder_agrees(trained, model_folder, tmp_path) -> None:
    _, adapter = trained
    merged = merge_adapter(model_folder, adapter, tmp_path / "merged", dtype="fp32")
    decoder = load_decoder(merged, load_precision("fp32", {}), CPU)
    assert decoder.config.architecture == "LlamaForCausalLM"
    files = resolve(str(merged))
    assert files.wire_family == "llama3-json"
    text = "<|im_start|>user\nHi\n<|im_end|>\n"
    assert ChatTokenizer.load(merged).encode(text) == ChatTokenizer.load(model_folder).encode(text)


def test_the_weights_are_bf16_and_the_marker_tells_where_they_come_from(
    trained, model_folder, tmp_path
) -> None:
    _, adapter = trained
    merged = merge_adapter(model_folder, adapter, tmp_path / "merged")
    assert {t.dtype for t in load_file(merged / "model.safetensors").values()} == {torch.bfloat16}
    assert json.loads((merged / "config.json").read_text())["dtype"] == "bfloat16"
    marker = json.loads((merged / "lab-model.json").read_text())
    assert marker["wire_family"] == "llama3-json"
    assert marker["base"]["name"] == "tiny"
    assert marker["adapter"]["r"] == 4
    assert marker["files"].keys() >= {"model.safetensors", "config.json", "tokenizer.json"}
    for text in ((merged / "lab-model.json").read_text(), (adapter / "adapter_config.json").read_text()):
        assert str(tmp_path.parent) not in text
        assert str(model_folder.parent) not in text


def test_the_bases_own_marker_decides_the_wire_family(trained, model_folder, tmp_path) -> None:
    base = tmp_path / "base"
    shutil.copytree(model_folder, base)
    (base / "lab-model.json").write_text(json.dumps({"wire_family": "hermes", "license": "Apache-2.0"}))
    marker = json.loads((merge_adapter(base, trained[1], tmp_path / "merged") / "lab-model.json").read_text())
    assert (marker["wire_family"], marker["license"]) == ("hermes", "Apache-2.0")


def test_nothing_is_overwritten_and_a_failed_merge_leaves_nothing(
    trained, model_folder, tmp_path, monkeypatch
) -> None:
    with pytest.raises(UserError, match="something there already"):
        merge_adapter(model_folder, trained[1], trained[1])
    with pytest.raises(UserError, match=r"no adapter_config\.json"):
        merge_adapter(model_folder, tmp_path, tmp_path / "merged")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("shutil.copyfile", full)
    with pytest.raises(UserError, match="No space left"):
        merge_adapter(model_folder, trained[1], tmp_path / "merged")
    assert {path.name for path in tmp_path.iterdir()} == {"run", "adapter"}
