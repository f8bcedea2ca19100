"""The lab's C++ kernels, on every instruction set that this processor has."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from lab.kernels import cpu, dense, w4
from lab.kernels.base import Matmul
from lab.kernels.cpu import ISAS, Isa
from lab.kernels.cpu.memory import settle
from lab.kernels.dense.cpu import Cpu as DenseCpu
from lab.kernels.w4 import W4Weight
from lab.kernels.w4.cpu import Cpu as W4Cpu
from lab.kernels.w4a8.cpu import Cpu as W4A8Cpu
from lab.kernels.w8 import W8Weight
from lab.kernels.w8.cpu import Cpu as W8Cpu
from lab.kernels.w8a8.cpu import Cpu as W8A8Cpu

pytestmark = pytest.mark.skipif(cpu.library() is None, reason="installed without a C++ compiler")

BF16 = torch.bfloat16
HERE = ISAS[: ISAS.index(cpu.best_isa()) + 1]
Near = Callable[[Matmul, Tensor, Tensor], None]


def normal(rows: int, columns: int, seed: int = 0) -> Tensor:
    return torch.randn((rows, columns), generator=torch.Generator().manual_seed(seed)).to(BF16)


def coded(rows: int, columns: int, group: int, scale_dtype: torch.dtype = BF16) -> W4Weight:
    generator = torch.Generator().manual_seed(rows + columns)
    codes = torch.randint(0, 16, (rows, columns), generator=generator, dtype=torch.uint8)
    scales = 10 ** (2 * torch.rand(rows, columns // group, generator=generator) - 2)
    return W4Weight(codes, scales.to(scale_dtype), group)


@pytest.fixture(params=HERE)
def isa(request: pytest.FixtureRequest) -> Isa:
    found: Isa = request.param
    return found


@pytest.fixture(params=[1, 2])
def _threads(request: pytest.FixtureRequest) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(request.param)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def _poisoned(monkeypatch: pytest.MonkeyPatch) -> None:
    """Outputs hold NaN before they are written."""
    empty = torch.Tensor.new_empty

    def poisoned(self: Tensor, *args: int) -> Tensor:
        return empty(self, *args).fill_(float("nan"))

    monkeypatch.setattr(torch.Tensor, "new_empty", poisoned)


@pytest.mark.usefixtures("_threads", "_poisoned")
@pytest.mark.parametrize("shape", [(48, 64), (33, 66), (1, 2), (200, 576)], ids=str)
def test_dense_is_as_near_to_float64_as_the_eager_path(
    isa: Isa,
    shape: tuple[int, int],
    rows: int,
    laid_out: Callable[[Tensor], Tensor],
    near_float64: Near,
) -> None:
    weight = normal(*shape)
    near_float64(DenseCpu(weight, isa), laid_out(normal(rows, shape[1], 1)), weight)


@pytest.mark.usefixtures("_threads", "_poisoned")
@pytest.mark.parametrize("scale_dtype", [BF16, torch.float32], ids=str)
@pytest.mark.parametrize(
    ("out", "columns", "group"), [(48, 256, 32), (48, 256, 64), (33, 96, 96), (5, 8, 8), (100, 384, 128)]
)
def test_w4_is_as_near_to_float64_as_the_eager_path(
    isa: Isa,
    out: int,
    columns: int,
    group: int,
    scale_dtype: torch.dtype,
    rows: int,
    laid_out: Callable[[Tensor], Tensor],
    near_float64: Near,
) -> None:
    weight = coded(out, columns, group, scale_dtype)
    near_float64(W4Cpu(weight, isa), laid_out(normal(rows, columns, 1)), weight.dequantize(torch.float64))


@settings(max_examples=60, deadline=None)
@given(
    rows=st.integers(1, 130),
    out=st.integers(1, 70),
    groups=st.integers(1, 5),
    group=st.sampled_from([8, 16, 32, 64]),
    isa=st.sampled_from(HERE),
)
def test_any_shape_gives_the_product(rows: int, out: int, groups: int, group: int, isa: Isa) -> None:
    weight = coded(out, groups * group, group)
    x = normal(rows, groups * group, 2)
    exact = x.double() @ weight.dequantize(torch.float64).t()
    for matmul in (W4Cpu(weight, isa), DenseCpu(weight.dequantize(BF16), isa)):
        # bf16 rounds the sum by at most 2^-8, and `dequantize` each weight: 2^-7 of all that was added
        # up, and a little for the product of the two and for float32.
        added = x.double().abs() @ weight.dequantize(torch.float64).abs().t()
        assert ((matmul(x).double() - exact).abs() <= added * 2**-7 * 1.01).all()


@pytest.mark.parametrize("op", ["dense", "w4"])
def test_threads_do_not_change_a_bit(isa: Isa, op: str) -> None:
    matmul = DenseCpu(normal(100, 64), isa) if op == "dense" else W4Cpu(coded(100, 64, 32), isa)
    x = normal(9, 64, 1)
    before = torch.get_num_threads()
    found = []
    for threads in (1, 2, 3):
        torch.set_num_threads(threads)
        found.append(matmul(x))
    torch.set_num_threads(before)
    assert torch.equal(found[0], found[1])
    assert torch.equal(found[0], found[2])


def test_a_row_is_the_same_alone_and_among_others(isa: Isa) -> None:
    # So a verify step of the matrix products alone rounds as the plain step does.
    x = normal(13, 128, 1)
    for matmul in (DenseCpu(normal(40, 128), isa), W4Cpu(coded(40, 128, 64), isa)):
        assert torch.equal(matmul(x)[7], matmul(x[7:8])[0])


@pytest.mark.parametrize("out", [16, 32, 48, 64, 80])
@pytest.mark.parametrize("rows", [*range(1, 27), 32, 64])
def test_every_number_of_rows_and_tiles_gives_the_bits_of_one_row(isa: Isa, rows: int, out: int) -> None:
    x, codes = normal(rows, 64, 1), coded(out, 64, 32)
    integers = W8Weight((codes.codes.int() * 16 - 120).to(torch.int8), codes.scales[:, 0].float())
    zeros = torch.arange(out * 2, dtype=torch.uint8).view(out, 2) % 17
    for matmul in (
        DenseCpu(normal(out, 64), isa),
        W4Cpu(codes, isa),
        W4Cpu(replace(codes, zeros=zeros), isa),
        W4A8Cpu(codes, isa),
        W8Cpu(integers, isa),
        W8A8Cpu(integers, isa),
    ):
        alone = torch.cat([matmul(row[None]) for row in x])
        assert torch.equal(matmul(x), alone), matmul


@pytest.mark.usefixtures("_threads")
@pytest.mark.parametrize("rows", [1, 7, 65])
def test_products_in_one_call_are_those_of_a_call_each(isa: Isa, rows: int) -> None:
    matmuls = [
        *(DenseCpu(normal(80, 64), isa), W4Cpu(coded(48, 64, 32), isa)),
        *(W4A8Cpu(coded(16, 128, 32), isa), DenseCpu(normal(8, 192), isa)),
    ]
    xs = [normal(rows, matmul.packed.columns, seed) for seed, matmul in enumerate(matmuls)]
    ys = [torch.full((rows, matmul.packed.out), torch.nan, dtype=BF16) for matmul in matmuls]
    cpu.Linears([matmul.packed for matmul in matmuls], xs, ys, isa)()
    for y, matmul, x in zip(ys, matmuls, xs, strict=True):
        assert torch.equal(y, matmul(x)), matmul


def test_no_rows_give_no_rows(isa: Isa) -> None:
    assert DenseCpu(normal(40, 128), isa)(normal(0, 128)).shape == (0, 40)


def test_nan_stays_where_it_is(isa: Isa) -> None:
    x = normal(2, 64)
    x[1, 3] = float("nan")
    y = DenseCpu(normal(20, 64), isa)(x)
    assert bool(y[0].isfinite().all())
    assert bool(y[1].isnan().all())


@pytest.mark.parametrize("has_arithmetic", [False, True])
def test_the_kernels_are_preferred_and_can_be_pinned_away(
    monkeypatch: pytest.MonkeyPatch, has_arithmetic: bool
) -> None:
    for arithmetic in ("_is_avx512_bf16_supported", "_is_amx_tile_supported"):
        monkeypatch.setattr(torch.cpu, arithmetic, lambda: has_arithmetic)
    assert dense.pack(normal(16, 64)).kernel == "cpu"
    assert dense.pack(normal(16, 64), "torch").kernel == "torch"
    assert w4.pack(coded(16, 64, 32), BF16).kernel == "cpu"
    assert w4.pack(coded(16, 64, 32), BF16, "torch").kernel == "torch"


@pytest.mark.parametrize("weight", [torch.zeros(4, 3, dtype=BF16), torch.zeros(4, 4)], ids=["odd", "fp32"])
def test_what_they_do_not_multiply_runs_otherwise(weight: Tensor) -> None:
    assert dense.pack(weight).kernel != "cpu"


def test_groups_of_no_whole_eights_run_otherwise() -> None:
    assert w4.pack(coded(16, 12, 4), BF16).kernel != "cpu"


def test_an_installation_without_them_uses_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cpu, "library", lambda: None)
    assert dense.pack(normal(16, 64)).kernel != "cpu"
    assert w4.pack(coded(16, 64, 32), BF16).kernel == "torch"


@pytest.mark.parametrize("shape", [(0, 4), (3, 5), (40, 1024 * 1024)], ids=str)
def test_what_is_settled_is_a_copy_at_a_cache_line(shape: tuple[int, int]) -> None:
    of = torch.arange(shape[0] * shape[1]).view(shape[::-1]).t().to(torch.int16)
    before, found, after = settle(torch.ones(7)), settle(of), settle(torch.ones(9))
    assert torch.equal(found, of)
    assert found.is_contiguous()
    assert found.data_ptr() % 64 == 0
    found.zero_()
    assert bool((before == 1).all() and (after == 1).all())
    assert bool(of.any()) == (of.numel() > 0)


def test_they_run_on_the_threads_of_torch() -> None:
    assert cpu.shares_threads()
