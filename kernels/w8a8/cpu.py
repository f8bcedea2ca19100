"""8-bit weights times 8-bit rows by the lab's own CPU kernel: the dot products are exact."""

from __future__ import annotations

import torch
from torch import Tensor

from lab.kernels import cpu, w8
from lab.kernels.w8 import W8Weight


def able(weight: W8Weight, dtype: torch.dtype) -> bool:
    """bf16 activations on a CPU, rows of whole eights."""
    return weight.codes.shape[1] % 8 == 0 and w8.cpu.able(weight, dtype)


class Cpu(w8.cpu.Cpu):
    """Likewise, with the codes as [out / 16, in / 4, 2, 8, 4] bytes."""

    kind = cpu.EIGHT_BITS_INT8

    @staticmethod
    def pack(codes: Tensor) -> Tensor:
        """int8 [out, in] -> [out / 16, in / 4, 2, 8, 4]."""
        quads = cpu.tiles(codes).unflatten(2, (-1, 4)).unflatten(1, (2, 8))
        packed: Tensor = quads.permute(0, 3, 1, 2, 4)
        return packed
