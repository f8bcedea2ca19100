"""4-bit precisions whose checkpoint was quantized by someone else."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from lab.errors import UserError
from lab.kernels import w4
from lab.kernels.base import Matmul
from lab.kernels.w4 import W4Weight
from lab.precision.base import Linear, Source
from lab.precision.quantized import Quantized


class Permuted:
    """A matmul whose weight has its columns in another order than x has.

    Args:
        order: int64 [in]: the place in x of each column of the weight.
    """

    def __init__(self, matmul: Matmul, order: Tensor):
        self._matmul, self._order = matmul, order.to(torch.int32)
        self.kernel = matmul.kernel
        self.stored_bytes = matmul.stored_bytes + self._order.numel() * self._order.element_size()

    def __call__(self, x: Tensor) -> Tensor:
        return self._matmul(x.index_select(1, self._order))


class SideBySide:
    """Matmuls of the same x, their outputs one after the other."""

    def __init__(self, matmuls: Sequence[Matmul]):
        self._matmuls = tuple(matmuls)
        self.kernel = "+".join(sorted({matmul.kernel for matmul in matmuls}))
        self.stored_bytes = sum(matmul.stored_bytes for matmul in matmuls)

    def __call__(self, x: Tensor) -> Tensor:
        return torch.cat([matmul(x) for matmul in self._matmuls], dim=-1)


class Stored(Quantized, ABC):
    """A layer's parts are read as they are stored, then joined.

    Attributes:
        mark: the tensor that a quantized module has and another has not.
    """

    op = "w4"
    _pack = staticmethod(w4.pack)
    mark: str

    def layer(self, source: Source) -> Linear:
        packed = [f"{name}.{self.mark}" in source.tensors for name in source.parts]
        if not any(packed):  # a module that was left as it was
            return self._bf16.layer(source)
        if not all(packed):
            left = ", ".join(
                name for name, is_packed in zip(source.parts, packed, strict=True) if not is_packed
            )
            raise UserError(
                f"checkpoint {source.tensors.name}",
                got=f"{left} without {self.mark}",
                expected=f"all of {', '.join(source.parts)} quantized, or none",
            )
        parts = [self._named(source, name, rows) for name, rows in source.parts.items()]
        weights, orders = [weight for weight, _ in parts], [order for _, order in parts]
        if all(_same(order, orders[0]) for order in orders):
            matmul = self._ordered(_stacked(weights), orders[0])
        else:
            matmul = SideBySide([self._ordered(*part) for part in parts])
        return self._linear(matmul, source.bias())

    def _named(self, source: Source, name: str, rows: int) -> tuple[W4Weight, Tensor | None]:
        try:
            return self.part(source, name, rows)
        except UserError as error:
            if name in error.what:
                raise
            what = f"checkpoint {source.tensors.name}: {name}: {error.what}"
            raise UserError(what, got=error.got, expected=error.expected, hint=error.hint) from None

    def _ordered(self, weight: W4Weight, order: Tensor | None) -> Matmul:
        matmul = self._matmul(weight)
        return matmul if order is None else Permuted(matmul, order)

    @abstractmethod
    def part(self, source: Source, name: str, rows: int) -> tuple[W4Weight, Tensor | None]:
        """The weight of the module `name`, and the order of its columns if they are permuted."""


def group_size(source: Source) -> int:
    """Columns that share a scale, as the checkpoint's `group_size` says; -1 means the whole row.

    Raises:
        UserError: it is no such number, or does not divide the row.
    """
    group: Any = source.quantization.get("group_size")
    usable = isinstance(group, int) and (group == -1 or group > 0)
    if not (usable and source.columns % group == 0):
        raise UserError(
            f"checkpoint {source.tensors.name}: group_size",
            got=group,
            expected=f"-1, or a divisor of the {source.columns} columns of {', '.join(source.parts)}",
        )
    return source.columns if group == -1 else int(group)


def unpack(words: Tensor, nibbles: Sequence[int] = range(8)) -> Tensor:
    """int32 [n, m] -> uint8 [n, m * 8]: the 4-bit numbers of a word, `nibbles` being their places in it."""
    shifts = torch.tensor([4 * nibble for nibble in nibbles], dtype=torch.int32, device=words.device)
    return ((words[..., None] >> shifts) & 15).to(torch.uint8).flatten(-2)


def _same(one: Tensor | None, other: Tensor | None) -> bool:
    if one is None or other is None:
        return one is other
    return torch.equal(one, other)


def _stacked(weights: Sequence[W4Weight]) -> W4Weight:
    """Their rows one below the other; they have the same group and kind."""
    first = weights[0]
    zeros = None
    if any(weight.zeros is not None for weight in weights):
        zeros = torch.cat([weight.zero_points() for weight in weights])
    return W4Weight(
        torch.cat([weight.codes for weight in weights]),
        torch.cat([weight.scales for weight in weights]),
        first.group,
        zeros,
        first.values,
    )
