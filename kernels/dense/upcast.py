"""bf16 weights on a CPU without bf16 arithmetic: few rows as `F.linear` does it, many rows in fp32.

oneDNN emulates bf16 products there, row by row: slower than fp32 as soon as widening the weights is shared
by enough rows.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

# From how many rows on. Measured on SmolLM2's layers (Ice Lake, 2 threads, torch 2.13; docs/log.md).
MANY_ROWS = 64


def has_bf16_arithmetic() -> bool:
    """Whether this CPU has an instruction for bf16 products."""
    return bool(torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported())


def able(weight: Tensor) -> bool:
    """bf16 on a CPU that has no instruction for bf16 products."""
    return weight.dtype == torch.bfloat16 and weight.device.type == "cpu" and not has_bf16_arithmetic()


class Upcast:
    """W [out, in] bf16 as it is; from `MANY_ROWS` rows on, weights and rows are widened at each call."""

    kernel = "upcast"

    def __init__(self, weight: Tensor):
        self.weight = weight
        self.stored_bytes = weight.numel() * weight.element_size()

    def __call__(self, x: Tensor) -> Tensor:
        if len(x) < MANY_ROWS:
            return F.linear(x, self.weight)
        return F.linear(x.float(), self.weight.float()).to(x.dtype)
