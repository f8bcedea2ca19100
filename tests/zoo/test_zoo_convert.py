from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gguf
import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM, AutoTokenizer

from lab.errors import UserError
from lab.zoo.convert import convert

Weights = dict[str, np.ndarray[Any, Any]]


def no_progress(_done: int, _total: int) -> None:
    pass


@pytest.fixture(scope="module")
def converted(tiny_gguf: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("converted")
    convert(tiny_gguf, folder, "{{ messages }}", no_progress)
    return folder


def test_the_config_is_read_from_the_metadata(converted: Path) -> None:
    config = json.loads((converted / "config.json").read_text())
    expected = {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "num_hidden_layers": 2,
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "head_dim": 8,
        "max_position_embeddings": 128,
        "rms_norm_eps": 1e-05,
        "vocab_size": 266,
        "tie_word_embeddings": True,
        "dtype": "bfloat16",
        "bos_token_id": 1,
        "eos_token_id": 2,
        "pad_token_id": 2,
    }
    assert {key: config[key] for key in expected} == expected
    assert config["rope_parameters"] == {"rope_theta": 50_000.0, "rope_type": "default"}
    assert json.loads((converted / "generation_config.json").read_text())["eos_token_id"] == 2


def test_weights_are_the_dequantized_ones_in_bf16_with_heads_back_in_halves(
    converted: Path, weights: Weights
) -> None:
    stored = load_file(converted / "model.safetensors")
    assert {t.dtype for t in stored.values()} == {torch.bfloat16}
    assert "lm_head.weight" not in stored
    for hf_name, name, kind in [
        ("model.layers.1.self_attn.q_proj.weight", "blk.1.attn_q.weight", "Q4_1"),
        ("model.layers.0.self_attn.k_proj.weight", "blk.0.attn_k.weight", "Q4_1"),
        ("model.layers.1.mlp.down_proj.weight", "blk.1.ffn_down.weight", "Q4_1"),
        ("model.embed_tokens.weight", "token_embd.weight", "Q8_0"),
    ]:
        # rows are quantized one by one, so quantizing before or after the rows' permutation is the same
        qtype = gguf.GGMLQuantizationType[kind]
        expected = gguf.dequantize(gguf.quants.quantize(weights[name], qtype), qtype)
        assert torch.equal(stored[hf_name], torch.from_numpy(expected).to(torch.bfloat16)), hf_name


def test_the_model_is_the_one_transformers_reads_from_the_gguf(converted: Path, tiny_gguf: Path) -> None:
    ours = AutoModelForCausalLM.from_pretrained(converted, dtype=torch.float32)
    theirs = AutoModelForCausalLM.from_pretrained(
        tiny_gguf.parent, gguf_file=tiny_gguf.name, dtype=torch.float32
    )
    for parameter in theirs.parameters():
        parameter.data = parameter.data.to(torch.bfloat16).to(torch.float32)
    ids = torch.arange(3, 40).unsqueeze(0)
    with torch.inference_mode():
        # the same weights and the same arithmetic: what is left is the epsilon's last digits
        torch.testing.assert_close(ours(ids).logits, theirs(ids).logits, rtol=1e-4, atol=1e-4)


def test_an_untied_head_is_written(make_gguf: Callable[..., Path], weights: Weights, tmp_path: Path) -> None:
    head = {"output.weight": weights["token_embd.weight"] * 2}
    convert(make_gguf(tmp_path / "untied.gguf", extra=head), tmp_path, "{{ messages }}", no_progress)
    assert "lm_head.weight" in load_file(tmp_path / "model.safetensors")
    assert json.loads((tmp_path / "config.json").read_text())["tie_word_embeddings"] is False


def test_the_tokenizer_keeps_ids_and_special_tokens(converted: Path, tiny_gguf: Path) -> None:
    ours = AutoTokenizer.from_pretrained(converted)
    theirs = AutoTokenizer.from_pretrained(tiny_gguf.parent, gguf_file=tiny_gguf.name)
    for text in ("hello, hello", "<|im_start|>user\nhello<|im_end|>\n", "Grüße 你好 🙂", "  two\n\nlines\t"):
        assert ours.encode(text) == theirs.encode(text)
        assert ours.decode(ours.encode(text)) == text
    assert ours.encode("<|im_start|><|im_end|>") == [1, 2]
    assert ours.chat_template == "{{ messages }}"
    assert ours.model_max_length == 128


def test_digits_stand_apart_from_the_blanks_before_them(converted: Path) -> None:
    tokenizer = AutoTokenizer.from_pretrained(converted)
    assert tokenizer.tokenize("\n\n12") == ["ĊĊ", "1", "2"]
    assert tokenizer.tokenize("  1") == ["ĠĠ", "1"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"arch": "gpt2"}, "GGUF architecture: got gpt2"),
        ({"pre": "qwen2"}, "GGUF tokenizer: got gpt2/qwen2"),
        ({"extra": {"blk.0.attn_sinks.weight": np.ones(32, np.float32)}}, "blk.0.attn_sinks.weight"),
    ],
)
def test_what_the_converter_does_not_know_is_refused(
    make_gguf: Callable[..., Path], tmp_path: Path, change: dict[str, Any], message: str
) -> None:
    with pytest.raises(UserError, match=message):
        convert(make_gguf(tmp_path / "other.gguf", **change), tmp_path, "{{ messages }}", no_progress)


def test_a_file_that_is_no_gguf_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.gguf").write_bytes(b"\0" * 64)
    with pytest.raises(UserError, match="expected a GGUF file"):
        convert(tmp_path / "x.gguf", tmp_path, "{{ messages }}", no_progress)
