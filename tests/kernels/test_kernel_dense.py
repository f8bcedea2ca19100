from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from lab.errors import UserError
from lab.kernels import dense
from lab.kernels.base import Matmul
from lab.kernels.dense import onednn
from lab.kernels.ops import KERNELS

BF16 = torch.bfloat16
SHAPES = [(48, 64), (33, 65), (1, 7), (200, 3)]
needs_onednn = pytest.mark.skipif(
    not onednn.able(torch.zeros(1, 1, dtype=BF16)), reason="this CPU's oneDNN does not multiply bf16"
)
VARIANTS = [
    pytest.param("torch", torch.float32, id="torch-fp32"),
    pytest.param("torch", BF16, id="torch-bf16"),
    pytest.param("onednn", BF16, id="onednn-bf16", marks=needs_onednn),
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
    monkeypatch.setattr("lab.kernels.dense.reference.F.linear", note("torch", torch.nn.functional.linear))
    matmul = dense.pack(weight, kernel)
    if isinstance(matmul, onednn.OneDnn):
        monkeypatch.setattr(matmul, "_linear", note("onednn", matmul._linear))
    matmul(x)
    assert ran == [kernel]


@needs_onednn
def test_bf16_on_this_cpu_prefers_the_prepacked_layout() -> None:
    assert dense.pack(torch.zeros(4, 4, dtype=BF16)).kernel == KERNELS["dense"][0] == "onednn"


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
