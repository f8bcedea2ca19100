from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from lab.errors import UserError
from lab.kernels import cpu, w4a8
from lab.kernels.base import Matmul
from lab.kernels.cpu import ISAS
from lab.kernels.w4 import W4Weight
from lab.kernels.w4a8.cpu import Cpu
from lab.kernels.w4a8.reference import LARGEST, Reference, quantize_rows

BF16 = torch.bfloat16
HERE = ISAS[: ISAS.index(cpu.best_isa()) + 1]
needs_library = pytest.mark.skipif(cpu.library() is None, reason="installed without a C++ compiler")
VARIANTS = ["reference", *(pytest.param(isa, marks=needs_library) for isa in HERE)]


def coded(rows: int, columns: int, group: int, scale_dtype: torch.dtype = BF16) -> W4Weight:
    """Every code from 0 to 15, and scales over two orders of magnitude."""
    generator = torch.Generator().manual_seed(rows + columns)
    codes = torch.randint(0, 16, (rows, columns), generator=generator, dtype=torch.uint8)
    scales = 10 ** (2 * torch.rand(rows, columns // group, generator=generator) - 2)
    return W4Weight(codes, scales.to(scale_dtype), group)


def normal(rows: int, columns: int) -> Tensor:
    return torch.randn((rows, columns), generator=torch.Generator().manual_seed(rows)).to(BF16)


def made(variant: str, weight: W4Weight) -> Matmul:
    return Reference(weight, BF16) if variant == "reference" else Cpu(weight, variant)  # type: ignore[arg-type]


def check(matmul: Matmul, x: Tensor, weight: W4Weight) -> None:
    """`matmul(x)` is the float64 product of the rounded rows, rounded once to bf16."""
    codes, scales = quantize_rows(x)
    rows, dense = (codes * scales).double(), weight.dequantize(torch.float64)
    exact = rows @ dense.t()
    # Half a unit in bf16's last place; float32's sums over the groups; and, on a tie, a neighbouring code.
    added = rows.abs() @ dense.abs().t()
    allowed = 2**-8 * exact.abs() + 1e-6 * added + scales.double() * 1.01 * dense.abs().amax(dim=1) * ties(x)
    assert ((matmul(x).double() - exact).abs() <= allowed).all()


def ties(x: Tensor) -> Tensor:
    """How many of a row's numbers are so near the middle of two codes that rounding decides: [n, 1]."""
    rows = x.double()
    codes = rows * LARGEST / rows.abs().amax(dim=-1, keepdim=True)
    return ((codes - codes.floor() - 0.5).abs() < 1e-4).sum(dim=-1, keepdim=True)


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("scale_dtype", [BF16, torch.float32], ids=str)
@pytest.mark.parametrize(
    ("out", "columns", "group"),
    [(48, 256, 32), (48, 256, 64), (33, 96, 96), (5, 16, 8), (100, 384, 128), (7, 80, 40)],
)
def test_it_is_the_product_of_the_rounded_rows(
    variant: str, scale_dtype: torch.dtype, out: int, columns: int, group: int, rows: int
) -> None:
    weight = coded(out, columns, group, scale_dtype)
    check(made(variant, weight), normal(rows, columns), weight)


@pytest.mark.parametrize("variant", VARIANTS)
def test_zero_points_are_taken_off(variant: str, rows: int) -> None:
    weight = coded(33, 192, 64)
    zeros = torch.randint(0, 17, weight.scales.shape, dtype=torch.uint8, generator=torch.Generator())
    weight = replace(weight, zeros=zeros)
    check(made(variant, weight), normal(rows, 192), weight)


def test_a_codebook_is_left_to_the_reference() -> None:
    weight = replace(coded(20, 64, 32), values=torch.linspace(-1, 1, 16).to(BF16))
    assert w4a8.pack(weight, BF16).kernel == "reference"
    check(w4a8.pack(weight, BF16), normal(3, 64), weight)


@needs_library
@settings(max_examples=60, deadline=None)
@given(
    rows=st.integers(1, 80),
    out=st.integers(1, 70),
    groups=st.integers(1, 5),
    group=st.sampled_from([8, 32, 40, 64]),
    isa=st.sampled_from(HERE),
)
def test_any_shape_gives_the_product(rows: int, out: int, groups: int, group: int, isa: cpu.Isa) -> None:
    weight = coded(out, groups * group, group)
    check(Cpu(weight, isa), normal(rows, groups * group), weight)


@needs_library
def test_the_largest_codes_do_not_overflow() -> None:
    weight = W4Weight(torch.full((16, 256), 15, dtype=torch.uint8), torch.ones(16, 4), 64)
    for sign in (1, -1):
        x = torch.full((1, 256), sign * 127.0, dtype=BF16)
        for isa in HERE:
            assert (Cpu(weight, isa)(x) == torch.tensor(sign * 256.0 * 127 * 7, dtype=BF16)).all()


def test_a_row_becomes_multiples_of_its_largest_over_127() -> None:
    x = torch.tensor([[127.0, -63.4, 0.6, 0.0], [0.0, 0.0, 0.0, 0.0], [-254.0, 3.1, 2.9, 1.0]])
    codes, scales = quantize_rows(x)
    assert codes.tolist() == [[127, -63, 1, 0], [0, 0, 0, 0], [-127, 2, 1, 0]]
    assert scales.flatten().tolist() == [1.0, 0.0, 2.0]


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("bad", [float("nan"), float("inf"), float("-inf")])
def test_a_row_that_is_not_finite_gives_nan_and_others_do_not(variant: str, bad: float) -> None:
    x = normal(3, 64)
    x[1, 5] = bad
    y = made(variant, coded(20, 64, 32))(x)
    assert bool(y[1].isnan().all())
    assert bool(y[[0, 2]].isfinite().all())


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_row_of_zeros_gives_zeros(variant: str) -> None:
    assert not made(variant, coded(20, 64, 32))(torch.zeros(2, 64, dtype=BF16)).any()


@needs_library
@pytest.mark.parametrize("isa", HERE)
def test_a_row_is_the_same_alone_and_among_others(isa: cpu.Isa) -> None:
    x, matmul = normal(13, 128), Cpu(coded(40, 128, 64), isa)
    assert torch.equal(matmul(x)[7], matmul(x[7:8])[0])


def test_the_kernel_is_preferred_and_can_be_pinned_away(monkeypatch: pytest.MonkeyPatch) -> None:
    weight = coded(20, 64, 32)
    assert w4a8.pack(weight, BF16).kernel == ("reference" if cpu.library() is None else "cpu")
    assert w4a8.pack(weight, BF16, "reference").kernel == "reference"
    monkeypatch.setattr(cpu, "library", lambda: None)
    assert w4a8.pack(weight, BF16).kernel == "reference"


@pytest.mark.parametrize(("columns", "group", "dtype"), [(36, 4, BF16), (64, 32, torch.float32)])
def test_what_the_kernel_cannot_multiply_is_refused_when_pinned(
    columns: int, group: int, dtype: torch.dtype
) -> None:
    weight = coded(5, columns, group)
    assert w4a8.pack(weight, dtype).kernel == "reference"
    with pytest.raises(UserError, match="kernel w4a8=cpu"):
        w4a8.pack(weight, dtype, "cpu")
