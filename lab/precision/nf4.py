"""`nf4`: bitsandbytes' 4-bit NormalFloat (QLoRA: arXiv 2305.14314), made here or read as stored.

64 weights of a row share their largest magnitude; each becomes the nearest of 16 quantiles of a normal
distribution, scaled. bitsandbytes keeps `weight` uint8 [n / 2, 1], the first of two codes in the high bits,
`weight.absmax`, `weight.quant_map` and a JSON of the rest; under double quantization the magnitudes are 8-bit
codes of their own, in blocks of 256, around an offset.
"""

from __future__ import annotations

import json
from typing import Any

import torch
from torch import Tensor

from lab.errors import UserError
from lab.kernels.w4 import W4Weight
from lab.precision.base import Linear, Source
from lab.precision.stored import Stored

BLOCK = 64
_STATE = "quant_state.bitsandbytes__nf4"


def codebook() -> Tensor:
    """float32 [16], ascending from -1 to 1: the quantiles that make the expected error of a normal's equal.

    Eight of them are at or above zero, which is one, as the paper has it: halves of different spacing.
    """
    normal = torch.distributions.Normal(0.0, 1.0)
    # Half a sixteenth beyond the outermost quantile, the mean over both halves.
    offset = 0.5 * (1 / 32 + 1 / 30)
    above = normal.icdf(torch.linspace(1 - offset, 0.5, 9, dtype=torch.float64)[:-1])
    below = -normal.icdf(torch.linspace(1 - offset, 0.5, 8, dtype=torch.float64)[:-1])
    values = torch.cat((below, torch.zeros(1, dtype=torch.float64), above.flip(0)))
    return (values / values.max()).float()


def quantize(weight: Tensor) -> W4Weight:
    """The nearest codes of W [out, in], with one float32 scale in every 64.

    Raises:
        UserError: 64 does not divide the row.
    """
    if weight.shape[1] % BLOCK:
        raise UserError("precision nf4", got=f"rows of {weight.shape[1]}", expected=f"a multiple of {BLOCK}")
    values = codebook().to(weight.device)
    blocks = weight.float().unflatten(1, (-1, BLOCK))
    scales = blocks.abs().amax(dim=-1)
    divisor = torch.where(scales == 0, 1.0, scales)[..., None]
    middles = (values[1:] + values[:-1]) / 2
    codes = torch.bucketize(blocks / divisor, middles).to(torch.uint8).flatten(1)
    return W4Weight(codes, scales, BLOCK, values=values.bfloat16())


class NF4(Stored):
    """Rounded when the weights are loaded, or read as bitsandbytes stored them."""

    methods = (None, "bitsandbytes")
    mark = f"weight.{_STATE}"

    def layer(self, source: Source) -> Linear:
        return super().layer(source) if source.quantization else self.linear(source.floats(), source.bias())

    def linear(self, weight: Tensor, bias: Tensor | None) -> Linear:
        """From W [out, in] and its bias [out]."""
        return self._linear(self._matmul(quantize(weight)), bias)

    def part(self, source: Source, name: str, rows: int) -> tuple[W4Weight, Tensor | None]:
        tensors, device, columns = source.tensors, source.device, source.columns
        state, at = _state(source, name, rows), f"{name}.weight"
        packed = tensors.get(at, (rows * columns // 2, 1), device, torch.uint8)
        codes = torch.stack((packed >> 4, packed & 15), dim=-1).view(rows, columns)
        block = int(state["blocksize"])
        blocks = rows * columns // block
        if "nested_offset" in state:
            coded = tensors.get(f"{at}.absmax", (blocks,), device, torch.uint8)
            book = tensors.get(f"{at}.nested_quant_map", (256,), device).float()
            size = int(state["nested_blocksize"])
            largest = tensors.get(f"{at}.nested_absmax", (-(-blocks // size),), device).float()
            scales = book[coded.long()] * largest.repeat_interleave(size)[:blocks] + float(
                state["nested_offset"]
            )
        else:
            scales = tensors.get(f"{at}.absmax", (blocks,), device).float()
        values = tensors.get(f"{at}.quant_map", (16,), device).bfloat16()
        return W4Weight(codes, scales.view(rows, columns // block), block, values=values), None


def _state(source: Source, name: str, rows: int) -> dict[str, Any]:
    """What bitsandbytes noted of a weight.

    Raises:
        UserError: it is no NF4 of this shape in blocks that divide the row.
    """
    what = f"checkpoint {source.tensors.name}: {name}.weight.{_STATE}"
    raw = bytes(source.tensors.read(f"{name}.{NF4.mark}", torch.device("cpu")).tolist())
    try:
        state: dict[str, Any] = json.loads(raw)
        shape, block = tuple(state["shape"]), int(state["blocksize"])
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(what, got=str(error), expected="JSON with a shape and a blocksize") from None
    if shape != (rows, source.columns):
        raise UserError(what, got=f"shape {list(shape)}", expected=f"{[rows, source.columns]}")
    if block < 1 or source.columns % block:
        raise UserError(what, got=f"blocksize {block}", expected=f"a divisor of rows of {source.columns}")
    return state
