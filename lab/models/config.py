"""What the decoder needs to know of a checkpoint, read from its config.json."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from lab.errors import UserError

ARCHITECTURES = ("LlamaForCausalLM", "MistralForCausalLM", "Qwen2ForCausalLM", "Qwen3ForCausalLM")
_ROPE_TYPES = ("default", "linear", "llama3", "yarn")


@dataclass(frozen=True, slots=True)
class DecoderConfig:
    """The shape of a Llama-like decoder.

    Attributes:
        context: the longest sequence in tokens.
        window: tokens a position attends to, itself included; None for all.
        inv_freq: rope's inverse frequencies [head_dim / 2], float32, scaled as the checkpoint says.
        rope_gain: what rope's cosines and sines are multiplied by (yarn's attention factor).
        quantization: the checkpoint's quantization_config; empty for floats.
    """

    architecture: str
    vocabulary: int
    hidden: int
    intermediate: int
    layers: int
    heads: int
    kv_heads: int
    head_dim: int
    norm_eps: float
    context: int
    window: int | None
    tied: bool
    inv_freq: Tensor
    rope_gain: float
    quantization: Mapping[str, Any] = field(default_factory=dict)

    @property
    def method(self) -> str | None:
        """How the checkpoint's weights were quantized, its `quant_method`; None for floats."""
        return str(self.quantization.get("quant_method", "?")) if self.quantization else None

    @property
    def kv_width(self) -> int:
        """Numbers a layer caches per token, keys and values together."""
        return 2 * self.kv_heads * self.head_dim


def read_config(path: Path) -> DecoderConfig:
    """The configuration of the checkpoint in folder `path`.

    Raises:
        UserError: no readable config.json, or an architecture, activation, rope type or attention pattern
            that the native engine does not run.
    """
    file = path / "config.json"
    try:
        raw: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(
            f"model folder {path}", got=f"no config.json ({error.strerror})", expected="a checkpoint"
        ) from None
    except ValueError as error:
        raise UserError(f"{file} is not valid JSON", got=str(error), hint="Fetch the model again.") from None
    architecture = (raw.get("architectures") or ["none"])[0]
    if architecture not in ARCHITECTURES:
        raise UserError(
            f"architecture of {path.name}",
            got=architecture,
            expected=f"one of {', '.join(ARCHITECTURES)}",
            hint="The native engine runs these four families.",
        )
    # transformers knows the defaults and the older spellings of every family.
    from huggingface_hub.errors import StrictDataclassError
    from transformers import AutoConfig

    try:
        config = AutoConfig.from_pretrained(path)
    except (KeyError, ValueError, StrictDataclassError) as error:
        reason = " ".join(str(error).split())
        raise UserError(
            f"config.json of {path.name}", got=reason, expected="a configuration transformers can read"
        ) from None
    shape = decoder_config(path, config, architecture)
    return replace(shape, quantization=raw.get("quantization_config") or {})


def decoder_config(path: Path, config: Any, architecture: str) -> DecoderConfig:
    """The shape that a transformers configuration, read from folder `path`, describes.

    Raises:
        UserError: an activation, rope type or attention pattern that the native engine does not run.
    """
    _refuse(path, "activation", config.hidden_act, ("silu",))
    window = _window(path, config)
    inv_freq, gain = _rope(path, config)
    return DecoderConfig(
        architecture=architecture,
        vocabulary=config.vocab_size,
        hidden=config.hidden_size,
        intermediate=config.intermediate_size,
        layers=config.num_hidden_layers,
        heads=config.num_attention_heads,
        kv_heads=config.num_key_value_heads,
        head_dim=_head_dim(config),
        norm_eps=config.rms_norm_eps,
        context=config.max_position_embeddings,
        window=window,
        tied=bool(config.tie_word_embeddings),
        inv_freq=inv_freq,
        rope_gain=gain,
    )


def _head_dim(config: Any) -> int:
    return int(getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads)


def _window(path: Path, config: Any) -> int | None:
    kinds = set(getattr(config, "layer_types", None) or ())
    window = getattr(config, "sliding_window", None)
    if getattr(config, "use_sliding_window", True) is False or kinds == {"full_attention"}:
        return None
    if len(kinds) > 1:
        _refuse(path, "attention pattern", "sliding and full layers mixed", ("one kind for all layers",))
    return None if window is None else int(window)


def _rope(path: Path, config: Any) -> tuple[Tensor, float]:
    parameters = config.rope_parameters
    kind = parameters.get("rope_type", "default")
    _refuse(path, "rope type", kind, _ROPE_TYPES)
    if kind == "default":
        dim = _head_dim(config)
        return 1.0 / parameters["rope_theta"] ** (torch.arange(0, dim, 2, dtype=torch.float32) / dim), 1.0
    from transformers.modeling_rope_utils import ROPE_INIT_FUNCTIONS

    inv_freq, gain = ROPE_INIT_FUNCTIONS[kind](config, torch.device("cpu"))
    return inv_freq.float(), float(gain)


def _refuse(path: Path, what: str, got: str, able: tuple[str, ...]) -> None:
    if got not in able:
        raise UserError(
            f"{what} of {path.name}",
            got=repr(got),
            expected=f"one of {', '.join(able)}",
            hint="The native engine does not run this checkpoint.",
        )
