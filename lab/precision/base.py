"""The contract of a precision, and the linear layer that it makes."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Protocol

import torch
from torch import Tensor

from lab.errors import UserError, did_you_mean
from lab.kernels.base import Matmul
from lab.precision import PRECISIONS


class Linear:
    """y = x @ W^T + b, W packed by a precision."""

    def __init__(self, matmul: Matmul, bias: Tensor | None):
        self.matmul, self.bias = matmul, bias
        self.stored_bytes = matmul.stored_bytes + (0 if bias is None else bias.numel() * bias.element_size())

    def __call__(self, x: Tensor) -> Tensor:
        """[n, in] -> [n, out]."""
        y = self.matmul(x)
        return y if self.bias is None else y + self.bias


class Precision(Protocol):
    """How the target's weights are stored and multiplied.

    Attributes:
        op: what multiplies the layers.
        dtype: of activations, norms, embedding and KV cache.
        kernels: op -> the implementation that runs; filled as layers are made.
    """

    op: str
    dtype: torch.dtype
    kernels: dict[str, str]

    def linear(self, weight: Tensor, bias: Tensor | None) -> Linear:
        """A layer of a decoder block from W [out, in] in its checkpoint's dtype."""
        ...

    def head(self, weight: Tensor) -> Linear:
        """The output head from W [vocabulary, hidden]."""
        ...


def load_precision(name: str, pins: Mapping[str, str]) -> Precision:
    """The precision called `name`, its ops pinned as in `pins`; pins of ops that it does not use are ignored.

    Raises:
        UserError: no such precision.
    """
    if name not in PRECISIONS:
        raise UserError(
            "precision",
            got=repr(name),
            expected=f"one of {', '.join(PRECISIONS)}",
            hint=did_you_mean(name, PRECISIONS),
        )
    module, _, attribute = PRECISIONS[name].partition(":")
    made: Precision = getattr(importlib.import_module(module), attribute)(pins)
    return made
