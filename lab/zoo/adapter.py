"""A LoRA adapter in peft's format, added to the weights of a model folder: W + scale * B @ A.

The product is formed and added in float32 and rounded once. It takes neither peft nor a model in memory, only
one file of weights at a time.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor

from lab.errors import UserError

CONFIG, WEIGHTS = "adapter_config.json", "adapter_model.safetensors"

_PREFIX = "base_model.model."
# What would change the sum below, and the value with which it does not.
_PLAIN: dict[str, tuple[Any, ...]] = {
    "peft_type": ("LORA",),
    "use_dora": (False, None),
    "bias": ("none", None),
    "fan_in_fan_out": (False, None),
    "rank_pattern": ({}, None),
    "alpha_pattern": ({}, None),
    "modules_to_save": ([], None),
}


def read_adapter_config(adapter: Path) -> dict[str, Any]:
    """The adapter's configuration.

    Raises:
        UserError: a file is missing or unreadable, or the adapter is more than plain LoRA.
    """
    for name in (CONFIG, WEIGHTS):
        if not (adapter / name).is_file():
            raise UserError(f"adapter {adapter}", got=f"no {name}", expected=f"{CONFIG} and {WEIGHTS}")
    try:
        config: dict[str, Any] = json.loads((adapter / CONFIG).read_text(encoding="utf-8"))
        numbers = {key: config[key] for key in ("r", "lora_alpha")}
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(f"{adapter / CONFIG}", got=str(error), expected="a LoRA configuration") from None
    for key, number in numbers.items():
        if not (isinstance(number, int | float) and number > 0):
            raise UserError(f"{adapter / CONFIG}: {key}", got=repr(number), expected="a positive number")
    for key, plain in _PLAIN.items():
        if config.get(key) not in plain:
            raise UserError(f"{adapter / CONFIG}: {key}", got=repr(config.get(key)), expected=repr(plain[0]))
    return config


def write_merged(base: Path, adapter: Path, out: Path, dtype: torch.dtype) -> None:
    """Write every `*.safetensors` of `base` to `out` under the same name, with the adapter added.

    Args:
        out: an existing folder; `base` itself to replace its files, each in one rename.
        dtype: of all weights written.

    Raises:
        UserError: the adapter is unreadable, no plain LoRA, or made for other weights.
        OSError: `out` cannot be written.
    """
    config = read_adapter_config(adapter)
    scale = config["lora_alpha"] / (math.sqrt(config["r"]) if config.get("use_rslora") else config["r"])
    try:
        factors = load_file(adapter / WEIGHTS)
    except SafetensorError as error:
        raise UserError(f"{adapter / WEIGHTS}", got=str(error), expected="a safetensors file") from None
    pairs = _pairs(factors)
    for path in sorted(base.glob("*.safetensors")):
        merged = {name: _add(w, pairs.pop(name, None), scale, name).to(dtype) for name, w in _tensors(path)}
        partial = out / f".{path.name}.{os.getpid()}.partial"
        try:
            save_file(merged, partial, metadata={"format": "pt"})
            partial.replace(out / path.name)
        except SafetensorError as error:
            raise OSError(str(error)) from None
        finally:
            partial.unlink(missing_ok=True)
    if pairs:
        raise UserError(
            f"adapter {adapter}", got=f"factors of {next(iter(pairs))}", expected=f"weights of {base.name}"
        )


def _pairs(factors: dict[str, Tensor]) -> dict[str, dict[str, Tensor]]:
    """Name of a weight -> its factors A [r, in] and B [out, r]."""
    pairs: dict[str, dict[str, Tensor]] = {}
    for name, tensor in factors.items():
        weight, _, side = name.removesuffix(".weight").removeprefix(_PREFIX).rpartition(".lora_")
        if side not in ("A", "B"):
            raise UserError("adapter", got=f"tensor {name}", expected="lora_A and lora_B factors only")
        pairs.setdefault(f"{weight}.weight", {})[side] = tensor.float()
    return pairs


def _tensors(path: Path) -> Iterable[tuple[str, Tensor]]:
    with safe_open(path, framework="pt") as file:
        for name in file.keys():  # noqa: SIM118 - not a dict: it cannot be iterated
            yield name, file.get_tensor(name)


def _add(weight: Tensor, pair: dict[str, Tensor] | None, scale: float, name: str) -> Tensor:
    if pair is None:
        return weight
    shapes = {side: tuple(factor.shape) for side, factor in pair.items()}
    if pair.keys() != {"A", "B"} or (shapes["B"][0], shapes["A"][-1]) != tuple(weight.shape):
        raise UserError(
            f"adapter: factors of {name}", got=str(shapes), expected=f"A and B for {tuple(weight.shape)}"
        )
    return weight.float() + scale * (pair["B"] @ pair["A"])
