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
from torch import Tensor

NAME = "lab-tree"

Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Tree:
    """Spans of tokens, end excluded: a trunk, which may be empty, and the branches that continue it.

    Any span may end in padding. Nothing but padding comes behind a branch's, so only the trunk's has to be
    told: `padding` tokens.
    """

    trunk: Span
    branches: tuple[Span, ...]
    padding: int = 0


class Layout:
    """The trees of one forward, and the masks that all of its layers use."""

    def __init__(self, trees: Sequence[Tree], device: torch.device):
        self.trees = trees
        self._device = device
        self._masks: dict[tuple[int, int, int, torch.dtype], Tensor] = {}

    def mask(self, trunk: int, padding: int, own: int, dtype: torch.dtype) -> Tensor:
        """[own, trunk + own], 0 where a span of `own` tokens attends and -inf where it does not.

        Args:
            trunk: tokens before it, the last `padding` of which are hidden.
        """
        key = (trunk, padding, own, dtype)
        if key not in self._masks:
            hidden = torch.full((own, trunk + own), float("-inf"), dtype=dtype, device=self._device)
            hidden = hidden.triu(trunk + 1)
            hidden[:, trunk - padding : trunk] = float("-inf")
            self._masks[key] = hidden
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
    heads, kv_heads = query.shape[1], key.shape[1]
    # The query heads of a key are rows of one product.
    query = (query[0] * scaling).unflatten(0, (kv_heads, heads // kv_heads))
    # Split at once: the gradient of a slice is as large as what it is cut from.
    spans = [span for tree in layout.trees for span in (tree.trunk, *tree.branches)]
    lengths = [stop - start for start, stop in spans]
    parts = [tensor.split(lengths, dim=-2) for tensor in (query, key[0], value[0])]
    pieces = iter(zip(*parts, strict=True))
    out: list[Tensor] = []
    for tree in layout.trees:
        q, trunk_keys, trunk_values = next(pieces)
        shared = q.shape[-2]
        if shared:
            mask = layout.mask(0, 0, shared, q.dtype)
            out.append(_attend(q, trunk_keys, trunk_values, mask))
        for _branch in tree.branches:
            q, k, v = next(pieces)
            if shared:
                k, v = torch.cat([trunk_keys, k], dim=-2), torch.cat([trunk_values, v], dim=-2)
            mask = layout.mask(shared, tree.padding, q.shape[-2], q.dtype)
            out.append(_attend(q, k, v, mask))
    return torch.cat(out, dim=-2).flatten(0, 1).transpose(0, 1)[None], None


def _attend(query: Tensor, key: Tensor, value: Tensor, mask: Tensor) -> Tensor:
    """Query [kv heads, groups, n, d], scaled, over key and value [kv heads, m, d] with mask [n, m].

    In plain products: the gradient of PyTorch's fused attention does not use the processor's matrix
    arithmetic (2.13, CPU).
    """
    groups, n, _ = query.shape[1:]
    scores = (query.flatten(1, 2) @ key.transpose(1, 2)).unflatten(1, (groups, n)) + mask
    weights = scores.softmax(-1)
    out: Tensor = (weights.flatten(1, 2) @ value).unflatten(1, (groups, n))
    return out
