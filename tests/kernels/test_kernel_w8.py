"""Ops `w8` and `w8a8`: 8-bit weights, and 8-bit rows beside them."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from lab.errors import UserError
from lab.kernels import cpu, w8, w8a8
from lab.kernels.base import Matmul
from lab.kernels.cpu import ISAS
from lab.kernels.w4a8.reference import quantize_rows
from lab.kernels.w8 import W8Weight
from lab.kernels.w8.cpu import Cpu
from lab.kernels.w8.reference import Reference
from lab.kernels.w8.torch_int8 import TorchInt8
from lab.kernels.w8.torch_int8 import able as torch_able
from lab.kernels.w8a8.cpu import Cpu as CpuA8
from lab.kernels.w8a8.reference import Reference as ReferenceA8
from lab.precision.int8 import quantize

BF16 = torch.bfloat16
HERE = ISAS[: ISAS.index(cpu.best_isa()) + 1]
needs_library = pytest.mark.skipif(cpu.library() is None, reason="installed without a C++ compiler")
LIBRARY = [pytest.param(isa, marks=needs_library) for isa in HERE]
Near = Callable[[Matmul, Tensor, Tensor], None]


def coded(rows: int, columns: int) -> W8Weight:
    """Codes over their whole range, and scales over two orders of magnitude, exact in bf16."""
    generator = torch.Generator().manual_seed(rows + columns)
    codes = torch.randint(-127, 128, (rows, columns), generator=generator, dtype=torch.int8)
    scales = 10 ** (2 * torch.rand(rows, generator=generator) - 2)
    return W8Weight(codes, scales.to(BF16).float())


def normal(rows: int, columns: int) -> Tensor:
    return torch.randn((rows, columns), generator=torch.Generator().manual_seed(rows)).to(BF16)


def made(variant: str, weight: W8Weight) -> Matmul:
    if variant == "reference":
        return Reference(weight, BF16)
    return TorchInt8(weight, BF16) if variant == "torch" else Cpu(weight, variant)  # type: ignore[arg-type]


def made_a8(variant: str, weight: W8Weight) -> Matmul:
    return ReferenceA8(weight, BF16) if variant == "reference" else CpuA8(weight, variant)  # type: ignore[arg-type]


@pytest.mark.parametrize("variant", ["reference", "torch", *LIBRARY])
@pytest.mark.parametrize(("out", "columns"), [(48, 256), (33, 96), (5, 16), (100, 384), (7, 82)])
def test_it_is_the_product_of_the_dequantized_weight(
    variant: str, out: int, columns: int, rows: int, near_float64: Near
) -> None:
    weight = coded(out, columns)
    if variant == "torch" and not torch_able(weight, BF16):
        assert columns in (16, 82)
        return
    near_float64(made(variant, weight), normal(rows, columns), weight.dequantize(torch.float64))


@pytest.mark.parametrize("variant", ["reference", "torch", *LIBRARY])
def test_rows_may_lie_anywhere(
    variant: str, laid_out: Callable[[Tensor], Tensor], rows: int, near_float64: Near
) -> None:
    weight = coded(48, 64)
    near_float64(made(variant, weight), laid_out(normal(rows, 64)), weight.dequantize(torch.float64))


def check_a8(matmul: Matmul, x: Tensor, weight: W8Weight) -> None:
    """`matmul(x)` is the float64 product of the rounded rows, rounded once to bf16."""
    codes, scales = quantize_rows(x)
    rows, dense = (codes * scales).double(), weight.dequantize(torch.float64)
    exact = rows @ dense.t()
    # Half a unit in bf16's last place, float32's scales, and a neighbouring code for each number near a tie.
    numbers = x.double() * 127 / x.double().abs().amax(dim=-1, keepdim=True)
    ties = ((numbers - numbers.floor() - 0.5).abs() < 1e-4).sum(dim=-1, keepdim=True)
    allowed = 2**-8 * exact.abs() + 1e-6 * (rows.abs() @ dense.abs().t())
    allowed += scales.double() * 1.01 * dense.abs().amax(dim=1) * ties
    assert ((matmul(x).double() - exact).abs() <= allowed).all()


@pytest.mark.parametrize("variant", ["reference", *LIBRARY])
@pytest.mark.parametrize(("out", "columns"), [(48, 256), (33, 96), (5, 16), (100, 384), (7, 88)])
def test_it_is_the_product_of_the_rounded_rows(variant: str, out: int, columns: int, rows: int) -> None:
    weight = coded(out, columns)
    check_a8(made_a8(variant, weight), normal(rows, columns), weight)


@needs_library
@settings(max_examples=60, deadline=None)
@given(rows=st.integers(1, 80), out=st.integers(1, 70), eights=st.integers(1, 20), isa=st.sampled_from(HERE))
def test_any_shape_gives_the_product(rows: int, out: int, eights: int, isa: cpu.Isa) -> None:
    weight = coded(out, 8 * eights)
    x = normal(rows, 8 * eights)
    exact = x.double() @ weight.dequantize(torch.float64).t()
    error = (Cpu(weight, isa)(x).double() - exact).abs()
    assert (error <= 2**-8 * exact.abs() + 1e-5 * exact.abs().max()).all()
    check_a8(CpuA8(weight, isa), x, weight)


@needs_library
@pytest.mark.parametrize("isa", HERE)
@pytest.mark.parametrize(("code", "sign"), [(127, 1), (127, -1), (-127, 1), (-127, -1)])
def test_the_largest_codes_do_not_overflow(isa: cpu.Isa, code: int, sign: int) -> None:
    weight = W8Weight(torch.full((16, 256), code, dtype=torch.int8), torch.ones(16))
    x = torch.full((1, 256), sign * 127.0, dtype=BF16)
    for kernel in (Cpu, CpuA8):
        assert (kernel(weight, isa)(x) == torch.tensor(sign * code * 256.0 * 127, dtype=BF16)).all()


@needs_library
@pytest.mark.parametrize("isa", HERE)
@pytest.mark.parametrize("kernel", [Cpu, CpuA8])
def test_a_row_is_the_same_alone_and_among_others(isa: cpu.Isa, kernel: type[Cpu]) -> None:
    x, matmul = normal(13, 128), kernel(coded(40, 128), isa)
    assert torch.equal(matmul(x)[7], matmul(x[7:8])[0])


@pytest.mark.parametrize("variant", ["reference", *LIBRARY])
def test_a_row_that_is_not_finite_gives_nan_and_others_do_not(variant: str) -> None:
    x = normal(3, 64)
    x[1, 5] = float("inf")
    y = made_a8(variant, coded(20, 64))(x)
    assert bool(y[1].isnan().all())
    assert bool(y[[0, 2]].isfinite().all())


@pytest.mark.parametrize(
    ("op", "kernels"), [(w8, ("cpu", "torch", "reference")), (w8a8, ("cpu", "reference"))]
)
def test_the_kernel_is_preferred_and_can_be_pinned_away(
    op: object, kernels: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    pack, weight = op.pack, coded(20, 64)  # type: ignore[attr-defined]
    if cpu.library() is not None:
        assert pack(weight, BF16).kernel == kernels[0]
    for kernel in kernels[1:]:
        assert pack(weight, BF16, kernel).kernel == kernel
    monkeypatch.setattr(cpu, "library", lambda: None)
    assert pack(weight, BF16).kernel == kernels[1]


def test_what_a_kernel_cannot_multiply_is_refused_when_pinned() -> None:
    with pytest.raises(UserError, match=r"kernel w8=cpu: got a 20 x 64 weight with torch\.float32"):
        w8.pack(coded(20, 64), torch.float32, "cpu")
    with pytest.raises(UserError, match="kernel w8a8=cpu: got a 20 x 60 weight"):
        w8a8.pack(coded(20, 60), BF16, "cpu")


def test_weights_become_the_nearest_codes_of_their_row() -> None:
    weight = torch.tensor([[127.0, -63.4, 0.6, 0.0], [0.0, 0.0, 0.0, 0.0], [-254.0, 3.1, 2.9, 1.2]])
    made = quantize(weight)
    assert made.codes.tolist() == [[127, -63, 1, 0], [0, 0, 0, 0], [-127, 2, 1, 1]]
    assert made.scales.tolist() == [1.0, 0.0, 2.0]
    assert made.stored_bytes == 12 + 12


@pytest.mark.parametrize(
    ("codes", "scales", "told"),
    [
        (torch.full((2, 4), -128, dtype=torch.int8), torch.ones(2), "8-bit codes: got torch.int8"),
        (torch.zeros(2, 4, dtype=torch.uint8), torch.ones(2), "8-bit codes: got torch.uint8"),
        (torch.zeros(2, 4, dtype=torch.int8), torch.ones(3), r"8-bit scales: got torch.float32 \(3,\)"),
        (torch.zeros(2, 4, dtype=torch.int8), torch.ones(2).bfloat16(), "8-bit scales: got torch.bfloat16"),
        (torch.zeros(2, 4, dtype=torch.int8), torch.tensor([1.0, float("nan")]), "got NaN or infinity"),
    ],
)
def test_what_is_no_8_bit_weight_is_refused(codes: Tensor, scales: Tensor, told: str) -> None:
    with pytest.raises(UserError, match=told):
        W8Weight(codes, scales)


def test_rows_of_an_odd_length_run_otherwise() -> None:
    assert w8.pack(coded(7, 83), BF16).kernel != "cpu"
