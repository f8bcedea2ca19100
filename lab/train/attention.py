"""Attention over sequences that share their beginnings, packed into one row of tokens.

A trunk attends to itself; each branch attends to its trunk and to itself, never to another branch. Both are
causal. The cost is that of the blocks that are needed: nothing is computed and masked away but the upper
triangles.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

NAME = "lab-tree"

Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Tree:
    """Spans of tokens, end excluded: a trunk, which may be empty, and the branches that continue it."""

    trunk: Span
    branches: tuple[Span, ...]


class Layout:
    """The trees of one forward, and the masks that all of its layers use."""

    def __init__(self, trees: Sequence[Tree], device: torch.device):
        self.trees = trees
        self._device = device
        self._masks: dict[tuple[int, int, torch.dtype], Tensor] = {}

    def mask(self, trunk: int, own: int, dtype: torch.dtype) -> Tensor:
        """[own, trunk + own], 0 where a branch of `own` tokens attends and -inf where it does not."""
        key = (trunk, own, dtype)
        if key not in self._masks:
            hidden = torch.full((own, trunk + own), float("-inf"), dtype=dtype, device=self._device)
            self._masks[key] = hidden.triu(trunk + 1)
        return self._masks[key]


def attend(
    _module: torch.nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    _mask: Tensor | None,
    *,
    scaling: float,
    layout: Layout | None = None,
    **_: Any,
) -> tuple[Tensor, None]:
    """What transformers calls in a layer: query [1, heads, T, d], key and value [1, kv heads, T, d].

    Without a layout every row is one sequence.

    Returns:
        [1, T, heads, d], and no weights.
    """
    layout = layout or Layout([Tree((0, 0), ((0, query.shape[2]),))], query.device)
    groups = query.shape[1] // key.shape[1]
    key, value = (tensor.repeat_interleave(groups, dim=1) for tensor in (key, value))
    # Split at once: the gradient of a slice is as large as what it is cut from.
    spans = [span for tree in layout.trees for span in (tree.trunk, *tree.branches)]
    parts = [tensor.split([stop - start for start, stop in spans], dim=2) for tensor in (query, key, value)]
    pieces = iter(zip(*parts, strict=True))
    out: list[Tensor] = []
    for tree in layout.trees:
        query, trunk_keys, trunk_values = next(pieces)
        shared = query.shape[2]
        if shared:
            trunk = F.scaled_dot_product_attention(
                query, trunk_keys, trunk_values, is_causal=True, scale=scaling
            )
            out.append(trunk)
        for _branch in tree.branches:
            q, k, v = next(pieces)
            if not shared:
                out.append(F.scaled_dot_product_attention(q, k, v, is_causal=True, scale=scaling))
                continue
            k, v = torch.cat([trunk_keys, k], dim=2), torch.cat([trunk_values, v], dim=2)
            mask = layout.mask(shared, q.shape[2], q.dtype)
            out.append(F.scaled_dot_product_attention(q, k, v, attn_mask=mask, scale=scaling))
    return torch.cat(out, dim=2).transpose(1, 2), None
