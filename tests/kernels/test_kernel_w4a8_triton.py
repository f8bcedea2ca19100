"""The CUDA kernels of `w4a8` without a GPU: in Triton's interpreter, and compiled for three architectures."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from importlib.util import find_spec
from math import prod

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensorMode

from lab.errors import UserError
from lab.kernels import w4a8
from lab.kernels.w4 import W4Weight
from lab.kernels.w4a8.reference import Reference, quantize_rows
from lab.kernels.w4a8.triton import BLOCK_COLUMNS, Triton, able

# The interpreter is switched on in the root conftest: before anything imports Triton.
pytestmark = pytest.mark.skipif(find_spec("triton") is None, reason="Triton is not installed")

BF16, FP16, FP32 = torch.bfloat16, torch.float16, torch.float32
# Of a result: half a unit in the last place, a whole one in bf16, where the interpreter cuts off what a GPU
# rounds. The kernels would take float32, too: what is left there is the sums' own.
ROUNDED = {BF16: 2**-7, FP16: 2**-11, FP32: 0.0}
GUARD = 64


def coded(out: int, columns: int, group: int, *, zeros: bool = False) -> W4Weight:
    """Every code from 0 to 15, every zero point from 0 to 16, scales over two orders of magnitude."""
    generator = torch.Generator().manual_seed(out + columns)
    codes = torch.randint(0, 16, (out, columns), generator=generator, dtype=torch.uint8)
    scales = (10 ** (2 * torch.rand(out, columns // group, generator=generator) - 2)).to(BF16)
    points = torch.randint(0, 17, scales.shape, generator=generator, dtype=torch.uint8)
    return W4Weight(codes, scales, group, points if zeros else None)


def normal(rows: int, columns: int, dtype: torch.dtype = BF16) -> Tensor:
    return torch.randn((rows, columns), generator=torch.Generator().manual_seed(rows)).to(dtype)


@contextmanager
def poisoned() -> Iterator[list[Tensor]]:
    """The tensors made meanwhile: of NaN or 99s until they are written, as the numbers behind stay."""
    made: list[Tensor] = []
    empty = torch.Tensor.new_empty

    def new_empty(self: Tensor, *shape: int, dtype: torch.dtype | None = None, **interpreted: str) -> Tensor:
        if interpreted:  # on the interpreter's own account
            return empty(self, *shape, **interpreted)
        whole = torch.empty(prod(shape) + GUARD, dtype=dtype or self.dtype)
        made.append(whole.fill_(float("nan") if whole.is_floating_point() else 99))
        return whole[:-GUARD].view(shape)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch.Tensor, "new_empty", new_empty)
        yield made
    for whole in made:
        behind = whole[-GUARD:]
        assert (behind.isnan() if whole.is_floating_point() else behind == 99).all()


def check(weight: W4Weight, x: Tensor) -> None:
    """The kernels give the float64 product of the rounded rows, and what the eager reference gives."""
    codes, scales = quantize_rows(x)
    rows, dense = codes.double() * scales.double(), weight.dequantize(torch.float64)
    exact, added = rows @ dense.t(), rows.abs() @ dense.abs().t()
    with poisoned() as made:
        y = Triton(weight)(x)
    # The result, and rows in 8 bits with their scales: it was the kernels that ran.
    assert [whole.dtype for whole in made] == [x.dtype, torch.int8, FP32]
    assert y.dtype == x.dtype
    allowed = ROUNDED[x.dtype] * exact.abs() + 1e-6 * added
    assert ((y.double() - exact).abs() <= allowed).all()
    assert ((y.double() - Reference(weight, x.dtype)(x).double()).abs() <= 2 * allowed).all()


@pytest.mark.parametrize("zeros", [False, True], ids=["symmetric", "zero points"])
@pytest.mark.parametrize("dtype", ROUNDED, ids=str)
@pytest.mark.parametrize(
    ("out", "columns", "group"), [(48, 128, 64), (33, 96, 32), (7, 256, 128), (35, 192, 96), (1, 512, 256)]
)
@pytest.mark.parametrize("rows", [1, 70])
def test_it_is_the_product_of_the_rounded_rows(
    zeros: bool, dtype: torch.dtype, out: int, columns: int, group: int, rows: int
) -> None:
    check(coded(out, columns, group, zeros=zeros), normal(rows, columns, dtype))


@settings(max_examples=30)
@given(
    rows=st.integers(1, 80),
    out=st.integers(1, 70),
    groups=st.integers(1, 5),
    group=st.sampled_from([32, 64, 96, 128, 160]),
    zeros=st.booleans(),
)
def test_any_shape_gives_the_product(rows: int, out: int, groups: int, group: int, zeros: bool) -> None:
    check(coded(out, groups * group, group, zeros=zeros), normal(rows, groups * group))


def test_rows_that_do_not_lie_together_are_taken(laid_out: Callable[[Tensor], Tensor]) -> None:
    check(coded(48, 128, 64), laid_out(normal(5, 128)))


def test_codes_that_do_not_lie_together_are_taken(laid_out: Callable[[Tensor], Tensor]) -> None:
    weight = coded(48, 128, 64, zeros=True)
    check(replace(weight, codes=laid_out(weight.codes)), normal(5, 128))


def test_no_rows_give_no_rows() -> None:
    assert Triton(coded(48, 128, 64))(torch.empty(0, 128, dtype=BF16)).shape == (0, 48)


def test_a_row_is_the_same_alone_and_among_others() -> None:
    x, matmul = normal(70, 128), Triton(coded(40, 128, 64, zeros=True))
    y = matmul(x)
    for row in (7, 69):
        assert torch.equal(matmul(x[row : row + 1])[0], y[row])


@pytest.mark.parametrize(("code", "zero"), [(15, 0), (0, 16)])
def test_the_largest_codes_do_not_overflow(code: int, zero: int) -> None:
    columns = 4096
    codes = torch.full((5, columns), code, dtype=torch.uint8)
    weight = W4Weight(codes, torch.ones(5, 1), columns, torch.full((5, 1), zero, dtype=torch.uint8))
    for sign in (1, -1):
        y = Triton(weight)(torch.full((2, columns), sign * 127.0))
        assert (y == float(sign * 127 * (code - zero) * columns)).all()


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), float("-inf")])
def test_a_row_that_is_not_finite_gives_nan_and_others_do_not(bad: float) -> None:
    x = normal(3, 64)
    x[1, 5] = bad
    y = Triton(coded(20, 64, 32))(x)
    assert bool(y[1].isnan().all())
    assert bool(y[[0, 2]].isfinite().all())


def test_a_row_of_zeros_gives_zeros() -> None:
    assert not Triton(coded(20, 64, 32, zeros=True))(torch.zeros(2, 64, dtype=BF16)).any()


@pytest.mark.parametrize("dtype", ROUNDED, ids=str)
def test_rows_are_rounded_as_the_reference_does_it(dtype: torch.dtype) -> None:
    """To the bit: bf16 rows have ties. The largest number lies behind the first block of columns."""
    x = normal(40, BLOCK_COLUMNS + 64, dtype)
    x[0] = 0
    x[1, :5] = torch.tensor([0.5, 1.5, 2.5, -0.5, -3.5])
    x[1, -1] = 127
    x[2, -1] = float("inf")
    x[3, 0] = float("nan")
    with poisoned() as made:
        Triton(coded(1, x.shape[1], 32))(x)
    codes, scales = made[1][:-GUARD].view(x.shape), made[2][:-GUARD]
    expected_codes, expected_scales = quantize_rows(x)
    finite = expected_scales.flatten().isfinite()
    assert finite.tolist() == [True, True, False, False] + [True] * 36
    assert torch.equal(codes[finite].float(), expected_codes[finite])
    assert torch.equal(scales[finite], expected_scales.flatten()[finite])
    assert bool(scales[~finite].isnan().all())
    assert codes[1, :5].tolist() == [0, 2, 2, 0, -4]


def test_it_runs_where_it_is_asked_for_or_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    weight, x = coded(16, 128, 64), normal(3, 128)
    assert w4a8.pack(weight, BF16).kernel != "triton"
    with pytest.raises(UserError, match="kernel w4a8=triton"):
        w4a8.pack(weight, BF16, "triton")
    monkeypatch.setattr(w4a8.triton, "able", lambda weight, dtype: True)  # noqa: ARG005
    matmul = w4a8.pack(weight, BF16, "triton")
    assert isinstance(matmul, Triton)
    assert (matmul.kernel, matmul.stored_bytes) == ("triton", weight.stored_bytes)
    assert torch.equal(matmul(x), Triton(weight)(x))


def test_it_is_able_on_cuda_with_whole_32s_of_columns() -> None:
    with FakeTensorMode():
        codes = torch.zeros(16, 480, dtype=torch.uint8, device="cuda")
        fake = W4Weight.__new__(W4Weight)
        for name, value in (("codes", codes), ("values", None)):
            object.__setattr__(fake, name, value)
        for group, dtype, expected in (
            *((group, dtype, True) for group in (32, 96, 480) for dtype in (BF16, FP16)),
            *((group, BF16, False) for group in (8, 16, 48, 80)),
            (32, FP32, False),
        ):
            object.__setattr__(fake, "group", group)
            assert able(fake, dtype) == expected
        object.__setattr__(fake, "group", 32)
        object.__setattr__(fake, "values", torch.zeros(16, dtype=BF16))
        assert not able(fake, BF16)
    assert not able(coded(16, 128, 64), BF16)  # on a CPU


ROWS = """
from lab.kernels.w4a8.triton import row_constants
from lab.kernels.w4a8.triton_source import w4a8_rows as kernel

kinds = {"codes": "*i8", "scales": "*fp32", "columns": "i32"}
fixed = row_constants()
del fixed["enable_fp_fusion"]  # no constant of the kernel's; it changes no register
variants = [({"x": x, **kinds}, dict(fixed)) for x in ("*bf16", "*fp16")]
"""

PRODUCT = """
import torch
from lab.kernels.w4a8.triton import constants
from lab.kernels.w4a8.triton_source import w4a8_matmul as kernel

kinds = dict.fromkeys(("scales", "y"), "*bf16") | dict.fromkeys(("packed", "zeros"), "*u8")
kinds |= {"codes": "*i8", "row_scales": "*fp32"} | dict.fromkeys(("rows", "out", "columns"), "i32")
variants = [
    (kinds, constants(group, rows, zeros))
    for group in (32, 64, 96, 128, 256)
    for rows in (16, 32, 64)
    for zeros in (None, torch.zeros(1))
]
"""


@pytest.mark.slow
@pytest.mark.parametrize(("script", "count"), [(ROWS, 2), (PRODUCT, 30)], ids=["rows", "product"])
@pytest.mark.parametrize("capability", [80, 89, 90])
def test_they_compile_without_spilling_registers(
    script: str, count: int, capability: int, spilled: Callable[[str, int], list[int]]
) -> None:
    assert spilled(script, capability) == [0] * count
