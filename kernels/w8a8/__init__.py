"""Op `w8a8`: y = x' @ dequant(W)^T with 8-bit integers on both sides, x' being x with a scale a row.

Lossy as op `w4a8` is: a row's numbers become the nearest multiples of its largest, divided by 127. `cpu` is
the lab's own kernel, whose dot products are exact in integers; `reference` runs everywhere.
"""

from __future__ import annotations

import torch

from lab.kernels.base import Matmul, choose
from lab.kernels.w8 import W8Weight
from lab.kernels.w8a8 import cpu
from lab.kernels.w8a8.reference import Reference


def pack(weight: W8Weight, dtype: torch.dtype, kernel: str | None = None) -> Matmul:
    """Repack `weight` for activations of `dtype`, for `kernel` or for the best one that can multiply it.

    Raises:
        UserError: `kernel` cannot multiply this weight.
    """
    able = {"reference"}
    able |= {"cpu"} if cpu.able(weight, dtype) else set()
    rows, columns = weight.codes.shape
    what = f"a {rows} x {columns} weight with {dtype} activations on {weight.codes.device.type}"
    chosen = choose("w8a8", kernel, able, what)
    return cpu.Cpu(weight) if chosen == "cpu" else Reference(weight, dtype)
