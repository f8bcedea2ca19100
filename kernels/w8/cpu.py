"""8-bit weights through the lab's own CPU kernel: summed in float32, scaled once."""

from __future__ import annotations

import torch
from torch import Tensor

from lab.kernels import cpu
from lab.kernels.cpu import Isa
from lab.kernels.cpu.memory import settle
from lab.kernels.w8.reference import W8Weight


def able(weight: W8Weight, dtype: torch.dtype) -> bool:
    """bf16 activations on a CPU, rows of an even length."""
    return dtype == torch.bfloat16 and weight.codes.shape[1] % 2 == 0 and cpu.able(weight.codes)


class Cpu:
    """A W8Weight as [out / 16, in, 16] bytes, its scales as [out / 16, 16]."""

    kernel = "cpu"
    kind = cpu.EIGHT_BITS

    def __init__(self, weight: W8Weight, isa: Isa | None = None):
        self.stored_bytes = weight.stored_bytes
        self.isa = isa or cpu.best_isa()
        self._codes = settle(self.pack(weight.codes))
        self._scales = settle(cpu.tiles(weight.scales[:, None]))
        out, columns = weight.codes.shape
        self.packed = cpu.Weight(
            kind=self.kind,
            columns=columns,
            out=out,
            group=columns,
            data=self._codes.data_ptr(),
            scales=self._scales.data_ptr(),
        )

    def __call__(self, x: Tensor) -> Tensor:
        return cpu.linear(self.packed, x, self.isa)

    @staticmethod
    def pack(codes: Tensor) -> Tensor:
        """int8 [out, in] -> [out / 16, in, 16]."""
        return cpu.tiles(codes).transpose(1, 2)
