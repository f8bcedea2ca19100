"""PyTorch's built-in `_weight_int8pack_mm`: bf16 rows times 8-bit weights, scaled an output.

Its CPU code reads whole vectors without a check: with rows of 83 it gave wrong sums or crashed (2.13).
"""

from __future__ import annotations

import torch
from torch import Tensor

from lab.kernels.w8.reference import W8Weight

_VECTOR = 32


def able(weight: W8Weight, dtype: torch.dtype) -> bool:
    """bf16 activations on a CPU, rows of whole vectors."""
    return (
        weight.codes.shape[1] % _VECTOR == 0 and dtype == torch.bfloat16 and weight.codes.device.type == "cpu"
    )


class TorchInt8:
    """The operator takes the codes as they are; its scales are bf16."""

    kernel = "torch"

    def __init__(self, weight: W8Weight, dtype: torch.dtype):
        self.stored_bytes = weight.stored_bytes
        self._codes, self._scales = weight.codes.contiguous(), weight.scales.to(dtype)

    def __call__(self, x: Tensor) -> Tensor:
        y: Tensor = torch.ops.aten._weight_int8pack_mm.default(x.contiguous(), self._codes, self._scales)
        return y
