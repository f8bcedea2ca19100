"""The lab's own C++ kernels: finding the compiled library, and what this processor can run of it.

The library is an optional extension of this package. It is plain C behind `ctypes`; it neither links torch
nor brings threads of its own, but works on those of torch's OpenMP runtime.
"""

from __future__ import annotations

import ctypes
import functools
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

import torch

Isa = Literal["portable", "avx2"]
# The number of each is the library's own.
ISAS: tuple[Isa, ...] = ("portable", "avx2")

# Outputs of one tile of packed weights.
TILE = 16


class Weight(ctypes.Structure):
    """A packed weight, field by field as in native.cpp; whoever makes one keeps its tensors."""

    _fields_ = (
        ("kind", ctypes.c_int32),
        ("narrow_scales", ctypes.c_int32),
        ("columns", ctypes.c_int64),
        ("out", ctypes.c_int64),
        ("group", ctypes.c_int64),
        ("data", ctypes.c_void_p),
        ("scales", ctypes.c_void_p),
        ("values", ctypes.c_void_p),
    )


BF16, FOUR_BITS = 0, 1


@functools.cache
def library() -> ctypes.CDLL | None:
    """The compiled kernels, or None if this installation has none."""
    spec = find_spec("lab.kernels.cpu._native")
    if spec is None or spec.origin is None:
        return None
    _share_threads()
    try:
        found = ctypes.CDLL(spec.origin)
    except OSError:
        return None
    found.lab_linear.argtypes = [
        *(ctypes.c_int, ctypes.c_int),
        *(ctypes.POINTER(Weight), ctypes.c_void_p, ctypes.c_int64, ctypes.c_void_p),
    ]
    found.lab_linear.restype = None
    return found


def able(weight: torch.Tensor) -> bool:
    """Whether the kernels multiply weights that lie where this one does."""
    return weight.device.type == "cpu" and library() is not None


@functools.cache
def best_isa() -> Isa:
    """The best instruction set that both this processor and the library have."""
    found = library()
    return ISAS[0] if found is None else ISAS[found.lab_isa()]


def shares_threads() -> bool:
    """Whether the kernels run on torch's threads; without, on one."""
    found = library()
    return found is not None and bool(found.lab_has_threads())


def linear(weight: Weight, x: torch.Tensor, isa: Isa) -> torch.Tensor:
    """y = x @ W^T: bf16 [n, in] -> bf16 [n, out]."""
    found = library()
    assert found is not None, "able() was not asked"
    x = x.contiguous()
    y = x.new_empty(len(x), weight.out)
    threads = torch.get_num_threads()
    found.lab_linear(ISAS.index(isa), threads, weight, x.data_ptr(), len(x), y.data_ptr())
    return y


def tiles(weight: torch.Tensor) -> torch.Tensor:
    """W [out, in] -> [tiles, TILE, in], zeros below its last row."""
    padding = -len(weight) % TILE
    tiled: torch.Tensor = torch.nn.functional.pad(weight, (0, 0, 0, padding)).unflatten(0, (-1, TILE))
    return tiled


def _share_threads() -> None:
    """Let the library find the OpenMP runtime that torch has loaded."""
    folder = Path(torch.__file__).parent
    for pattern in ("lib/libgomp*.so*", "../torch.libs/libgomp*.so*"):
        for path in sorted(folder.glob(pattern)):
            try:
                ctypes.CDLL(str(path), mode=ctypes.RTLD_GLOBAL)
            except OSError:
                continue
            return
