"""bf16 weights through the lab's own CPU kernel: read once for up to 64 rows, summed in float32."""

from __future__ import annotations

import torch
from torch import Tensor

from lab.kernels import cpu
from lab.kernels.cpu import Isa
from lab.kernels.cpu.memory import settle


def able(weight: Tensor) -> bool:
    """bf16 on a CPU, rows of an even length."""
    return weight.dtype == torch.bfloat16 and weight.shape[1] % 2 == 0 and cpu.able(weight)


class Cpu:
    """W [out, in] bf16 as [out / 16, in / 2, 16, 2]: two columns of an output lie side by side."""

    kernel = "cpu"

    def __init__(self, weight: Tensor, isa: Isa | None = None):
        self.stored_bytes = weight.numel() * weight.element_size()
        self.isa = isa or cpu.best_isa()
        self._tiles = settle(cpu.tiles(weight).unflatten(2, (-1, 2)).transpose(1, 2))
        out, columns = weight.shape
        self.packed = cpu.Weight(kind=cpu.BF16, columns=columns, out=out, data=self._tiles.data_ptr())

    def __call__(self, x: Tensor) -> Tensor:
        return cpu.linear(self.packed, x, self.isa)
