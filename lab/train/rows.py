"""A loss that sums over rows, computed some rows at a time together with its gradient.

A head's logits are by far the largest tensor of a small model's training: 1,300 learnt tokens of a vocabulary
of 49,152 are 256 MB in float32, and a cross-entropy and its gradient hold several such. Some rows at a time
stay near the processor, and no more than theirs are ever held. What that costs is one gradient, of the rows,
kept from forwards to backwards.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

SIZE = 128

Part = Callable[[Tensor, slice], Tensor]


def sum_over_rows(rows: Tensor, part: Part, size: int = SIZE) -> Tensor:
    """The sum of `part(rows[at], at)` over slices `at` of at most `size` rows that cover all of them.

    Args:
        rows: [N, ..]; the only tensor that a gradient reaches.
        part: a scalar of some rows.
    """
    if torch.is_grad_enabled() and rows.requires_grad:
        total: Tensor = _Sum.apply(rows, part, size)  # type: ignore[no-untyped-call]
        return total
    return torch.stack([part(rows[at], at) for at in _slices(rows, size)]).sum()


class _Sum(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, rows: Tensor, part: Part, size: int) -> Tensor:
        totals: list[Tensor] = []
        gradients: list[Tensor] = []
        for at in _slices(rows, size):
            with torch.enable_grad():
                some = rows[at].detach().requires_grad_()
                total = part(some, at)
            gradients += torch.autograd.grad(total, some)
            totals.append(total.detach())
        ctx.save_for_backward(torch.cat(gradients))
        return torch.stack(totals).sum()

    @staticmethod
    def backward(ctx: Any, scale: Tensor) -> tuple[Tensor, None, None]:
        (gradient,) = ctx.saved_tensors
        return gradient * scale.to(gradient.dtype), None, None


def _slices(rows: Tensor, size: int) -> list[slice]:
    return [slice(start, min(start + size, len(rows))) for start in range(0, len(rows), size)]
