"""4-bit weights times 8-bit rows by the lab's own CPU kernel: the dot products of a group are exact."""

from __future__ import annotations

import torch
from torch import Tensor

from lab.kernels import cpu, w4
from lab.kernels.cpu import Isa
from lab.kernels.w4 import W4Weight


def able(weight: W4Weight, dtype: torch.dtype) -> bool:
    """Integers, bf16 activations on a CPU, groups of whole eights of columns."""
    return weight.values is None and weight.group % 8 == 0 and w4.cpu.able(weight, dtype)


class Cpu(w4.cpu.Cpu):
    """Likewise, with the codes as [out / 16, in / 8, 2, 8, 4] bytes."""

    kind = cpu.FOUR_BITS_INT8

    @staticmethod
    def pack(codes: Tensor, _isa: Isa) -> Tensor:
        """uint8 [out, in] -> [out / 16, in / 8, 2, 8, 4]: of 8 columns a byte holds i and 4 + i."""
        octets = cpu.tiles(codes).unflatten(2, (-1, 2, 4)).unflatten(1, (2, 8))
        bytes_ = octets[..., 0, :] | (octets[..., 1, :] << 4)
        packed: Tensor = bytes_.permute(0, 3, 1, 2, 4)
        return packed
