"""4-bit weights on CUDA: a Triton kernel for the few rows of a plain or a verify step.

Codes are multiplied as they are, integers that bf16 holds exactly, and a group's sum is scaled once, in
float32. Run under Triton's interpreter and compiled ahead of time for sm_80, sm_89 and sm_90; not yet run on
a GPU.
"""

from __future__ import annotations

import os
from importlib.util import find_spec
from typing import Any

import torch
from torch import Tensor

from lab.kernels.w4.reference import MIDDLE, W4Weight

# Rows that share one pass over the weights. More go in blocks of as many.
_ROWS = (16, 32, 64)
# Outputs of one program, and stages. Not measured on any GPU.
BLOCK_OUT, STAGES = 32, 3
_GROUPS = (32, 64, 128)


def able(weight: W4Weight, dtype: torch.dtype) -> bool:
    """bf16 activations on CUDA, with Triton installed, and a group whose halves are tiles of a product."""
    usable = dtype == torch.bfloat16 and weight.group in _GROUPS
    return usable and weight.codes.device.type == "cuda" and find_spec("triton") is not None


class Triton:
    """A W4Weight as bytes [in / 2, out], a column (low) and the one half a group on; scales [groups, out]."""

    kernel = "triton"

    def __init__(self, weight: W4Weight):
        self.stored_bytes = weight.stored_bytes
        out, columns = weight.codes.shape
        self._out, self._columns, self._group = out, columns, weight.group
        halves = weight.codes.unflatten(1, (-1, 2, weight.group // 2))
        self._codes = (halves[:, :, 0] | (halves[:, :, 1] << 4)).flatten(1).t().contiguous()
        self._scales = weight.scales.t().contiguous()
        self._zeros = None if weight.zeros is None else weight.zeros.t().contiguous()
        self._values = weight.values

    def __call__(self, x: Tensor) -> Tensor:
        from lab.kernels.w4.triton_source import w4_matmul

        x = x.contiguous()
        y = x.new_empty(len(x), self._out)
        if len(x):
            rows = block_rows(len(x))
            grid = (-(-self._out // BLOCK_OUT), -(-len(x) // rows))
            w4_matmul[grid](*self._arguments(x, y), **constants(self._group, rows, self._zeros, self._values))
        return y

    def _arguments(self, x: Tensor, y: Tensor) -> tuple[Any, ...]:
        """What the kernel takes, in order; what there is none of stands for itself as the codes."""
        zeros = self._codes if self._zeros is None else self._zeros
        values = x if self._values is None else self._values
        return x, self._codes, self._scales, zeros, values, y, len(x), self._out, self._columns


def block_rows(rows: int) -> int:
    """How many of so many rows one program takes."""
    return next((block for block in _ROWS if block >= rows), _ROWS[-1])


def constants(group: int, rows: int, zeros: Tensor | None, values: Tensor | None) -> dict[str, Any]:
    """What the kernel is compiled for."""
    return {
        "GROUP": group,
        "MIDDLE": MIDDLE,
        "ZEROS": zeros is not None,
        "VALUES": values is not None,
        "BLOCK_ROWS": rows,
        "BLOCK_OUT": BLOCK_OUT,
        "WIDE": os.environ.get("TRITON_INTERPRET") == "1",
        # Four would spill registers at 64 rows and groups of 128.
        "num_warps": 4 if rows == _ROWS[0] else 8,
        "num_stages": STAGES,
    }
