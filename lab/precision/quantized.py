"""What quantized precisions share: decoder linears packed by an op of their own, everything else in bf16."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

from lab.kernels.base import Matmul
from lab.precision.base import Linear, Source
from lab.precision.dense import Bf16


class Quantized:
    """A subclass names its op, and how the op packs a weight in its canonical form."""

    methods: tuple[str | None, ...] = (None,)
    dtype = torch.bfloat16
    op: str
    _pack: Callable[..., Matmul]

    def __init__(self, pins: Mapping[str, str]):
        self._bf16 = Bf16(pins)
        self._pinned = pins.get(self.op)
        self.kernels = self._bf16.kernels

    def head(self, weight: Tensor) -> Linear:
        return self._bf16.head(weight)

    def _matmul(self, weight: Any) -> Matmul:
        matmul = self._pack(weight, self.dtype, self._pinned)
        self.kernels[self.op] = matmul.kernel
        return matmul

    def _linear(self, matmul: Matmul, bias: Tensor | None) -> Linear:
        return Linear(matmul, None if bias is None else bias.to(self.dtype))


class Rounded(Quantized):
    """Those that are made of floats when the weights are loaded; a subclass says how."""

    _quantize: Callable[[Tensor], Any]

    def layer(self, source: Source) -> Linear:
        return self.linear(source.floats(), source.bias())

    def linear(self, weight: Tensor, bias: Tensor | None) -> Linear:
        """From W [out, in] and its bias [out]."""
        return self._linear(self._matmul(self._quantize(weight)), bias)
