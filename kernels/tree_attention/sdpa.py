"""Attention by torch's own operator, with a mask, for any number of rows on any device."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch.nn.functional as F
from torch import Tensor

if TYPE_CHECKING:
    from lab.kernels.tree_attention.sight import Sight
    from lab.models.cache import KVCache


class Sdpa:
    """Query heads that share a key head are folded into rows, so that keys are never expanded."""

    kernel = "torch"
    most_rows = None

    def __call__(self, queries: Tensor, cache: KVCache, layer: int, sight: Sight) -> Tensor:
        n, heads, size = queries.shape
        keys, values = cache.read(layer, sight.stop)
        # Row (g, t) of a key head's queries is query head g of its group at token t.
        q = queries.transpose(0, 1).reshape(1, len(keys), -1, size)
        mask = sight.mask(heads // len(keys), queries.dtype)
        found = F.scaled_dot_product_attention(q, keys[None], values[None], attn_mask=mask)
        return found.view(heads, n, size).transpose(0, 1).reshape(n, -1)
