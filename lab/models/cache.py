"""The key-value cache of one sequence, and what it costs to read."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from lab.models.config import DecoderConfig

# Slots are allocated in blocks of this many, doubling when full, so that a short session stays small.
_BLOCK = 512


class KVCache:
    """Keys and values of the tokens seen so far, in slots 0 .. length-1.

    `keys` and `values` are [layers, kv_heads, slots, head_dim]. A forward writes its rows behind `length`
    and the caller decides with `keep` or `truncate` which of them stay.
    """

    def __init__(self, config: DecoderConfig, dtype: torch.dtype, device: torch.device):
        self._config = config
        self.length = 0
        shape = (config.layers, config.kv_heads, min(_BLOCK, config.context), config.head_dim)
        self.keys = torch.zeros(shape, dtype=dtype, device=device)
        self.values = torch.zeros_like(self.keys)

    @property
    def bytes_per_token(self) -> int:
        """Bytes that one cached token occupies over all layers."""
        return self._config.layers * self._config.kv_width * self.keys.element_size()

    def reserve(self, rows: int) -> None:
        """Make room for `rows` more tokens."""
        slots = self.keys.shape[2]
        need = self.length + rows
        if need <= slots:
            return
        grown = max(need, 2 * slots)
        for name in ("keys", "values"):
            old: Tensor = getattr(self, name)
            new = old.new_zeros((*old.shape[:2], grown, old.shape[3]))
            new[:, :, : self.length] = old[:, :, : self.length]
            setattr(self, name, new)

    def truncate(self, length: int) -> None:
        """Forget every token from slot `length` on."""
        assert 0 <= length <= self.length
        self.length = length

    def keep(self, start: int, offsets: Sequence[int]) -> None:
        """Of the rows written from slot `start` on, keep those at `offsets` (ascending), moved together."""
        if list(offsets) != list(range(len(offsets))):
            index = torch.tensor(offsets, device=self.keys.device) + start
            for tensor in (self.keys, self.values):
                tensor[:, :, start : start + len(offsets)] = tensor.index_select(2, index)
        self.length = start + len(offsets)

    def bytes_read(self, rows: int) -> int:
        """Bytes of keys and values that a forward of `rows` new tokens reads, its own rows included."""
        seen = self.length + rows
        if self._config.window is not None:
            seen = min(seen, self._config.window + rows - 1)
        return seen * self.bytes_per_token
