"""4-bit weights by symmetric round-to-nearest, the plainest of the 4-bit methods: rtn-w4 and w4a8.

Each group of 64 weights of a row shares one bf16 scale, max|w| / 7, and each weight becomes the nearest of
the integers -8..7. The output head and the embedding stay in bf16, as GPTQ and AWQ checkpoints leave them.

`w4a8` has the same weights and multiplies them by 8-bit rows: lossy beyond rtn-w4, but integer arithmetic
moves out the wall that a verify step of many rows meets.
"""

from __future__ import annotations

import torch
from torch import Tensor

from lab.kernels import w4, w4a8
from lab.kernels.w4 import W4Weight
from lab.precision.quantized import Rounded

GROUP = 64


def quantize(weight: Tensor, group: int = GROUP) -> W4Weight:
    """Round W [out, in] to nearest on a symmetric 4-bit grid with one bf16 scale a group.

    Raises:
        UserError: `group` does not divide the row.
    """
    blocks = (
        weight.float().unflatten(1, (-1, group)) if weight.shape[1] % group == 0 else weight.float()[:, None]
    )
    scales = (blocks.abs().amax(dim=-1) / 7).to(torch.bfloat16)
    # A group of zeros has scale 0; any divisor gives code 8 (zero) there.
    divisor = torch.where(scales == 0, 1.0, scales.float())[..., None]
    codes = (torch.round(blocks / divisor).clamp(-8, 7) + 8).to(torch.uint8).flatten(1)
    return W4Weight(codes, scales, group)


class RtnW4(Rounded):
    """Weights on that grid."""

    op = "w4"
    _pack = staticmethod(w4.pack)
    _quantize = staticmethod(quantize)


class W4A8(RtnW4):
    """Likewise, with the rows that enter those linears in 8-bit integers."""

    op = "w4a8"
    _pack = staticmethod(w4a8.pack)
