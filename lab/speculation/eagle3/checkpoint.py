"""EAGLE-3 heads on disk: three published layouts are read, the one that vLLM loads is written.

| layout     | tensors                          | config.json                                              |
|------------|----------------------------------|----------------------------------------------------------|
| EAGLE      | `midlayer.*`                     | architectures: [LlamaForCausalLMEagle3]                  |
| SpecForge  | `midlayer.*`                     | the same, and `eagle_config`                             |
| speculators| `layers.0.*`                     | speculators_model_type: eagle3, transformer_layer_config |

All have `fc.weight`, `norm.weight`, `lm_head.weight`, `d2t` (draft id -> target id - draft id) and mostly
`t2d` (whether a target id is in the draft vocabulary); `embed_tokens.weight` stands in for the target's.

The target layers: `eagle_aux_hidden_state_layer_ids` names those that the hidden states *enter*, as vLLM
reads it; SpecForge's `eagle_config` names those that they leave, as SGLang reads it. Without either it is
2, n // 2 and n - 3 of n layers.
"""

from __future__ import annotations

import dataclasses
import json
import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor

from lab.errors import UserError
from lab.kernels import cpu
from lab.models.checkpoint import Checkpoint
from lab.models.config import DecoderConfig, decoder_config
from lab.models.decoder import Decoder, Layer
from lab.precision.base import Linear
from lab.precision.dense import Bf16, Fp32
from lab.precision.int8 import Int8
from lab.speculation.eagle3.head import Head, HeadConfig
from lab.speculation.options import DraftPrecision

ARCHITECTURE = "LlamaForCausalLMEagle3"
WEIGHTS = "model.safetensors"


def default_taps(layers: int) -> tuple[int, int, int]:
    """The target layers that published heads fuse, of so many."""
    return (2, layers // 2, layers - 3)


def read_head_config(path: Path, target: DecoderConfig) -> HeadConfig:
    """The shape of the head in folder `path`, checked against its target.

    Raises:
        UserError: no head is there, or it belongs to another target; names both sides.
    """
    raw = _read_json(path)
    speculators = raw.get("speculators_model_type")
    if speculators is not None:
        if speculators != "eagle3":
            raise UserError(f"draft head {path}", got=f"a {speculators} model", expected="an eagle3 head")
        layout, shape = "speculators", dict(raw.get("transformer_layer_config") or {})
        raw.setdefault("draft_vocab_size", shape.get("vocab_size"))
    elif (raw.get("architectures") or ["none"])[0] == ARCHITECTURE:
        layout, shape = ("SpecForge" if "eagle_config" in raw else "EAGLE"), raw
    else:
        raise UserError(
            f"draft head {path}",
            got=f"architecture {(raw.get('architectures') or ['none'])[0]}",
            expected=f"{ARCHITECTURE}, or speculators_model_type eagle3",
            hint="An EAGLE-3 head is a folder of its own, not the target's.",
        )
    decoder = _decoder_config(path, shape)
    _must_fit(path, "hidden size", decoder.hidden, target.hidden)
    vocabulary = shape.get("vocab_size")
    if layout != "speculators" and vocabulary is not None:
        _must_fit(path, "vocabulary", vocabulary, target.vocabulary)
    draft = raw.get("draft_vocab_size") or vocabulary
    if not isinstance(draft, int):
        raise UserError(f"draft head {path}: draft_vocab_size", got=draft, expected="a number")
    taps = _taps(raw, target.layers)
    if not (len(taps) == 3 and all(0 <= tap < target.layers for tap in taps)):
        raise UserError(f"draft head {path}: target layers", got=taps, expected=f"three of {target.layers}")
    return HeadConfig(
        decoder=dataclasses.replace(decoder, vocabulary=draft, layers=1, context=target.context, window=None),
        taps=taps,
        norm_before_residual=bool(raw.get("norm_before_residual", False)),
        trained_context=decoder.context,
        layout=layout,
    )


def load_head(
    path: Path, target: Decoder, *, precision: DraftPrecision = "target", allow_pickle: bool = False
) -> Head:
    """The head in folder `path`, whatever the target's precision.

    Args:
        allow_pickle: also read `*.bin`. torch unpickles tensors alone; still, only from a source you trust.

    Raises:
        UserError: as `read_head_config` does; or a tensor is missing or has another shape.
    """
    config = read_head_config(path, target.config)
    weights = _open(path, allow_pickle)
    like = target.embedding
    c, h = config.decoder, config.decoder.hidden
    at = "layers.0." if config.layout == "speculators" else "midlayer."

    def get(name: str, *shape: int) -> Tensor:
        return weights.get(name, shape, like.device)

    def vector(name: str) -> Tensor:
        return get(name, h).to(like.dtype)

    held = _held(precision, like)

    def linear(*tensors: Tensor) -> Linear:
        return held.linear(torch.cat(tensors), None)

    q, kv = c.heads * c.head_dim, c.kv_heads * c.head_dim
    attention, mlp = f"{at}self_attn.", f"{at}mlp."
    layer = Layer(
        input_norm=vector(f"{at}input_layernorm.weight"),
        qkv=linear(
            get(f"{attention}q_proj.weight", q, 2 * h),
            get(f"{attention}k_proj.weight", kv, 2 * h),
            get(f"{attention}v_proj.weight", kv, 2 * h),
        ),
        qk_norm=None,
        out=linear(get(f"{attention}o_proj.weight", h, q)),
        post_norm=vector(f"{at}post_attention_layernorm.weight"),
        gate_up=linear(
            get(f"{mlp}gate_proj.weight", c.intermediate, h), get(f"{mlp}up_proj.weight", c.intermediate, h)
        ),
        down=linear(get(f"{mlp}down_proj.weight", h, c.intermediate)),
    )
    own = "embed_tokens.weight"
    embedding = get(own, target.config.vocabulary, h).to(like.dtype) if own in weights else like
    return Head(
        config,
        embedding,
        linear(get("fc.weight", h, 3 * h)),
        layer,
        vector(f"{at}hidden_norm.weight"),
        vector("norm.weight"),
        linear(get("lm_head.weight", c.vocabulary, h)),
        target_ids(path, weights, config, target),
    )


def _held(precision: DraftPrecision, like: Tensor) -> Fp32 | Bf16 | Int8:
    if like.dtype == torch.float32:
        return Fp32({})
    rounded = precision == "int8" or (precision == "auto" and cpu.able(like))
    return Int8({}) if rounded else Bf16({})


def write_head(folder: Path, tensors: Mapping[str, Tensor], config: HeadConfig, vocabulary: int) -> None:
    """Write a head in the EAGLE layout, which vLLM loads.

    Args:
        tensors: by the names of that layout.
        vocabulary: the target's.
    """
    c = config.decoder
    raw = {
        "architectures": [ARCHITECTURE],
        "model_type": "llama",
        "hidden_act": "silu",
        "hidden_size": c.hidden,
        "intermediate_size": c.intermediate,
        "num_hidden_layers": 1,
        "num_attention_heads": c.heads,
        "num_key_value_heads": c.kv_heads,
        "head_dim": c.head_dim,
        "rms_norm_eps": c.norm_eps,
        "rope_theta": _theta(c),
        "max_position_embeddings": config.trained_context,
        "vocab_size": vocabulary,
        "draft_vocab_size": c.vocabulary,
        "tie_word_embeddings": False,
        "eagle_aux_hidden_state_layer_ids": list(config.taps),
        "norm_before_residual": config.norm_before_residual,
        "dtype": str(tensors["fc.weight"].dtype).removeprefix("torch."),
    }
    folder.mkdir(parents=True, exist_ok=True)
    save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, folder / WEIGHTS)
    (folder / "config.json").write_text(json.dumps(raw, indent=2) + "\n", encoding="utf-8")


class _Pickled:
    """Tensors of `*.bin` files, as `Checkpoint` gives them."""

    def __init__(self, path: Path, files: list[Path]):
        self._tensors: dict[str, Tensor] = {}
        for file in files:
            try:
                self._tensors |= torch.load(file, map_location="cpu", weights_only=True)
            except (OSError, RuntimeError, pickle.UnpicklingError, TypeError, EOFError) as error:
                got = (str(error) or type(error).__name__).splitlines()[0]
                raise UserError(
                    f"weights file {file}", got=got, expected="pickled tensors and no more"
                ) from None
        self._path = path

    def __contains__(self, name: str) -> bool:
        return name in self._tensors

    def get(self, name: str, shape: tuple[int, ...], device: torch.device) -> Tensor:
        if name not in self._tensors:
            raise UserError(f"draft head {self._path}: tensor {name}", got="none", expected=f"shape {shape}")
        tensor = self._tensors[name]
        if tuple(tensor.shape) != shape:
            raise UserError(
                f"draft head {self._path}: tensor {name}", got=tuple(tensor.shape), expected=f"{shape}"
            )
        return tensor.to(device)


def _open(path: Path, allow_pickle: bool) -> Checkpoint | _Pickled:
    pickled = sorted(path.glob("*.bin"))
    if any(path.glob("*.safetensors")) or not pickled:
        return Checkpoint(path)
    if not allow_pickle:
        raise UserError(
            f"draft head {path}",
            got=f"pickled weights ({pickled[0].name})",
            expected="safetensors: a pickle may run code when it is read",
            hint="If you trust where it comes from, add --allow-pickle.",
        )
    return _Pickled(path, pickled)


def target_ids(path: Path, weights: Checkpoint | _Pickled, config: HeadConfig, target: Decoder) -> Tensor:
    """The target's id of every draft id, int64 [draft vocabulary].

    Raises:
        UserError: one lies outside the target's vocabulary.
    """
    size, device = config.decoder.vocabulary, target.device
    if "d2t" not in weights:
        _must_fit(path, "vocabulary", size, target.config.vocabulary)
        return torch.arange(size, device=device)
    ids = torch.arange(size, device=device) + weights.get("d2t", (size,), device).long()
    if not (int(ids.min()) >= 0 and int(ids.max()) < target.config.vocabulary):
        raise UserError(
            f"draft head {path}: d2t",
            got=f"target ids from {int(ids.min())} to {int(ids.max())}",
            expected=f"0 to {target.config.vocabulary - 1}, the target's vocabulary",
            hint="The head was trained for another model.",
        )
    return ids


def _read_json(path: Path) -> dict[str, Any]:
    try:
        raw = json.loads((path / "config.json").read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(
            f"draft head {path}",
            got=f"no config.json ({error.strerror})",
            expected="an EAGLE-3 head's folder",
        ) from None
    except ValueError as error:
        raise UserError(f"{path / 'config.json'} is not valid JSON", got=str(error)) from None
    if not isinstance(raw, dict):
        raise UserError(f"{path / 'config.json'}", got=type(raw).__name__, expected="a JSON object")
    return raw


def _decoder_config(path: Path, raw: dict[str, Any]) -> DecoderConfig:
    from huggingface_hub.errors import StrictDataclassError
    from transformers import LlamaConfig

    try:
        return decoder_config(path, LlamaConfig.from_dict(dict(raw)), ARCHITECTURE)
    except (KeyError, ValueError, TypeError, StrictDataclassError) as error:
        got = " ".join(str(error).split())
        raise UserError(
            f"config.json of {path}", got=got, expected="the configuration of a Llama layer"
        ) from None


def _taps(raw: dict[str, Any], layers: int) -> tuple[int, ...]:
    entered = raw.get("eagle_aux_hidden_state_layer_ids")
    if entered:
        return tuple(entered)
    left = (raw.get("eagle_config") or {}).get("eagle_aux_hidden_state_layer_ids")
    return tuple(layer + 1 for layer in left) if left else default_taps(layers)


def _theta(config: DecoderConfig) -> float:
    # inv_freq[1] is theta ** (-2 / head_dim), in float32: six digits of theta are sure.
    return float(f"{config.inv_freq[1].double() ** (-config.head_dim / 2):.6g}")


def _must_fit(path: Path, what: str, got: int, expected: int) -> None:
    if got != expected:
        raise UserError(
            f"draft head {path}: {what}",
            got=got,
            expected=f"{expected}, as its target has",
            hint="The head was trained for another model.",
        )
