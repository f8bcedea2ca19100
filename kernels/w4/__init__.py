"""Op `w4`: y = x @ dequant(W)^T with 4-bit codes and group scales.

The canonical form is `W4Weight`; an implementation repacks it once. `cpu` is the lab's own kernel, `triton`
its sister on CUDA, `torch` is PyTorch's built-in int4 operator, `bitsandbytes` that package's for NF4;
`reference` dequantizes at each call and runs everywhere.
"""

from __future__ import annotations

from collections.abc import Callable

import torch

from lab.kernels.base import Matmul, choose
from lab.kernels.w4 import bnb, cpu, torch_int4, triton
from lab.kernels.w4.reference import Reference, W4Weight

__all__ = ["W4Weight", "pack"]


def pack(weight: W4Weight, dtype: torch.dtype, kernel: str | None = None) -> Matmul:
    """Repack `weight` for activations of `dtype`, for `kernel` or for the best one that can multiply it.

    Raises:
        UserError: `kernel` cannot multiply this weight.
    """
    able = {"reference"}
    able |= {"cpu"} if cpu.able(weight, dtype) else set()
    able |= {"triton"} if triton.able(weight, dtype) else set()
    able |= {"torch"} if torch_int4.able(weight, dtype) else set()
    able |= {"bitsandbytes"} if bnb.able(weight, dtype) else set()
    rows, columns = weight.codes.shape
    what = f"a {rows} x {columns} weight in groups of {weight.group} with {dtype} activations"
    chosen = choose("w4", kernel, able, f"{what} on {weight.codes.device.type}")
    implementations: dict[str, Callable[[], Matmul]] = {
        "cpu": lambda: cpu.Cpu(weight),
        "triton": lambda: triton.Triton(weight),
        "torch": lambda: torch_int4.TorchInt4(weight, dtype),
        "bitsandbytes": lambda: bnb.BitsAndBytes(weight, dtype),
        "reference": lambda: Reference(weight, dtype),
    }
    return implementations[chosen]()
