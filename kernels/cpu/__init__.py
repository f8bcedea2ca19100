"""The lab's own C++ kernels: finding the compiled library, and what this processor can run of it.

The library is an optional extension of this package. It is plain C behind `ctypes`; it neither links torch
nor brings threads of its own, but works on those of torch's OpenMP runtime.
"""

from __future__ import annotations

import ctypes
import functools
import hashlib
from collections.abc import Iterable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import torch

if TYPE_CHECKING:
    from lab.models.cache import KVCache

Isa = Literal["portable", "avx2", "avx512_vnni", "avx512", "amx"]
# The number of each is the library's own, and each includes those before it. `avx512_vnni` has products of
# 8-bit integers, `avx512` those of bf16, too; weights lie alike for these two and `amx`.
ISAS: tuple[Isa, ...] = ("portable", "avx2", "avx512_vnni", "avx512", "amx")

# Outputs of one tile of packed weights.
TILE = 16
# Most rows that go through a decoder's layers in one call.
BLOCK = 64


# The structures are those of native.cpp, field by field; whoever fills one keeps its tensors.
class Weight(ctypes.Structure):
    """A packed weight."""

    _fields_ = (
        ("kind", ctypes.c_int32),
        ("narrow_scales", ctypes.c_int32),
        ("columns", ctypes.c_int64),
        ("out", ctypes.c_int64),
        ("group", ctypes.c_int64),
        ("data", ctypes.c_void_p),
        ("scales", ctypes.c_void_p),
        ("zeros", ctypes.c_void_p),
        ("values", ctypes.c_void_p),
    )


BF16, FOUR_BITS, FOUR_BITS_INT8, EIGHT_BITS, EIGHT_BITS_INT8 = range(5)


class Linear(ctypes.Structure):
    """A packed weight and the bias behind it."""

    _fields_ = (("weight", ctypes.POINTER(Weight)), ("bias", ctypes.c_void_p))


class Layer(ctypes.Structure):
    """The weights of one decoder layer."""

    _fields_ = (
        ("input_norm", ctypes.c_void_p),
        ("post_norm", ctypes.c_void_p),
        ("qk_norm", ctypes.c_void_p),
        ("qkv", Linear),
        ("out", Linear),
        ("gate_up", Linear),
        ("down", Linear),
    )


class Stack(ctypes.Structure):
    """A decoder's layers."""

    _fields_ = (
        ("layers", ctypes.c_int64),
        ("hidden", ctypes.c_int64),
        ("heads", ctypes.c_int64),
        ("kv_heads", ctypes.c_int64),
        ("head_dim", ctypes.c_int64),
        ("intermediate", ctypes.c_int64),
        ("window", ctypes.c_int64),
        ("eps", ctypes.c_double),
        ("layer", ctypes.POINTER(Layer)),
    )


class Rows(ctypes.Structure):
    """What a decoder's layers compute in one call."""

    _fields_ = (
        ("x", ctypes.c_void_p),
        ("heads_take", ctypes.c_void_p),
        ("n", ctypes.c_int64),
        ("start", ctypes.c_int64),
        ("visible", ctypes.c_void_p),
        ("recent", ctypes.c_int64),
        ("cos", ctypes.c_void_p),
        ("sin", ctypes.c_void_p),
        ("keys", ctypes.c_void_p),
        ("values", ctypes.c_void_p),
        ("key_scales", ctypes.c_void_p),
        ("value_scales", ctypes.c_void_p),
        ("slots", ctypes.c_int64),
        ("layer_stride", ctypes.c_int64),
        ("head_stride", ctypes.c_int64),
        ("taps", ctypes.c_void_p),
        ("tap_count", ctypes.c_int64),
        ("tapped", ctypes.c_void_p),
    )


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
    found.lab_linears.argtypes = [
        *(ctypes.c_int, ctypes.c_int, ctypes.c_int64),
        *(ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int64, ctypes.c_void_p),
    ]
    found.lab_linears.restype = None
    found.lab_stack.argtypes = [
        *(ctypes.c_int, ctypes.c_int),
        *(ctypes.POINTER(Stack), ctypes.POINTER(Rows)),
    ]
    found.lab_stack.restype = None
    found.lab_attention.argtypes = [
        *(ctypes.c_int, ctypes.c_int),
        *(ctypes.POINTER(Stack), ctypes.POINTER(Rows)),
        *(ctypes.c_int64, ctypes.c_void_p, ctypes.c_void_p),
    ]
    found.lab_attention.restype = None
    return found


@functools.cache
def build() -> str:
    """What tells one build of the kernels from another; `none` without one."""
    spec = find_spec("lab.kernels.cpu._native")
    if library() is None or spec is None or spec.origin is None:
        return "none"
    return hashlib.sha256(Path(spec.origin).read_bytes()).hexdigest()[:12]


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


class Linears:
    """y[i] = x[i] @ W[i]^T in one call, one after the other as a step has them; for benchmarks.

    Args:
        xs: contiguous bf16 [n, in] a weight, of one n.
        ys: contiguous bf16 [n, out] a weight, to be written.
    """

    def __init__(
        self, weights: Sequence[Weight], xs: Sequence[torch.Tensor], ys: Sequence[torch.Tensor], isa: Isa
    ):
        assert all(tensor.is_contiguous() and len(tensor) == len(xs[0]) for tensor in (*xs, *ys))
        self._kept = (weights, xs, ys)
        self._arguments = (
            *(ISAS.index(isa), torch.get_num_threads(), len(weights)),
            _addresses(ctypes.addressof(weight) for weight in weights),
            _addresses(x.data_ptr() for x in xs),
            len(xs[0]),
            _addresses(y.data_ptr() for y in ys),
        )

    def __call__(self) -> None:
        found = library()
        assert found is not None, "able() was not asked"
        found.lab_linears(*self._arguments)


def stack(layers: Stack, rows: Rows, isa: Isa) -> None:
    """Run the rows through all of a decoder's layers."""
    found = library()
    assert found is not None, "able() was not asked"
    found.lab_stack(ISAS.index(isa), torch.get_num_threads(), layers, rows)


def attention(
    heads: Stack, rows: Rows, layer: int, queries: torch.Tensor, out: torch.Tensor, isa: Isa
) -> None:
    """Attention of bf16 queries [n, heads, head_dim] in one layer: to `out`, of as many numbers."""
    found = library()
    assert found is not None, "able() was not asked"
    threads = torch.get_num_threads()
    found.lab_attention(ISAS.index(isa), threads, heads, rows, layer, queries.data_ptr(), out.data_ptr())


def rows_of(cache: KVCache, start: int, n: int, visible: torch.Tensor | None) -> Rows:
    """Where n rows from slot `start` on find keys and values, and which of them they see.

    Args:
        visible: contiguous bool [n, m]; as `lab.kernels.tree_attention.Sight` has it.
    """
    keys, values = cache.keys, cache.values
    assert start + n <= keys.shape[2]
    assert keys.stride()[-2:] == values.stride()[-2:] == (keys.shape[-1], 1)
    assert keys.stride() == values.stride()
    return Rows(
        n=n,
        start=start,
        visible=pointer(visible),
        recent=n if visible is None else visible.shape[1],
        keys=keys.data_ptr(),
        values=values.data_ptr(),
        key_scales=pointer(cache.key_scales),
        value_scales=pointer(cache.value_scales),
        slots=keys.shape[2],
        layer_stride=keys.stride(0),
        head_stride=keys.stride(1),
    )


def pointer(tensor: torch.Tensor | None) -> int | None:
    """Where a tensor's numbers are, if there is one."""
    return None if tensor is None else tensor.data_ptr()


def _addresses(of: Iterable[int]) -> ctypes.Array[ctypes.c_void_p]:
    addresses = list(of)
    return (ctypes.c_void_p * len(addresses))(*addresses)


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
