"""8-bit weights by symmetric round-to-nearest with a scale an output: `int8` (rows as they are) and `w8a8`.

Half the bytes of bf16 and hardly any loss. `w8a8` makes the rows 8-bit integers, too, by their own largest
number: what is called dynamic quantization. The output head and the embedding stay in bf16.
"""

from __future__ import annotations

import torch
from torch import Tensor

from lab.kernels import w8, w8a8
from lab.kernels.w8 import W8Weight
from lab.kernels.w8.reference import LARGEST
from lab.precision.quantized import Rounded


def quantize(weight: Tensor) -> W8Weight:
    """Round W [out, in] to nearest, its rows' largest magnitudes to 127."""
    rows = weight.float()
    scales = rows.abs().amax(dim=1) / LARGEST
    divisor = torch.where(scales == 0, 1.0, scales)[:, None]
    return W8Weight(torch.round(rows / divisor).clamp(-LARGEST, LARGEST).to(torch.int8), scales)


class Int8(Rounded):
    """Weights in 8-bit integers."""

    op = "w8"
    _pack = staticmethod(w8.pack)
    _quantize = staticmethod(quantize)


class W8A8(Int8):
    """Likewise, with the rows that enter those linears in 8-bit integers."""

    op = "w8a8"
    _pack = staticmethod(w8a8.pack)
