"""fp32 and bf16: weights as they are, through op `dense`."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from lab.kernels import dense
from lab.precision.base import Linear, Source


class _Dense:
    methods = (None,)
    op = "dense"
    dtype: torch.dtype

    def __init__(self, pins: Mapping[str, str]):
        self.kernels: dict[str, str] = {}
        self._pinned = pins.get("dense")

    def layer(self, source: Source) -> Linear:
        return self.linear(source.floats(), source.bias())

    def linear(self, weight: Tensor, bias: Tensor | None) -> Linear:
        """From W [out, in] and its bias [out]."""
        matmul = dense.pack(weight.to(self.dtype), self._pinned)
        self.kernels["dense"] = matmul.kernel
        return Linear(matmul, None if bias is None else bias.to(self.dtype))

    def head(self, weight: Tensor) -> Linear:
        return self.linear(weight, None)


class Fp32(_Dense):
    """32-bit floats throughout."""

    dtype = torch.float32


class Bf16(_Dense):
    """bfloat16 weights and activations."""

    dtype = torch.bfloat16
