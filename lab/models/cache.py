"""The key-value cache of one sequence, and what it costs to read."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from lab.models.config import DecoderConfig

# Slots are allocated in blocks of this many, doubling when full, so that a short session stays small.
_BLOCK = 512
# The largest 8-bit code of a row.
_MOST = 127


class KVCache:
    """Keys and values of the tokens seen so far, in slots 0 .. length-1.

    `keys` and `values` are [layers, kv_heads, slots, head_dim]: in the decoder's dtype, or 8-bit integers of
    which each row of head_dim has a scale of its own, in `key_scales` and `value_scales`, float32 [layers,
    kv_heads, slots]. A forward writes its rows behind `length`, and the caller decides with `keep` or
    `truncate` which of them stay.

    Args:
        dtype: of what is written and read.
        kv: one of `lab.precision.KV_PRECISIONS`; `bf16` keeps `dtype`, whatever that is.
    """

    def __init__(self, config: DecoderConfig, dtype: torch.dtype, device: torch.device, kv: str = "bf16"):
        self._config, self._dtype = config, dtype
        self.length = 0
        shape = (config.layers, config.kv_heads, min(_BLOCK, config.context), config.head_dim)
        self.keys = torch.zeros(shape, dtype=torch.int8 if kv == "int8" else dtype, device=device)
        self.values = torch.zeros_like(self.keys)
        self.key_scales: Tensor | None = None
        self.value_scales: Tensor | None = None
        if kv == "int8":
            self.key_scales = torch.zeros(shape[:-1], dtype=torch.float32, device=device)
            self.value_scales = torch.zeros_like(self.key_scales)

    @property
    def _held(self) -> dict[str, Tensor]:
        """Everything that has slots, in its third dimension."""
        held = {"keys": self.keys, "values": self.values}
        if self.key_scales is not None and self.value_scales is not None:
            held |= {"key_scales": self.key_scales, "value_scales": self.value_scales}
        return held

    @property
    def bytes_per_token(self) -> int:
        """Bytes that one cached token occupies over all layers."""
        return sum(held[:, :, 0].numel() * held.element_size() for held in self._held.values())

    def reserve(self, rows: int) -> None:
        """Make room for `rows` more tokens."""
        slots = self.keys.shape[2]
        need = self.length + rows
        if need <= slots:
            return
        grown = max(need, 2 * slots)
        for name, old in self._held.items():
            new = old.new_zeros((*old.shape[:2], grown, *old.shape[3:]))
            new[:, :, : self.length] = old[:, :, : self.length]
            setattr(self, name, new)

    def write(self, layer: int, start: int, keys: Tensor, values: Tensor) -> None:
        """Keys and values [kv_heads, n, head_dim] of n tokens into the slots from `start` on."""
        slots = slice(start, start + keys.shape[1])
        if self.key_scales is None or self.value_scales is None:
            self.keys[layer, :, slots], self.values[layer, :, slots] = keys, values
            return
        self.keys[layer, :, slots], self.key_scales[layer, :, slots] = _rounded(keys)
        self.values[layer, :, slots], self.value_scales[layer, :, slots] = _rounded(values)

    def read(self, layer: int, stop: int) -> tuple[Tensor, Tensor]:
        """Keys and values [kv_heads, stop, head_dim] of the slots before `stop`."""
        keys, values = self.keys[layer, :, :stop], self.values[layer, :, :stop]
        if self.key_scales is None or self.value_scales is None:
            return keys, values
        key_scales, value_scales = self.key_scales[layer, :, :stop], self.value_scales[layer, :, :stop]
        return (
            (keys * key_scales[..., None]).to(self._dtype),
            (values * value_scales[..., None]).to(self._dtype),
        )

    def truncate(self, length: int) -> None:
        """Forget every token from slot `length` on."""
        assert 0 <= length <= self.length
        self.length = length

    def keep(self, start: int, offsets: Sequence[int]) -> None:
        """Of the rows written from slot `start` on, keep those at `offsets` (ascending), moved together."""
        if list(offsets) != list(range(len(offsets))):
            index = torch.tensor(offsets, device=self.keys.device) + start
            for held in self._held.values():
                held[:, :, start : start + len(offsets)] = held.index_select(2, index)
        self.length = start + len(offsets)

    def bytes_read(self, rows: int) -> int:
        """Bytes of keys and values that a forward of `rows` new tokens reads, its own rows included."""
        seen = self.length + rows
        if self._config.window is not None:
            seen = min(seen, self._config.window + rows - 1)
        return seen * self.bytes_per_token


def _rounded(rows: Tensor) -> tuple[Tensor, Tensor]:
    """8-bit integers [.., d] and float32 scales [..] whose products are nearest to `rows` [.., d]."""
    wide = rows.float()
    scales = wide.abs().amax(-1) / _MOST
    codes = (wide / scales.clamp_min(torch.finfo(torch.float32).tiny)[..., None]).round()
    # What is no number has no code; its scale still says so.
    return codes.nan_to_num().to(torch.int8), scales
