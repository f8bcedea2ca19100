"""Op `w4a8`: y = x' @ dequant(W)^T, x' being x in 8-bit integers with a scale a row.

Lossy: a row's numbers become the nearest multiples of its largest, divided by 127. `cpu` is the lab's own
kernel, whose dot products are exact in integers, `triton` its sister on CUDA; `reference` runs everywhere.
"""

from __future__ import annotations

from collections.abc import Callable

import torch

from lab.kernels.base import Matmul, choose
from lab.kernels.w4 import W4Weight
from lab.kernels.w4a8 import cpu, triton
from lab.kernels.w4a8.reference import Reference


def pack(weight: W4Weight, dtype: torch.dtype, kernel: str | None = None) -> Matmul:
    """Repack `weight` for activations of `dtype`, for `kernel` or for the best one that can multiply it.

    Raises:
        UserError: `kernel` cannot multiply this weight.
    """
    able = {"reference"}
    able |= {"cpu"} if cpu.able(weight, dtype) else set()
    able |= {"triton"} if triton.able(weight, dtype) else set()
    rows, columns = weight.codes.shape
    what = f"a {rows} x {columns} weight in groups of {weight.group} with {dtype} activations"
    chosen = choose("w4a8", kernel, able, f"{what} on {weight.codes.device.type}")
    implementations: dict[str, Callable[[], Matmul]] = {
        "cpu": lambda: cpu.Cpu(weight),
        "triton": lambda: triton.Triton(weight),
        "reference": lambda: Reference(weight, dtype),
    }
    return implementations[chosen]()
