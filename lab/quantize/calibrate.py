"""A decoder on calibration sequences: each layer's weights are quantized on what reaches them.

What reaches a weight comes out of the layers before it as they are by then, quantized. A layer's products are
taken in the order in which they are computed, which needs one forward of the sequences in all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

import torch
import torch.nn.functional as F
from torch import Tensor

from lab.kernels.dense.reference import Reference
from lab.kernels.w4 import W4Weight
from lab.models.decoder import Decoder, Layer
from lab.precision.base import Linear

Quantize = Callable[[str, Tensor, Sequence[Tensor]], W4Weight]
"""A product's name in `Layer`, its W [out, in] and the inputs [n, in] of every sequence -> W in 4 bits."""


class Calibration:
    """The states of the calibration sequences, moved through the decoder layer by layer.

    Args:
        decoder: in float32, its weights as they are (op `dense` pinned to `torch`).
        sequences: token ids.
    """

    def __init__(self, decoder: Decoder, sequences: Iterable[Sequence[int]]):
        self._decoder = decoder
        self._states = [decoder.embedding[torch.tensor(ids, device=decoder.device)] for ids in sequences]

    @torch.inference_mode()
    def pass_through(self, layer: Layer, quantize: Quantize) -> dict[str, W4Weight]:
        """Quantize the next layer's products, and move the states through what came of them."""
        c = self._decoder.config
        made: dict[str, W4Weight] = {}

        def product(name: str, inputs: list[Tensor]) -> Linear:
            linear: Linear = getattr(layer, name)
            made[name] = quantize(name, _weight(linear), inputs)
            return Linear(Reference(made[name].dequantize(torch.float32)), linear.bias)

        def normed(gain: Tensor) -> list[Tensor]:
            return [F.rms_norm(x, (c.hidden,), gain, c.norm_eps) for x in self._states]

        def add(linear: Linear, inputs: list[Tensor]) -> None:
            for state, x in zip(self._states, inputs, strict=True):
                state += linear(x)

        inputs = normed(layer.input_norm)
        qkv = product("qkv", inputs)
        with_qkv = replace(layer, qkv=qkv)
        attended = [self._decoder.attended(with_qkv, h) for h in inputs]
        add(product("out", attended), attended)
        inputs = normed(layer.post_norm)
        gate_up = product("gate_up", inputs)
        gated = []
        for h in inputs:
            gate, up = gate_up(h).chunk(2, dim=-1)
            gated.append(F.silu(gate) * up)
        add(product("down", gated), gated)
        return made


def moment(inputs: Sequence[Tensor]) -> Tensor:
    """The mean of x x^T over all inputs x, [in, in]."""
    width = inputs[0].shape[1]
    found = inputs[0].new_zeros(width, width)
    for x in inputs:
        found.addmm_(x.t(), x)
    return found / sum(map(len, inputs))


def _weight(linear: Linear) -> Tensor:
    assert isinstance(linear.matmul, Reference)
    return linear.matmul.weight
