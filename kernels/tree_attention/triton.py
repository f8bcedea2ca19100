"""Attention on CUDA: a Triton kernel over shares of the cache, whose results are put together.

With one sequence and few rows, the heads alone would fill a few of a GPU's multiprocessors: the cache is cut
into shares, each program takes one share of one key head, and softmax is completed over the shares. Run under
Triton's interpreter and compiled ahead of time for sm_80, sm_89 and sm_90; not yet run on a GPU.
"""

from __future__ import annotations

import os
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

if TYPE_CHECKING:
    from lab.kernels.tree_attention.sight import Sight
    from lab.models.cache import KVCache
    from lab.models.config import DecoderConfig

# Queries and slots of one product, slots of a share, and stages. Not measured on any GPU.
BLOCK_QUERIES, BLOCK_SLOTS, SHARE, STAGES = 16, 32, 256, 2
_SIZES = (16, 32, 64, 128)


def able(config: DecoderConfig, like: Tensor) -> bool:
    """bf16 on CUDA, with Triton installed, and heads of a size that products come in."""
    usable = like.dtype == torch.bfloat16 and config.head_dim in _SIZES
    return usable and like.device.type == "cuda" and find_spec("triton") is not None


class Triton:
    """For the heads of one decoder."""

    kernel = "triton"
    most_rows = 64

    def __init__(self, config: DecoderConfig):
        self._heads, self._kv_heads, self._size = config.heads, config.kv_heads, config.head_dim

    def __call__(self, queries: Tensor, cache: KVCache, layer: int, sight: Sight) -> Tensor:
        from lab.kernels.tree_attention.triton_source import attend_to_share

        n, shares = len(queries), -(-sight.stop // SHARE)
        queries = queries.contiguous()
        # Of every share, head and row: the largest score, the weights' sum, the weighted values.
        most = torch.empty(shares, n, self._heads, dtype=torch.float32, device=queries.device)
        sums = torch.empty_like(most)
        mixed = most.new_empty(*most.shape, self._size)
        group = self._heads // self._kv_heads
        grid = (self._kv_heads, shares, -(-n * group // BLOCK_QUERIES))
        attend_to_share[grid](
            *self._arguments(queries, cache, layer, sight, most, sums, mixed),
            **constants(self._size, group, scaled=cache.key_scales is not None),
        )
        factors = (most - most.amax(0)).exp()
        found = (mixed * factors[..., None]).sum(0) / (sums * factors).sum(0)[..., None]
        return found.to(queries.dtype).flatten(1)

    def _arguments(
        self,
        queries: Tensor,
        cache: KVCache,
        layer: int,
        sight: Sight,
        most: Tensor,
        sums: Tensor,
        mixed: Tensor,
    ) -> tuple[Any, ...]:
        """What the kernel takes, in order; where there are no scales, the queries stand in their place."""
        keys, values = cache.keys[layer], cache.values[layer]
        scales = (queries, queries)
        if cache.key_scales is not None and cache.value_scales is not None:
            scales = (cache.key_scales[layer], cache.value_scales[layer])
        seen = sight.allowed.view(torch.uint8), sight.first
        lengths = len(queries), sight.stop, sight.recent
        strides = self._heads, keys.stride(0), keys.shape[1]
        return queries, keys, values, *scales, *seen, most, sums, mixed, *lengths, *strides, self._size**-0.5


def constants(size: int, group: int, *, scaled: bool) -> dict[str, Any]:
    """What the kernel is compiled for."""
    return {
        "SIZE": size,
        "GROUP": group,
        "SCALED": scaled,
        "SHARE": SHARE,
        "BLOCK_QUERIES": BLOCK_QUERIES,
        "BLOCK_SLOTS": BLOCK_SLOTS,
        "WIDE": os.environ.get("TRITON_INTERPRET") == "1",
        "num_warps": 4,
        "num_stages": STAGES,
    }
