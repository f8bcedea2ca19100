"""4-bit weights through the lab's own CPU kernel: codes are looked up, a group's sum is scaled once."""

from __future__ import annotations

import torch
from torch import Tensor

from lab.kernels import cpu
from lab.kernels.cpu import Isa
from lab.kernels.cpu.memory import settle
from lab.kernels.w4.reference import MIDDLE, W4Weight


def able(weight: W4Weight, dtype: torch.dtype) -> bool:
    """bf16 activations on a CPU, groups of whole eights of columns."""
    return dtype == torch.bfloat16 and weight.group % 8 == 0 and cpu.able(weight.codes)


class Cpu:
    """A W4Weight in tiles of 16 outputs, its scales as [out / 16, in / group, 16]."""

    kernel = "cpu"
    kind = cpu.FOUR_BITS

    def __init__(self, weight: W4Weight, isa: Isa | None = None):
        self.stored_bytes = weight.stored_bytes
        self.isa = isa or cpu.best_isa()
        self._codes = settle(self.pack(weight.codes, self.isa))
        narrow = weight.scales.dtype == torch.bfloat16
        self._scales = _by_tile(weight.scales if narrow else weight.scales.float())
        # What is taken from a code less 8.
        self._zeros = None if weight.zeros is None else _by_tile(weight.zeros.float() - MIDDLE)
        integers = torch.arange(16, dtype=torch.bfloat16) - MIDDLE
        values = integers if weight.values is None else weight.values
        self._values = values.view(torch.uint8).view(16, 2).t().contiguous()
        out, columns = weight.codes.shape
        self.packed = cpu.Weight(
            kind=self.kind,
            narrow_scales=narrow,
            columns=columns,
            out=out,
            group=weight.group,
            data=self._codes.data_ptr(),
            scales=self._scales.data_ptr(),
            zeros=None if self._zeros is None else self._zeros.data_ptr(),
            values=self._values.data_ptr(),
        )

    def __call__(self, x: Tensor) -> Tensor:
        return cpu.linear(self.packed, x, self.isa)

    @staticmethod
    def pack(codes: Tensor, isa: Isa) -> Tensor:
        """uint8 [out, in] -> uint8 [out / 16, in * 8], in the order that suits the instruction set."""
        return _pack_words(codes) if isa in ("avx512_vnni", "avx512", "amx") else _pack_bytes(codes)


def _pack_bytes(codes: Tensor) -> Tensor:
    """[out / 16, in / 4, 32] bytes; of four columns a byte holds 0 or 1 (low) and 2 or 3."""
    # Output 8 h + 4 l + i stands at l, h, i: the halves of a 16-byte lane interleave to outputs in order.
    quads = cpu.tiles(codes).unflatten(2, (-1, 2, 2)).unflatten(1, (2, 2, 4))
    bytes_ = quads[..., 0, :] | (quads[..., 1, :] << 4)
    packed: Tensor = bytes_.permute(0, 4, 2, 1, 3, 5).flatten(1)
    return packed


def _pack_words(codes: Tensor) -> Tensor:
    """[out / 16, in / 8, 16, 2] words of two bytes; the four codes of a word are two columns apart."""
    octets = cpu.tiles(codes).unflatten(2, (-1, 2, 2, 2))  # tile, output, eight, byte, half, column
    bytes_ = octets[:, :, :, :, 0] | (octets[:, :, :, :, 1] << 4)
    packed: Tensor = bytes_.permute(0, 2, 1, 4, 3).flatten(1)
    return packed


def _by_tile(of_groups: Tensor) -> Tensor:
    """[out, groups] -> [tiles, groups, TILE]."""
    return settle(cpu.tiles(of_groups).transpose(1, 2))
