"""Op `w4a8`: y = x' @ dequant(W)^T, x' being x in 8-bit integers with a scale a row.

Lossy: a row's numbers become the nearest multiples of its largest, divided by 127. `cpu` is the lab's own
kernel, whose dot products are exact in integers; `reference` runs everywhere.
"""

from __future__ import annotations

import torch

from lab.kernels.base import Matmul, choose
from lab.kernels.w4 import W4Weight
from lab.kernels.w4a8 import cpu
from lab.kernels.w4a8.reference import Reference


def pack(weight: W4Weight, dtype: torch.dtype, kernel: str | None = None) -> Matmul:
    """Repack `weight` for activations of `dtype`, for `kernel` or for the best one that can multiply it.

    Raises:
        UserError: `kernel` cannot multiply this weight.
    """
    able = {"reference"}
    able |= {"cpu"} if cpu.able(weight, dtype) else set()
    rows, columns = weight.codes.shape
    what = f"a {rows} x {columns} weight in groups of {weight.group} with {dtype} activations"
    chosen = choose("w4a8", kernel, able, f"{what} on {weight.codes.device.type}")
    return cpu.Cpu(weight) if chosen == "cpu" else Reference(weight, dtype)
