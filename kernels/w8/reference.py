"""The canonical form of an 8-bit weight and the eager reference of op `w8`."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from lab.errors import UserError

LARGEST = 127


@dataclass(frozen=True, slots=True)
class W8Weight:
    """8-bit integers with a scale an output: W[o, i] = codes[o, i] * scales[o].

    Attributes:
        codes: int8 [out, in], values -127..127.
        scales: float32 [out], finite.
    """

    codes: Tensor
    scales: Tensor

    def __post_init__(self) -> None:
        if self.codes.dtype != torch.int8 or bool((self.codes == -128).any()):
            raise UserError("8-bit codes", got=str(self.codes.dtype), expected="int8 values of -127 to 127")
        shape, dtype = tuple(self.scales.shape), self.scales.dtype
        if shape != self.codes.shape[:1] or dtype != torch.float32:
            expected = f"float32 {tuple(self.codes.shape[:1])}"
            raise UserError("8-bit scales", got=f"{dtype} {shape}", expected=expected)
        if not bool(torch.isfinite(self.scales).all()):
            raise UserError("8-bit scales", got="NaN or infinity", expected="finite scales")

    @property
    def stored_bytes(self) -> int:
        """A byte a code, four a scale."""
        return self.codes.numel() + 4 * self.scales.numel()

    def dequantize(self, dtype: torch.dtype) -> Tensor:
        """W [out, in]; the product is formed in float32 and then rounded to `dtype`."""
        return (self.codes.float() * self.scales[:, None]).to(dtype)


class Reference:
    """Dequantizes at each call: slow, and right for every shape."""

    kernel = "reference"

    def __init__(self, weight: W8Weight, dtype: torch.dtype):
        self.stored_bytes, self.dtype, self.weight = weight.stored_bytes, dtype, weight

    def __call__(self, x: Tensor) -> Tensor:
        return F.linear(x, self.weight.dequantize(self.dtype))
