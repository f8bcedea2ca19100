"""What every implementation of op `tree_attention` is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from torch import Tensor

if TYPE_CHECKING:
    from lab.kernels.tree_attention.sight import Sight
    from lab.models.cache import KVCache


class TreeAttention(Protocol):
    """The attention of one decoder's layers."""

    @property
    def kernel(self) -> str:
        """The implementation."""
        ...

    @property
    def most_rows(self) -> int | None:
        """Of one call; None for any number."""
        ...

    def __call__(self, queries: Tensor, cache: KVCache, layer: int, sight: Sight) -> Tensor:
        """softmax(queries keys^T / sqrt(head_dim)) values, over the slots that each row sees.

        Args:
            queries: [n, heads, head_dim]; heads / kv_heads consecutive ones share a key head.
            cache: in which the rows' own keys and values are written already.

        Returns:
            [n, heads * head_dim] in the queries' dtype.
        """
        ...
