"""A decoder's layers through the lab's own CPU kernel: one call and one team of threads for all of them.

Between the matrix products everything is float32 and stays in the caches; keys and values alone are rounded.
Every row attends along its own past, in the order of its positions: in a tree as in a chain as alone it
gets the same bits.
"""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from lab.kernels import cpu
from lab.kernels.dense import cpu as dense
from lab.kernels.w4 import cpu as w4
from lab.kernels.w8 import cpu as w8

if TYPE_CHECKING:
    from lab.models.cache import KVCache
    from lab.models.config import DecoderConfig
    from lab.models.decoder import Layer
    from lab.precision.base import Linear


_PRODUCTS = (dense.Cpu, w4.Cpu, w8.Cpu)


def able(config: DecoderConfig, layers: Sequence[Layer]) -> bool:
    """bf16 on a CPU, every product by kernel `cpu`, tiles that split the MLP into its halves."""
    return (
        layers[0].input_norm.dtype == torch.bfloat16
        and cpu.able(layers[0].input_norm)
        and config.intermediate % cpu.TILE == 0
        and all(isinstance(linear.matmul, _PRODUCTS) for layer in layers for linear in layer.linears)
    )


class Cpu:
    """The layers of one decoder, whose tensors it points into."""

    kernel = "cpu"
    most_rows = cpu.BLOCK

    def __init__(self, config: DecoderConfig, layers: Sequence[Layer]):
        (self._isa,) = {_product(linear).isa for layer in layers for linear in layer.linears}
        self._layers = tuple(layers)
        self._packed = (cpu.Layer * len(layers))(*map(_layer, layers))
        self._stack = cpu.Stack(
            layers=len(layers),
            hidden=config.hidden,
            heads=config.heads,
            kv_heads=config.kv_heads,
            head_dim=config.head_dim,
            intermediate=config.intermediate,
            window=config.window or 0,
            eps=config.norm_eps,
            layer=self._packed,
        )

    def __call__(
        self,
        x: Tensor,
        rotation: tuple[Tensor, Tensor],
        cache: KVCache,
        visible: Tensor | None,
        taps: Sequence[int] = (),
        heads_take: Tensor | None = None,
    ) -> tuple[Tensor, Tensor]:
        """What leaves the last layer, and what entered the tapped ones.

        Args:
            x: bf16 [n, hidden], n at most `most_rows`.
            rotation: cosines and sines, bf16 [n, 1, head_dim].
            cache: with room for n rows, which are written behind its length (which stays).
            visible: bool [n, m]: which of the last m slots, the new ones included, each row sees; it sees
                all before them. A causal triangle over the new ones when None.
            taps: layers, ascending; one may come twice, and the number of layers means what leaves the last.
            heads_take: bf16 [n, width], what the first layer's heads take; x, normed, when None.

        Returns:
            bf16 [n, hidden] and [taps, n, hidden].
        """
        assert 0 < len(x) <= self.most_rows
        x = x.clone()
        cos, sin = (part.contiguous() for part in rotation)
        seen = None if visible is None else visible.contiguous()
        tapped = x.new_empty((len(taps), *x.shape))
        wanted = (ctypes.c_int64 * len(taps))(*taps)
        rows = cpu.rows_of(cache, cache.length, len(x), seen)
        rows.x, rows.cos, rows.sin = x.data_ptr(), cos.data_ptr(), sin.data_ptr()
        taken = None if heads_take is None else heads_take.contiguous()
        rows.heads_take = cpu.pointer(taken)
        rows.taps, rows.tap_count, rows.tapped = ctypes.addressof(wanted), len(taps), tapped.data_ptr()
        cpu.stack(self._stack, rows, self._isa)
        return x, tapped


def _layer(layer: Layer) -> cpu.Layer:
    return cpu.Layer(
        input_norm=layer.input_norm.data_ptr(),
        post_norm=layer.post_norm.data_ptr(),
        qk_norm=cpu.pointer(layer.qk_norm),
        qkv=_linear(layer.qkv),
        out=_linear(layer.out),
        gate_up=_linear(layer.gate_up),
        down=_linear(layer.down),
    )


def _linear(linear: Linear) -> cpu.Linear:
    return cpu.Linear(weight=ctypes.pointer(_product(linear).packed), bias=cpu.pointer(linear.bias))


def _product(linear: Linear) -> dense.Cpu | w4.Cpu | w8.Cpu:
    assert isinstance(linear.matmul, _PRODUCTS), "able() was not asked"
    return linear.matmul
