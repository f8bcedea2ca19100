"""Attention by the lab's own CPU kernel, the one inside op `stack`: float32 between the codes and the output.

A row attends along its own past in the order of its positions, so that in a tree as in a chain as alone it
gets the same bits.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from lab.kernels import cpu
from lab.kernels.cpu import Isa

if TYPE_CHECKING:
    from lab.kernels.tree_attention.sight import Sight
    from lab.models.cache import KVCache
    from lab.models.config import DecoderConfig


def able(like: Tensor) -> bool:
    """bf16 on a CPU."""
    return like.dtype == torch.bfloat16 and cpu.able(like)


class Cpu:
    """For the heads of one decoder."""

    kernel = "cpu"
    most_rows = cpu.BLOCK

    def __init__(self, config: DecoderConfig, isa: Isa | None = None):
        self._isa = isa or cpu.best_isa()
        self._stack = cpu.Stack(
            layers=config.layers,
            heads=config.heads,
            kv_heads=config.kv_heads,
            head_dim=config.head_dim,
            window=config.window or 0,
        )

    def __call__(self, queries: Tensor, cache: KVCache, layer: int, sight: Sight) -> Tensor:
        queries = queries.contiguous()
        out = queries.new_empty(len(queries), queries[0].numel())
        visible = None if sight.visible is None else sight.visible.contiguous()
        rows = cpu.rows_of(cache, sight.start, len(queries), visible)
        cpu.attention(self._stack, rows, layer, queries, out, self._isa)
        return out
