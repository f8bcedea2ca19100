"""PyTorch's built-in int4 operators: `_weight_int4pack_mm` on CUDA, its `_for_cpu` sister on CPU.

Both compute (code - 8) * scale + zero with a bf16 scale and zero per group; symmetric weights have zero 0.
Zero points are left to other implementations: their product with the scale would be rounded to bf16.
"""

from __future__ import annotations

import torch
from torch import Tensor

from lab.kernels.w4.reference import W4Weight

_GROUPS = (32, 64, 128, 256)
# Tiles along the inner dimension of the CUDA layout; 8 is the layout's widest.
_INNER_K_TILES = 8


def able(weight: W4Weight, dtype: torch.dtype) -> bool:
    """Symmetric integers, bf16 activations, a group the operator knows, and a shape its layout divides."""
    rows, columns = weight.codes.shape
    if weight.zeros is not None or weight.values is not None:
        return False
    if dtype != torch.bfloat16 or weight.group not in _GROUPS:
        return False
    if weight.codes.device.type == "cpu":
        return rows % 16 == 0 and columns % 64 == 0
    return rows % 8 == 0 and columns % (_INNER_K_TILES * 16) == 0


class TorchInt4:
    """A W4Weight in the operator's own layout. A packed copy of the codes alone is kept."""

    kernel = "torch"

    def __init__(self, weight: W4Weight, dtype: torch.dtype):
        self.stored_bytes = weight.stored_bytes
        self._group = weight.group
        scales = weight.scales.to(dtype)
        self._scales_and_zeros = (
            torch.stack((scales, torch.zeros_like(scales)), dim=-1).transpose(0, 1).contiguous()
        )
        if weight.codes.device.type == "cpu":
            self._packed = torch.ops.aten._convert_weight_to_int4pack_for_cpu(weight.codes.to(torch.int32), 1)
            self._mm = torch.ops.aten._weight_int4pack_mm_for_cpu.default
        else:
            # CUDA takes two codes a byte, the even column in the high half.
            nibbles = (weight.codes[:, ::2] << 4) | weight.codes[:, 1::2]
            self._packed = torch.ops.aten._convert_weight_to_int4pack(nibbles, _INNER_K_TILES)
            self._mm = torch.ops.aten._weight_int4pack_mm.default

    def __call__(self, x: Tensor) -> Tensor:
        # The operator refuses strided rows.
        x = x.contiguous()
        return self._mm(x, self._packed, self._group, self._scales_and_zeros)  # type: ignore[no-any-return]
