"""From a llama-architecture GGUF file to the folder engines read: config, bf16 safetensors, tokenizer."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import gguf
import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import save_file
from tokenizers import pre_tokenizers
from transformers import AutoTokenizer, GenerationConfig, LlamaConfig

from lab.errors import UserError

# GGUF name -> transformers name, below `blk.N.` and `model.layers.N.`
_BLOCK = {
    "attn_norm": "input_layernorm",
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "ffn_norm": "post_attention_layernorm",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
}
_OUTSIDE = {"token_embd": "model.embed_tokens", "output_norm": "model.norm", "output": "lm_head"}

# How text is cut before the merges apply. transformers 5.23 knows no `smollm` and falls back to GPT-2's
# rule, which leaves digits attached to the blanks before them ("\n\n1" would become three tokens, not two).
_PRE_TOKENIZERS: dict[str, Callable[[], Any] | None] = {
    "smollm": lambda: pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    ),
    "gpt-2": None,
}


def _metadata(reader: gguf.GGUFReader) -> dict[str, Any]:
    return {name: field.contents() for name, field in reader.fields.items()}


def _float32(value: float) -> float:
    """The shortest decimal of a number that was stored as float32: 1e-05, not 9.999999747e-06."""
    return float(str(np.float32(value)))


def llama_config(meta: dict[str, Any], *, tied: bool) -> LlamaConfig:
    """The transformers configuration of a llama-architecture GGUF.

    Raises:
        UserError: another architecture, a scaled rope, or a key that is missing.
    """
    if meta.get("general.architecture") != "llama":
        raise UserError("GGUF architecture", got=str(meta.get("general.architecture")), expected="llama")
    if meta.get("llama.rope.scaling.type", "none") != "none":
        raise UserError("GGUF rope scaling", got=meta["llama.rope.scaling.type"], expected="none")
    try:
        hidden, heads = meta["llama.embedding_length"], meta["llama.attention.head_count"]
        return LlamaConfig(
            architectures=["LlamaForCausalLM"],
            hidden_size=hidden,
            intermediate_size=meta["llama.feed_forward_length"],
            num_hidden_layers=meta["llama.block_count"],
            num_attention_heads=heads,
            num_key_value_heads=meta.get("llama.attention.head_count_kv", heads),
            head_dim=meta.get("llama.rope.dimension_count", hidden // heads),
            max_position_embeddings=meta["llama.context_length"],
            rms_norm_eps=_float32(meta["llama.attention.layer_norm_rms_epsilon"]),
            rope_theta=_float32(meta.get("llama.rope.freq_base", 10_000.0)),
            vocab_size=len(meta["tokenizer.ggml.tokens"]),
            bos_token_id=meta.get("tokenizer.ggml.bos_token_id"),
            eos_token_id=meta["tokenizer.ggml.eos_token_id"],
            pad_token_id=meta.get("tokenizer.ggml.padding_token_id"),
            tie_word_embeddings=tied,
            dtype="bfloat16",
        )
    except KeyError as missing:
        raise UserError(
            "GGUF metadata", got=f"no {missing.args[0]}", expected="a complete llama file"
        ) from None


def _hf_name(name: str) -> str:
    stem, _, suffix = name.rpartition(".")
    if stem.startswith("blk."):
        _, layer, part = stem.split(".", 2)
        if part in _BLOCK and suffix == "weight":
            return f"model.layers.{layer}.{_BLOCK[part]}.weight"
    elif stem in _OUTSIDE and suffix == "weight":
        return f"{_OUTSIDE[stem]}.weight"
    raise UserError("GGUF tensor", got=name, expected="the tensors of a plain llama model")


def _rope_halves(weight: np.ndarray[Any, Any], heads: int) -> np.ndarray[Any, Any]:
    """Rows of a q or k projection [heads * head_dim, hidden]: from GGUF's rotary pairs (2i, 2i+1) to the
    halves (i, i + head_dim/2) that transformers rotates."""
    rows, hidden = weight.shape
    return weight.reshape(heads, rows // heads // 2, 2, hidden).swapaxes(1, 2).reshape(rows, hidden)


def _save_tokenizer(source: Path, meta: dict[str, Any], template: str, target: Path) -> None:
    kind, pre = meta.get("tokenizer.ggml.model"), meta.get("tokenizer.ggml.pre", "gpt-2")
    if kind != "gpt2" or pre not in _PRE_TOKENIZERS:
        known = " or ".join(f"gpt2/{name}" for name in _PRE_TOKENIZERS)
        raise UserError("GGUF tokenizer", got=f"{kind}/{pre}", expected=known)
    tokenizer = AutoTokenizer.from_pretrained(source.parent, gguf_file=source.name, local_files_only=True)
    make = _PRE_TOKENIZERS[pre]
    if make is not None:
        tokenizer.backend_tokenizer.pre_tokenizer = make()
    tokenizer.chat_template = template
    tokenizer.model_max_length = meta["llama.context_length"]
    tokenizer.save_pretrained(target)


def convert(source: Path, target: Path, template: str, progress: Callable[[int, int], None]) -> None:
    """Write the model of a GGUF file into the folder `target`, weights dequantized and rounded to bf16.

    Args:
        template: the chat template's text; the one inside the file is dropped.
        progress: called with (tensors done, tensors in all).

    Raises:
        UserError: the file is no GGUF, or not a plain llama model with a byte-level BPE tokenizer.
    """
    try:
        reader = gguf.GGUFReader(source)
    except ValueError as error:
        raise UserError(f"model file {source.name}", got=str(error), expected="a GGUF file") from None
    meta = _metadata(reader)
    tied = all(tensor.name != "output.weight" for tensor in reader.tensors)
    config = llama_config(meta, tied=tied)
    heads = {"attn_q": config.num_attention_heads, "attn_k": config.num_key_value_heads}
    weights: dict[str, torch.Tensor] = {}
    for done, tensor in enumerate(reader.tensors):
        progress(done, len(reader.tensors))
        values = gguf.dequantize(tensor.data, tensor.tensor_type)
        for part, count in heads.items():
            if f".{part}." in tensor.name:
                values = _rope_halves(values, count)
        weights[_hf_name(tensor.name)] = torch.from_numpy(np.array(values, np.float32)).to(torch.bfloat16)
    try:
        save_file(weights, target / "model.safetensors", metadata={"format": "pt"})
    except SafetensorError as error:  # what safetensors makes of a full disk
        raise OSError(str(error)) from error
    config.save_pretrained(target)
    ends = {key: getattr(config, key) for key in ("bos_token_id", "eos_token_id", "pad_token_id")}
    GenerationConfig(**ends).save_pretrained(target)
    _save_tokenizer(source, meta, template, target)
    progress(len(reader.tensors), len(reader.tensors))
