"""The native engine's logits on 4-bit weights are those of the libraries that made the weights."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from torch import Tensor
from transformers import AutoModelForCausalLM, BitsAndBytesConfig
from transformers.utils import logging

from lab.models.checkpoint import load_decoder
from lab.precision.base import load_precision
from lab.quantize.base import GptqConfig
from lab.quantize.folder import quantize_gptq
from lab.zoo.resolve import resolve

TOKENS = torch.arange(24)
CPU = torch.device("cpu")
LAYERS = 3
SHAPE: dict[str, Any] = {
    "vocab_size": 96,
    "hidden_size": 128,
    "intermediate_size": 256,
    "num_hidden_layers": LAYERS,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 64,
    "initializer_range": 0.1,  # attention scores of about one: a sharper softmax would magnify every error
}
FAMILIES = ("Llama", "Qwen2", "Qwen3")


def tolerance() -> float:
    """How far two bf16 forwards may be apart: root mean square, as a share of the logits' spread.

    A value rounded to bf16's eight significant bits is off by at most u = 2**-8 of itself, by u / sqrt(3) in
    root mean square. Sixteen such roundings follow each other in a decoder layer: those of the four products'
    weights, and of norm, q/k/v, rope, scores, weighted values, output, residual, norm, gate and up, their
    product, down, residual. They are independent, so their squares add, and so do those of the two forwards.
    """
    return math.sqrt(2 * 16 * LAYERS) * 2**-8 / math.sqrt(3)


def random_model(folder: Path, family: str) -> Path:
    logging.disable_progress_bar()
    torch.manual_seed(0)
    config = getattr(transformers, f"{family}Config")(**SHAPE)
    getattr(transformers, f"{family}ForCausalLM")(config).bfloat16().save_pretrained(folder)
    return folder


def write_tokenizer(folder: Path) -> None:
    words = Tokenizer(WordLevel({f"w{i}": i for i in range(SHAPE["vocab_size"])}, unk_token="w0"))
    tokenizer = transformers.PreTrainedTokenizerFast(tokenizer_object=words, eos_token="w1", pad_token="w0")
    tokenizer.save_pretrained(folder)


def texts(number: int) -> list[list[int]]:
    generator = torch.Generator().manual_seed(2)
    found: list[list[int]] = torch.randint(0, SHAPE["vocab_size"], (number, 64), generator=generator).tolist()
    return found


def native(path: Path, precision: str) -> Tensor:
    decoder = load_decoder(path, load_precision(precision, {}), CPU)
    return decoder.forward(TOKENS, decoder.new_cache())


@torch.inference_mode()
def theirs(model: Any) -> Tensor:
    return model(TOKENS[None]).logits[0].float()  # type: ignore[no-any-return]


def assert_same_logits(found: Tensor, wanted: Tensor) -> None:
    apart = (found - wanted).square().mean().sqrt() / wanted.std()
    assert apart <= tolerance()


@pytest.mark.parametrize("double", [False, True])
@pytest.mark.parametrize("family", FAMILIES)
def test_nf4_gives_the_logits_of_bitsandbytes(family: str, double: bool, tmp_path: Path) -> None:
    pytest.importorskip("bitsandbytes")
    config = BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=double,
        bnb_4bit_compute_dtype=torch.bfloat16,
    )
    floats = random_model(tmp_path / "floats", family)
    peer = AutoModelForCausalLM.from_pretrained(floats, dtype=torch.bfloat16, quantization_config=config)
    peer.save_pretrained(tmp_path / "nf4")
    assert_same_logits(native(tmp_path / "nf4", "nf4"), theirs(peer.eval()))
    if not double:  # rounded when it is loaded: the same codes and scales
        assert torch.equal(native(floats, "nf4"), native(tmp_path / "nf4", "nf4"))


@pytest.mark.slow
@pytest.mark.parametrize(
    "settings",
    [{"sym": True}, {"sym": True, "desc_act": True}, {"sym": False, "format": "gptq_v2"}],
    ids=["symmetric", "act-order", "asymmetric"],
)
@pytest.mark.parametrize("family", FAMILIES)
def test_gptq_w4_gives_the_logits_of_gptqmodel(
    family: str, settings: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GPTQMODEL_CPU_WORKERS", "2")
    monkeypatch.chdir(tmp_path)  # it leaves logs where it runs
    library = pytest.importorskip("gptqmodel")
    floats = random_model(tmp_path / "floats", family)
    write_tokenizer(floats)
    config = library.QuantizeConfig(
        bits=4,
        group_size=32,
        act_group_aware=False,
        device="cpu",
        offload_to_disk_path=str(tmp_path / "offload"),
        **({"desc_act": False} | settings),
    )
    made = library.GPTQModel.load(str(floats), config, dtype=torch.float32)
    made.quantize([{"input_ids": ids, "attention_mask": [1] * len(ids)} for ids in texts(16)], batch_size=1)
    made.save(str(tmp_path / "gptq"))
    peer = library.GPTQModel.load(str(tmp_path / "gptq"), device="cpu", dtype=torch.bfloat16)
    assert_same_logits(native(tmp_path / "gptq", "gptq-w4"), theirs(peer.model.eval()))


@pytest.mark.slow
@pytest.mark.parametrize("asymmetric", [False, True])
@pytest.mark.parametrize("family", FAMILIES)
def test_what_the_lab_quantizes_has_the_same_logits_in_gptqmodel(
    family: str, asymmetric: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GPTQMODEL_CPU_WORKERS", "2")
    monkeypatch.chdir(tmp_path)
    library = pytest.importorskip("gptqmodel")
    floats = random_model(tmp_path / "floats", family)
    write_tokenizer(floats)
    config = GptqConfig(group=32, asymmetric=asymmetric)
    made = quantize_gptq(resolve(str(floats)), texts(64), config, tmp_path / "gptq")
    peer = library.GPTQModel.load(str(made), device="cpu", dtype=torch.bfloat16)
    assert_same_logits(native(made, "gptq-w4"), theirs(peer.model.eval()))
