"""The canonical form of a 4-bit weight and the eager reference of op `w4`."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from lab.errors import UserError


@dataclass(frozen=True, slots=True)
class W4Weight:
    """Symmetric 4-bit integers: W[o, i] = (codes[o, i] - 8) * scales[o, i // group].

    Attributes:
        codes: uint8 [out, in], values 0..15.
        scales: [out, in / group], finite, in the dtype they are stored in.
        group: columns that share a scale.
    """

    codes: Tensor
    scales: Tensor
    group: int

    def __post_init__(self) -> None:
        rows, columns = self.codes.shape
        if columns % self.group:
            raise UserError(
                "4-bit group",
                got=f"{self.group} for rows of {columns}",
                expected="a group that divides the row",
                hint="Use another group size or another precision.",
            )
        if self.codes.dtype != torch.uint8 or int(self.codes.max()) > 15:
            raise UserError("4-bit codes", got=str(self.codes.dtype), expected="uint8 values of 0 to 15")
        if tuple(self.scales.shape) != (rows, columns // self.group):
            raise UserError(
                "4-bit scales", got=str(tuple(self.scales.shape)), expected=str((rows, columns // self.group))
            )
        if not bool(torch.isfinite(self.scales).all()):
            raise UserError("4-bit scales", got="NaN or infinity", expected="finite scales")

    @property
    def stored_bytes(self) -> int:
        """Half a byte a code, and the scales."""
        return self.codes.numel() // 2 + self.scales.numel() * self.scales.element_size()

    def dequantize(self, dtype: torch.dtype) -> Tensor:
        """W [out, in]; the product is formed in float32 and then rounded to `dtype`."""
        scales = self.scales.float()[..., None]
        values: Tensor = (self.codes.float() - 8.0).unflatten(1, (-1, self.group)) * scales
        return values.flatten(1).to(dtype)


class Reference:
    """Keeps two codes a byte and dequantizes at each call: slow, and right for every shape."""

    kernel = "reference"

    def __init__(self, weight: W4Weight, dtype: torch.dtype):
        self.stored_bytes = weight.stored_bytes
        self._nibbles = weight.codes[:, ::2] | (weight.codes[:, 1::2] << 4)
        self._scales, self._group, self._dtype = weight.scales, weight.group, dtype

    def __call__(self, x: Tensor) -> Tensor:
        codes = torch.stack((self._nibbles & 15, self._nibbles >> 4), dim=-1).flatten(1)
        return F.linear(x, W4Weight(codes, self._scales, self._group).dequantize(self._dtype))
