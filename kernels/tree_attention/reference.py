"""Attention as it is written down, in float32; in float64 if the queries are."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

if TYPE_CHECKING:
    from lab.kernels.tree_attention.sight import Sight
    from lab.models.cache import KVCache


class Reference:
    """One operator after the other."""

    kernel = "reference"
    most_rows = None

    def __call__(self, queries: Tensor, cache: KVCache, layer: int, sight: Sight) -> Tensor:
        n, heads, size = queries.shape
        dtype = torch.promote_types(queries.dtype, torch.float32)
        keys, values = (
            held.to(dtype).repeat_interleave(heads // held.shape[0], dim=0)
            for held in cache.read(layer, sight.stop)
        )
        scores = queries.to(dtype).transpose(0, 1) @ keys.transpose(1, 2) / size**0.5
        weights = scores.masked_fill(~sight.seen, float("-inf")).softmax(-1)
        # What is not seen may be no number.
        values = values.masked_fill(~sight.seen.any(0)[:, None], 0)
        mixed: Tensor = (weights @ values).transpose(0, 1).reshape(n, -1)
        return mixed.to(queries.dtype)
