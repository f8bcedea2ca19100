"""Memory for packed weights, in huge pages where the system has them.

A step reads all weights once, so nearly every page of them is a miss of the processor's page tables, and in a
virtual machine a dear one.
"""

from __future__ import annotations

import mmap
from contextlib import suppress
from math import prod

import torch
from torch import Tensor

_HUGE = 2**21
_BLOCK = 16 * _HUGE
# A cache line, and a vector.
_ALIGNMENT = 64


class _Arena:
    """Hands out memory from large blocks; a block is freed with the last tensor in it."""

    def __init__(self) -> None:
        self._free = torch.empty(0, dtype=torch.uint8)

    def take(self, size: int) -> Tensor:
        """uint8 [size], aligned."""
        size += -size % _ALIGNMENT
        if size > len(self._free):
            self._free = _block(max(size, _BLOCK))
        taken, self._free = self._free[:size], self._free[size:]
        return taken


def _block(size: int) -> Tensor:
    """uint8 [at least size] that begins with a huge page."""
    if not hasattr(mmap, "MADV_HUGEPAGE"):
        return torch.empty(size, dtype=torch.uint8)
    memory = mmap.mmap(-1, size + _HUGE, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    with suppress(OSError):  # a kernel without them
        memory.madvise(mmap.MADV_HUGEPAGE)
    block = torch.frombuffer(memory, dtype=torch.uint8)
    return block[-block.data_ptr() % _HUGE :]


_arena = _Arena()


def settle(tensor: Tensor) -> Tensor:
    """A contiguous copy of a CPU tensor, where it stays."""
    size = prod(tensor.shape) * tensor.element_size()
    if size == 0:
        return tensor.contiguous()
    place = _arena.take(size)[:size].view(tensor.dtype).view(tensor.shape)
    return place.copy_(tensor)
