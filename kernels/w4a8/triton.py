"""4-bit weights times 8-bit rows on CUDA: Triton kernels for the few rows of a plain or a verify step.

One rounds the rows, one multiplies on int8 tensor cores: the dot products of a group are exact, and a group's
sum is scaled once, in float32. Run under Triton's interpreter and compiled ahead of time for sm_80, sm_89 and
sm_90; not yet run on a GPU.
"""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any

import torch
from torch import Tensor

from lab.kernels import w4
from lab.kernels.w4 import W4Weight
from lab.kernels.w4.reference import MIDDLE
from lab.kernels.w4a8.reference import LARGEST

# Columns of one product, at least (int8 tensor cores take as many) and at most.
_LEAST_COLUMNS, _MOST_COLUMNS = 32, 128
# Outputs of one program, stages, and columns of a row rounded at a time. Not measured on any GPU.
BLOCK_OUT, STAGES, BLOCK_COLUMNS = 32, 3, 4096


def able(weight: W4Weight, dtype: torch.dtype) -> bool:
    """Integers, bf16 or fp16 activations on CUDA, with Triton installed, groups of whole 32s of columns."""
    usable = weight.values is None and dtype in (torch.bfloat16, torch.float16)
    usable = usable and weight.group % _LEAST_COLUMNS == 0
    return usable and weight.codes.device.type == "cuda" and find_spec("triton") is not None


class Triton:
    """A W4Weight as bytes [out, in / 2], an even column (low) and the next; scales [groups, out]."""

    kernel = "triton"

    def __init__(self, weight: W4Weight):
        self.stored_bytes = weight.stored_bytes
        self._out, self._columns = weight.codes.shape
        self._group = weight.group
        self._packed = (weight.codes[:, ::2] | (weight.codes[:, 1::2] << 4)).contiguous()
        self._scales = weight.scales.t().contiguous()
        self._zeros = None if weight.zeros is None else weight.zeros.t().contiguous()

    def __call__(self, x: Tensor) -> Tensor:
        from lab.kernels.w4a8.triton_source import w4a8_matmul

        y = x.new_empty(len(x), self._out)
        if len(x):
            rows = w4.triton.block_rows(len(x))
            grid = (-(-self._out // BLOCK_OUT), -(-len(x) // rows))
            w4a8_matmul[grid](*self._arguments(*_rounded(x), y), **constants(self._group, rows, self._zeros))
        return y

    def _arguments(self, codes: Tensor, row_scales: Tensor, y: Tensor) -> tuple[Any, ...]:
        """What the kernel takes, in order; what there is none of stands for itself as the weights' codes."""
        zeros = self._packed if self._zeros is None else self._zeros
        return codes, row_scales, self._packed, self._scales, zeros, y, len(y), self._out, self._columns


def _rounded(x: Tensor) -> tuple[Tensor, Tensor]:
    """(int8 [n, in], scales float32 [n]) of rows; by torch it would take a dozen launches a product."""
    from lab.kernels.w4a8.triton_source import w4a8_rows

    x = x.contiguous()
    n, columns = x.shape
    codes, scales = x.new_empty(n, columns, dtype=torch.int8), x.new_empty(n, dtype=torch.float32)
    w4a8_rows[n,](x, codes, scales, columns, **row_constants())
    return codes, scales


def row_constants() -> dict[str, Any]:
    """What the kernel that rounds rows is compiled for."""
    return {
        "LARGEST": LARGEST,
        "BLOCK": BLOCK_COLUMNS,
        "num_warps": 8,
        "num_stages": STAGES,
        # One rounding for a product and a sum would give other codes than the reference's.
        "enable_fp_fusion": False,
    }


def constants(group: int, rows: int, zeros: Tensor | None) -> dict[str, Any]:
    """What the kernel that multiplies is compiled for."""
    return {
        "GROUP": group,
        # The largest power of two that divides the group, in these bounds.
        "PART": min(group & -group, _MOST_COLUMNS),
        "MIDDLE": MIDDLE,
        "ZEROS": zeros is not None,
        "BLOCK_ROWS": rows,
        "BLOCK_OUT": BLOCK_OUT,
        # Four would spill registers at 64 rows and groups of 128 unless Triton knew of aligned columns.
        "num_warps": 4 if rows < 64 else 8,
        "num_stages": STAGES,
    }
