"""The CUDA kernel of op `w4` without a GPU: in Triton's interpreter, and compiled for three architectures."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from importlib.util import find_spec

import pytest
import torch
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensorMode

from lab.kernels import w4
from lab.kernels.w4 import W4Weight
from lab.kernels.w4.triton import Triton, able

# The interpreter is switched on in the root conftest: before anything imports Triton.
pytestmark = pytest.mark.skipif(find_spec("triton") is None, reason="Triton is not installed")

BF16 = torch.bfloat16


def coded(out: int, columns: int, group: int, kind: str = "symmetric") -> W4Weight:
    generator = torch.Generator().manual_seed(out + columns)
    codes = torch.randint(0, 16, (out, columns), generator=generator, dtype=torch.uint8)
    scales = (10 ** (2 * torch.rand(out, columns // group, generator=generator) - 2)).to(BF16)
    weight = W4Weight(codes, scales, group)
    if kind == "zero points":
        zeros = torch.randint(0, 17, scales.shape, generator=generator, dtype=torch.uint8)
        return replace(weight, zeros=zeros)
    return replace(weight, values=torch.linspace(-1, 1, 16).to(BF16)) if kind == "codebook" else weight


def check(weight: W4Weight, x: Tensor) -> None:
    """The float64 product, rounded to bf16 as the interpreter does it: it cuts off what a GPU rounds."""
    dense = weight.dequantize(torch.float64)
    exact, added = x.double() @ dense.t(), x.double().abs() @ dense.abs().t()
    y = Triton(weight)(x)
    assert y.dtype == BF16
    assert ((y.double() - exact).abs() <= 2**-7 * exact.abs() + 1e-6 * added).all()


@pytest.mark.parametrize("kind", ["symmetric", "zero points", "codebook"])
@pytest.mark.parametrize(("out", "columns", "group"), [(48, 128, 64), (33, 96, 32), (7, 256, 128)])
@pytest.mark.parametrize("rows", [1, 8, 17, 70])
def test_it_is_the_product(kind: str, out: int, columns: int, group: int, rows: int) -> None:
    x = torch.randn((rows, columns), generator=torch.Generator().manual_seed(rows)).to(BF16)
    check(coded(out, columns, group, kind), x)


def test_rows_that_do_not_lie_together_are_taken() -> None:
    x = torch.randn((3, 256), generator=torch.Generator().manual_seed(1)).to(BF16)[:, ::2]
    check(coded(48, 128, 64), x)


def test_no_rows_give_no_rows() -> None:
    assert Triton(coded(48, 128, 64))(torch.empty(0, 128, dtype=BF16)).shape == (0, 48)


@pytest.mark.parametrize(("group", "dtype"), [(16, BF16), (64, torch.float32)])
def test_it_is_preferred_on_cuda_for_what_it_can_multiply(group: int, dtype: torch.dtype) -> None:
    with FakeTensorMode():
        codes = torch.zeros(16, 128, dtype=torch.uint8, device="cuda")
        fake = W4Weight.__new__(W4Weight)
        for name, value in (("codes", codes), ("group", 64)):
            object.__setattr__(fake, name, value)
        assert able(fake, BF16)
        object.__setattr__(fake, "group", group)
        assert not able(fake, dtype)
    assert not able(coded(16, 128, 64), BF16)  # on a CPU
    assert w4.pack(coded(16, 128, 64), BF16).kernel != "triton"


VARIANTS = """
import torch
from lab.kernels.w4.triton import constants
from lab.kernels.w4.triton_source import w4_matmul as kernel

kinds = dict.fromkeys(("x", "scales", "values", "y"), "*bf16") | dict.fromkeys(("codes", "zeros"), "*u8")
kinds |= dict.fromkeys(("rows", "out", "columns"), "i32")
variants = [
    (kinds, constants(group, rows, zeros, values))
    for group in (32, 64, 128)
    for rows in (16, 32, 64)
    for zeros, values in ((None, None), (torch.zeros(1), None), (None, torch.zeros(1)))
]
"""


@pytest.mark.slow
@pytest.mark.parametrize("capability", [80, 89, 90])
def test_it_compiles_without_spilling_registers(
    capability: int, spilled: Callable[[str, int], list[int]]
) -> None:
    assert spilled(VARIANTS, capability) == [0] * 27
