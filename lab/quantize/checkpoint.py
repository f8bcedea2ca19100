"""Writing quantized layers in the format of GPTQModel, which transformers and vLLM load, too."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import save_file
from torch import Tensor

from lab import __version__
from lab.errors import UserError
from lab.kernels.w4 import W4Weight
from lab.models.checkpoint import Checkpoint, modules
from lab.models.config import DecoderConfig
from lab.quantize.base import GptqConfig
from lab.zoo.pull import MARKER


def write_checkpoint(
    out: Path,
    model: Path,
    shape: DecoderConfig,
    layers: Sequence[dict[str, W4Weight]],
    config: GptqConfig,
) -> None:
    """A folder with the quantized layers, everything else of `model` in bf16, and its tokenizer.

    Args:
        layers: product -> weight, of every decoder layer.

    Raises:
        UserError: it cannot be written.
    """
    tensors: dict[str, Tensor] = {}
    for index, layer in enumerate(layers):
        for product, parts in modules(shape, index).items():
            begin = 0
            for module, rows in parts.items():
                tensors |= _module(module, layer[product], slice(begin, begin + rows), config)
                begin += rows
    weights, device = Checkpoint(model), torch.device("cpu")
    replaced = {name.replace(".qweight", ".weight") for name in tensors}
    for name in weights:
        if name not in replaced:
            tensors[name] = weights.read(name, device).to(torch.bfloat16)
    try:
        out.mkdir(parents=True)
        for file in sorted(model.iterdir()):
            if file.is_file() and file.name != MARKER and "safetensors" not in file.name:
                shutil.copy(file, out / file.name)
        save_file(tensors, out / "model.safetensors", {"format": "pt"})
        settings = _settings(config)
        described = json.loads((model / "config.json").read_text(encoding="utf-8"))
        described |= {"dtype": "bfloat16", "quantization_config": settings}
        _write(out / "config.json", described)
        _write(out / "quantize_config.json", settings)
    except (OSError, SafetensorError) as error:
        raise UserError(
            f"cannot write {out}", got=str(error), hint="Free some space; the same command goes on."
        ) from None


def _module(name: str, weight: W4Weight, rows: slice, config: GptqConfig) -> dict[str, Tensor]:
    codes, zeros = weight.codes[rows], weight.zero_points()[rows]
    columns = torch.arange(codes.shape[1])
    # Format v1 stores zero points less one.
    stored = zeros if config.asymmetric else zeros - 1
    return {
        f"{name}.qweight": pack(codes).t().contiguous(),
        f"{name}.qzeros": pack(stored.t().contiguous()),
        f"{name}.scales": weight.scales[rows].t().contiguous(),
        f"{name}.g_idx": (columns // weight.group).to(torch.int32),
    }


def pack(codes: Tensor) -> Tensor:
    """uint8 [n, m], values 0..15 -> int32 [n, m / 8], the first of eight in the lowest bits."""
    shifts = 4 * torch.arange(8)
    words = (codes.long().unflatten(1, (-1, 8)) << shifts).sum(-1)
    # As the same 32 bits, signed.
    return torch.where(words < 2**31, words, words - 2**32).to(torch.int32)


def _settings(config: GptqConfig) -> dict[str, Any]:
    """`quantization_config` of config.json."""
    # Asymmetric zero points do not survive v1.
    form = "gptq_v2" if config.asymmetric else "gptq"
    return {
        "quant_method": "gptq",
        "bits": 4,
        "group_size": config.group,
        "sym": not config.asymmetric,
        "desc_act": False,
        "lm_head": False,
        "checkpoint_format": form,
        "format": form,
        "pack_dtype": "int32",
        "meta": {
            "quantizer": [f"specquant-lab:{__version__}"],
            "damp_percent": config.damp,
            "static_groups": True,
            "true_sequential": True,
        },
    }


def _write(path: Path, content: dict[str, Any]) -> None:
    path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
