"""Op `w8`: y = x @ dequant(W)^T with 8-bit integers and a scale an output.

The canonical form is `W8Weight`. `cpu` is the lab's own kernel, `torch` PyTorch's built-in operator;
`reference` dequantizes at each call and runs everywhere.
"""

from __future__ import annotations

from collections.abc import Callable

import torch

from lab.kernels.base import Matmul, choose
from lab.kernels.w8 import cpu, torch_int8
from lab.kernels.w8.reference import Reference, W8Weight

__all__ = ["W8Weight", "pack"]


def pack(weight: W8Weight, dtype: torch.dtype, kernel: str | None = None) -> Matmul:
    """Repack `weight` for activations of `dtype`, for `kernel` or for the best one that can multiply it.

    Raises:
        UserError: `kernel` cannot multiply this weight.
    """
    able = {"reference"}
    able |= {"cpu"} if cpu.able(weight, dtype) else set()
    able |= {"torch"} if torch_int8.able(weight, dtype) else set()
    rows, columns = weight.codes.shape
    what = f"a {rows} x {columns} weight with {dtype} activations on {weight.codes.device.type}"
    chosen = choose("w8", kernel, able, what)
    implementations: dict[str, Callable[[], Matmul]] = {
        "cpu": lambda: cpu.Cpu(weight),
        "torch": lambda: torch_int8.TorchInt8(weight, dtype),
        "reference": lambda: Reference(weight, dtype),
    }
    return implementations[chosen]()
