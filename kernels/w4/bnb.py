"""NF4 by bitsandbytes' own kernels: what most people run, and a peer for the lab's."""

from __future__ import annotations

from importlib.util import find_spec

import torch
from torch import Tensor

from lab.kernels.w4.reference import W4Weight

# What its quantizer and its kernels take.
_BLOCKS = (32, 64, 128, 256, 512, 1024, 2048, 4096)


def able(weight: W4Weight, dtype: torch.dtype) -> bool:
    """NF4's codebook and blocks, with bitsandbytes installed."""
    if weight.values is None or weight.group not in _BLOCKS or dtype != torch.bfloat16:
        return False
    if find_spec("bitsandbytes") is None:
        return False
    from bitsandbytes.functional import get_4bit_type

    nf4: Tensor = get_4bit_type("nf4", device=weight.values.device)
    return torch.equal(weight.values, nf4.to(weight.values.dtype))


class BitsAndBytes:
    """A W4Weight as bitsandbytes packs it: two codes a byte, the first in the high bits."""

    kernel = "bitsandbytes"

    def __init__(self, weight: W4Weight, dtype: torch.dtype):
        from bitsandbytes.functional import QuantState, get_4bit_type

        self.stored_bytes = weight.stored_bytes
        self._packed = ((weight.codes[:, ::2] << 4) | weight.codes[:, 1::2]).reshape(-1, 1)
        self._state = QuantState(
            absmax=weight.scales.float().flatten().contiguous(),
            shape=weight.codes.shape,
            code=get_4bit_type("nf4", device=weight.codes.device),
            blocksize=weight.group,
            quant_type="nf4",
            dtype=dtype,
        )

    def __call__(self, x: Tensor) -> Tensor:
        from bitsandbytes import matmul_4bit

        y: Tensor = matmul_4bit(x, self._packed.t(), self._state)
        return y
