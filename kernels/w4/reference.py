"""The canonical form of a 4-bit weight and the eager reference of op `w4`."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from lab.errors import UserError

# What codes mean without a codebook: W = (code - 8) * scale.
MIDDLE = 8


@dataclass(frozen=True, slots=True)
class W4Weight:
    """4-bit codes with group scales: W[o, i] = meaning of codes[o, i] * scales[o, i // group].

    A code means itself less 8 (symmetric integers), itself less the group's zero point (asymmetric ones, as
    in GPTQ and AWQ), or an entry of a codebook (NF4).

    Attributes:
        codes: uint8 [out, in], values 0..15.
        scales: [out, in / group], finite, in the dtype they are stored in.
        group: columns that share a scale.
        zeros: uint8 [out, in / group], 0..16; stored as 4 bits each. None for 8 throughout.
        values: bf16 [16], the codebook. None for integers; with one there are no zeros.
    """

    codes: Tensor
    scales: Tensor
    group: int
    zeros: Tensor | None = None
    values: Tensor | None = None

    def __post_init__(self) -> None:
        rows, columns = self.codes.shape
        if self.group < 1 or columns % self.group:
            raise UserError(
                "4-bit group",
                got=f"{self.group} for rows of {columns}",
                expected="a group that divides the row",
                hint="Use another group size or another precision.",
            )
        groups = (rows, columns // self.group)
        if self.codes.dtype != torch.uint8 or int(self.codes.max()) > 15:
            raise UserError("4-bit codes", got=str(self.codes.dtype), expected="uint8 values of 0 to 15")
        if tuple(self.scales.shape) != groups:
            raise UserError("4-bit scales", got=str(tuple(self.scales.shape)), expected=str(groups))
        if not bool(torch.isfinite(self.scales).all()):
            raise UserError("4-bit scales", got="NaN or infinity", expected="finite scales")
        if self.zeros is not None:
            shape, dtype = tuple(self.zeros.shape), self.zeros.dtype
            if shape != groups or dtype != torch.uint8 or int(self.zeros.max()) > 16:
                raise UserError(
                    "4-bit zero points", got=f"{dtype} {shape}", expected=f"uint8 values of 0 to 16, {groups}"
                )
        if self.values is not None:
            shape, dtype = tuple(self.values.shape), self.values.dtype
            if shape != (16,) or dtype != torch.bfloat16 or not bool(self.values.isfinite().all()):
                raise UserError("4-bit codebook", got=f"{dtype} {shape}", expected="16 finite bf16 values")
            if self.zeros is not None:
                raise UserError("4-bit zero points", got="a codebook beside them", expected="one of the two")

    @property
    def stored_bytes(self) -> int:
        """Half a byte a code and a zero point, the scales and the codebook."""
        zeros = 0 if self.zeros is None else (self.zeros.numel() + 1) // 2
        values = 0 if self.values is None else self.values.numel() * self.values.element_size()
        return self.codes.numel() // 2 + self.scales.numel() * self.scales.element_size() + zeros + values

    def zero_points(self) -> Tensor:
        """What a code of each group means less: uint8 [out, in / group]."""
        return torch.full_like(self.scales, MIDDLE, dtype=torch.uint8) if self.zeros is None else self.zeros

    def dequantize(self, dtype: torch.dtype) -> Tensor:
        """W [out, in]; the product is formed in float32 and then rounded to `dtype`."""
        scales = self.scales.float()[..., None]
        if self.values is not None:
            meant = self.values.float()[self.codes.long()].unflatten(1, (-1, self.group))
        else:
            zeros = self.zero_points().float()[..., None]
            meant = self.codes.float().unflatten(1, (-1, self.group)) - zeros
        weight: Tensor = (meant * scales).flatten(1).to(dtype)
        return weight


class Reference:
    """Keeps two codes a byte and dequantizes at each call: slow, and right for every shape."""

    kernel = "reference"

    def __init__(self, weight: W4Weight, dtype: torch.dtype):
        self.stored_bytes, self.dtype = weight.stored_bytes, dtype
        self._nibbles = weight.codes[:, ::2] | (weight.codes[:, 1::2] << 4)
        self._scales, self._group = weight.scales, weight.group
        self._zeros, self._values = weight.zeros, weight.values

    def __call__(self, x: Tensor) -> Tensor:
        return F.linear(x, self.dequantized(self.dtype))

    def dequantized(self, dtype: torch.dtype) -> Tensor:
        """W [out, in]."""
        codes = torch.stack((self._nibbles & 15, self._nibbles >> 4), dim=-1).flatten(1)
        weight = W4Weight(codes, self._scales, self._group, self._zeros, self._values)
        return weight.dequantize(dtype)
