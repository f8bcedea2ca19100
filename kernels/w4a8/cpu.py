"""4-bit weights times 8-bit rows by the lab's own CPU kernel: the dot products of a group are exact."""

from __future__ import annotations

import torch
from torch import Tensor

from lab.kernels import cpu
from lab.kernels.cpu import Isa
from lab.kernels.w4 import W4Weight


def able(weight: W4Weight, dtype: torch.dtype) -> bool:
    """Integers, bf16 activations on a CPU, groups of whole eights of columns."""
    whole = weight.values is None and weight.group % 8 == 0
    return whole and dtype == torch.bfloat16 and cpu.able(weight.codes)


class Cpu:
    """A W4Weight as [out / 16, in / 8, 2, 8, 4] bytes, its scales as [out / 16, in / group, 16]."""

    kernel = "cpu"

    def __init__(self, weight: W4Weight, isa: Isa | None = None):
        self.stored_bytes = weight.stored_bytes
        self._isa = isa or cpu.best_isa()
        self._codes = _pack(weight.codes)
        self._scales = cpu.group_scales(weight.scales)
        self._zeros = cpu.group_zeros(weight.zeros)
        out, columns = weight.codes.shape
        self.packed = cpu.Weight(
            kind=cpu.FOUR_BITS_INT8,
            narrow_scales=self._scales.dtype == torch.bfloat16,
            columns=columns,
            out=out,
            group=weight.group,
            data=self._codes.data_ptr(),
            scales=self._scales.data_ptr(),
            zeros=None if self._zeros is None else self._zeros.data_ptr(),
        )

    def __call__(self, x: Tensor) -> Tensor:
        return cpu.linear(self.packed, x, self._isa)


def _pack(codes: Tensor) -> Tensor:
    """uint8 [out, in] -> [out / 16, in / 8, 2, 8, 4]: of an output's 8 columns a byte holds i and 4 + i."""
    octets = cpu.tiles(codes).unflatten(2, (-1, 2, 4)).unflatten(1, (2, 8))
    bytes_ = octets[..., 0, :] | (octets[..., 1, :] << 4)
    packed: Tensor = bytes_.permute(0, 3, 1, 2, 4).contiguous()
    return packed
