"""The contract of a precision, and the linear layer that it makes."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

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


class Tensors(Protocol):
    """A checkpoint's tensors by name.

    Attributes:
        name: of the checkpoint, for messages.
    """

    name: str

    def __contains__(self, tensor: str) -> bool: ...

    def get(
        self, tensor: str, shape: tuple[int, ...], device: torch.device, dtype: torch.dtype | None = None
    ) -> Tensor:
        """The tensor, which must have `shape`, and be stored in `dtype` if one is given."""
        ...

    def read(self, tensor: str, device: torch.device) -> Tensor:
        """The tensor, whatever its shape."""
        ...


@dataclass(frozen=True, slots=True)
class Source:
    """Where a layer's weights are: the rows of its parts, one below the other.

    Attributes:
        quantization: what config.json says about how the weights were quantized; empty for floats.
        parts: name of a module -> its rows.
        columns: of every part.
    """

    tensors: Tensors
    quantization: Mapping[str, Any]
    parts: Mapping[str, int]
    columns: int
    device: torch.device

    def floats(self) -> Tensor:
        """W [out, in] in the checkpoint's dtype."""
        return torch.cat(
            [
                self.tensors.get(f"{name}.weight", (rows, self.columns), self.device)
                for name, rows in self.parts.items()
            ]
        )

    def bias(self) -> Tensor | None:
        """[out] in the checkpoint's dtype, if the parts have one."""
        if not any(f"{name}.bias" in self.tensors for name in self.parts):
            return None
        return torch.cat(
            [self.tensors.get(f"{name}.bias", (rows,), self.device) for name, rows in self.parts.items()]
        )


class Precision(Protocol):
    """How the target's weights are stored and multiplied.

    Attributes:
        methods: the checkpoints it loads, by the `quant_method` of their config.json; None for floats.
        op: what multiplies the layers.
        dtype: of activations, norms, embedding and KV cache.
        kernels: op -> the implementation that runs; filled as layers are made.
    """

    methods: tuple[str | None, ...]
    op: str
    dtype: torch.dtype
    kernels: dict[str, str]

    def layer(self, source: Source) -> Linear:
        """A layer of a decoder block.

        Raises:
            UserError: a tensor is missing or of another form than the checkpoint declares.
        """
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
