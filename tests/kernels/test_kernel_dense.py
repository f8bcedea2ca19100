from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from lab.errors import UserError
from lab.kernels import cpu, dense
from lab.kernels.base import Matmul
from lab.kernels.dense import onednn, upcast

BF16 = torch.bfloat16
SHAPES = [(48, 64), (33, 65), (1, 7), (200, 3)]
needs_onednn = pytest.mark.skipif(
    not onednn.able(torch.zeros(1, 1, dtype=BF16)), reason="this CPU's oneDNN does not multiply bf16"
)
needs_upcast = pytest.mark.skipif(
    not upcast.able(torch.zeros(1, 1, dtype=BF16)), reason="this CPU multiplies bf16 itself"
)
VARIANTS = [
    pytest.param("torch", torch.float32, id="torch-fp32"),
    pytest.param("torch", BF16, id="torch-bf16"),
    pytest.param("onednn", BF16, id="onednn-bf16", marks=needs_onednn),
    pytest.param("upcast", BF16, id="upcast-bf16", marks=needs_upcast),
]


def weight_and_input(rows: int, shape: tuple[int, int], dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(rows)
    weight = torch.randn(shape, generator=generator).to(dtype)
    return weight, torch.randn((rows, shape[1]), generator=generator).to(dtype)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize(("kernel", "dtype"), VARIANTS)
def test_each_implementation_is_as_near_to_float64_as_the_eager_path(
    kernel: str,
    dtype: torch.dtype,
    shape: tuple[int, int],
    rows: int,
    laid_out: Callable[[Tensor], Tensor],
    near_float64: Callable[[Matmul, Tensor, Tensor], None],
) -> None:
    weight, x = weight_and_input(rows, shape, dtype)
    matmul = dense.pack(weight, kernel)
    assert matmul.kernel == kernel
    near_float64(matmul, laid_out(x), weight)


@pytest.mark.parametrize(("kernel", "dtype"), VARIANTS)
def test_the_pinned_implementation_is_the_one_that_runs(
    kernel: str, dtype: torch.dtype, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran = []

    def note(name: str, inner: Callable[..., Tensor]) -> Callable[..., Tensor]:
        def call(*args: object) -> Tensor:
            ran.append(name)
            return inner(*args)

        return call

    weight, x = weight_and_input(2, (48, 64), dtype)
    matmul = dense.pack(weight, kernel)
    kind = type(matmul)
    monkeypatch.setattr(kind, "__call__", note(kind.kernel, kind.__call__))
    matmul(x)
    assert ran == [kernel]


@pytest.fixture
def _without_compiled_kernels(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cpu, "library", lambda: None)


@pytest.mark.parametrize("arithmetic", ["_is_avx512_bf16_supported", "_is_amx_tile_supported"])
@needs_onednn
@pytest.mark.usefixtures("_without_compiled_kernels")
def test_bf16_prefers_the_prepacked_layout_where_the_cpu_multiplies_bf16(
    monkeypatch, arithmetic: str
) -> None:
    monkeypatch.setattr(torch.cpu, arithmetic, lambda: True)
    assert dense.pack(torch.zeros(4, 4, dtype=BF16)).kernel == "onednn"


@pytest.mark.usefixtures("_without_compiled_kernels")
def test_bf16_is_widened_for_many_rows_where_the_cpu_has_no_bf16_arithmetic(monkeypatch) -> None:
    for arithmetic in ("_is_avx512_bf16_supported", "_is_amx_tile_supported"):
        monkeypatch.setattr(torch.cpu, arithmetic, lambda: False)
    matmul = dense.pack(torch.ones(2, 4, dtype=BF16))
    assert matmul.kernel == "upcast"
    dtypes = []
    monkeypatch.setattr(
        "lab.kernels.dense.upcast.F.linear", lambda x, w: dtypes.append(x.dtype) or x[:, :1] @ w[:, :1].t()
    )
    for rows in (1, upcast.MANY_ROWS - 1, upcast.MANY_ROWS):
        matmul(torch.ones(rows, 4, dtype=BF16))
    assert dtypes == [BF16, BF16, torch.float32]


def test_fp32_runs_as_it_is() -> None:
    assert dense.pack(torch.zeros(4, 4)).kernel == "torch"


def test_a_pinned_implementation_that_cannot_run_is_refused() -> None:
    with pytest.raises(UserError, match=r"kernel dense=onednn: got a torch.float32 weight on cpu") as caught:
        dense.pack(torch.zeros(4, 4), "onednn")
    assert caught.value.expected == "one of torch for it"


def test_an_unknown_implementation_is_refused() -> None:
    with pytest.raises(UserError, match="kernel dense=marlin"):
        dense.pack(torch.zeros(4, 4), "marlin")


@pytest.mark.parametrize(("kernel", "dtype"), VARIANTS)
def test_stored_bytes_are_those_of_the_weight_whatever_the_layout(kernel: str, dtype: torch.dtype) -> None:
    matmul = dense.pack(torch.zeros(10, 6, dtype=dtype), kernel)
    assert matmul.stored_bytes == (240 if dtype == torch.float32 else 120)
