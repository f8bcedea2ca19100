from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

from lab.errors import UserError
from lab.kernels import cpu, w4
from lab.kernels.base import Matmul
from lab.kernels.w4 import W4Weight

BF16 = torch.bfloat16


def made_weight(rows: int, columns: int, group: int, scale_dtype: torch.dtype = BF16) -> W4Weight:
    """Every code from 0 to 15, and scales over two orders of magnitude."""
    generator = torch.Generator().manual_seed(rows + columns)
    codes = torch.randint(0, 16, (rows, columns), generator=generator, dtype=torch.uint8)
    scales = 10 ** (2 * torch.rand(rows, columns // group, generator=generator) - 2)
    return W4Weight(codes, scales.to(scale_dtype), group)


def activations(rows: int, columns: int, dtype: torch.dtype) -> Tensor:
    return torch.randn((rows, columns), generator=torch.Generator().manual_seed(rows)).to(dtype)


CASES = [
    # (kernel, activations, out, in, group)
    *(("torch", BF16, 48, 256, group) for group in (32, 64, 128)),
    ("torch", BF16, 16, 64, 64),
    *(("reference", BF16, 48, 256, group) for group in (32, 64, 128)),
    ("reference", BF16, 33, 96, 32),
    ("reference", BF16, 5, 14, 7),
    ("reference", torch.float32, 33, 96, 32),
]


@pytest.mark.parametrize(("kernel", "dtype", "out", "columns", "group"), CASES)
def test_each_implementation_is_as_near_to_float64_as_the_eager_path(
    kernel: str,
    dtype: torch.dtype,
    out: int,
    columns: int,
    group: int,
    rows: int,
    laid_out: Callable[[Tensor], Tensor],
    near_float64: Callable[[Matmul, Tensor, Tensor], None],
) -> None:
    weight = made_weight(out, columns, group)
    matmul = w4.pack(weight, dtype, kernel)
    assert matmul.kernel == kernel
    near_float64(matmul, laid_out(activations(rows, columns, dtype)), weight.dequantize(torch.float64))


def test_the_reference_multiplies_the_dequantized_weight() -> None:
    weight = made_weight(6, 64, 32)
    x = activations(3, 64, torch.float32)
    expected = torch.zeros(3, 6)
    for row in range(6):
        for column in range(64):
            value = (int(weight.codes[row, column]) - 8) * float(weight.scales[row, column // 32])
            expected[:, row] += x[:, column] * value
    torch.testing.assert_close(w4.pack(weight, torch.float32, "reference")(x), expected)


def test_the_builtin_operator_runs_when_asked_for() -> None:
    called: list[str] = []
    matmul: Any = w4.pack(made_weight(16, 64, 32), BF16, "torch")
    inner = matmul._mm

    def noted(*args: object) -> Tensor:
        called.append(str(inner))
        product: Tensor = inner(*args)
        return product

    matmul._mm = noted
    matmul(activations(2, 64, BF16))
    assert called == ["aten._weight_int4pack_mm_for_cpu.default"]


@pytest.mark.parametrize(
    ("out", "columns", "group", "dtype", "preferred"),
    [
        (16, 64, 32, BF16, "torch"),
        (16, 64, 32, torch.float32, "reference"),
        (17, 64, 32, BF16, "reference"),
        (16, 96, 32, BF16, "reference"),
        (16, 64, 16, BF16, "reference"),
    ],
)
def test_the_builtin_operator_comes_before_the_reference_where_its_layout_allows_it(
    out: int, columns: int, group: int, dtype: torch.dtype, preferred: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cpu, "library", lambda: None)
    weight = made_weight(out, columns, group)
    assert w4.pack(weight, dtype).kernel == preferred
    if preferred == "reference":
        with pytest.raises(UserError, match=rf"kernel w4=torch: got a {out} x {columns} weight in groups of"):
            w4.pack(weight, dtype, "torch")


def test_a_group_that_does_not_divide_the_row_is_refused() -> None:
    with pytest.raises(UserError, match="4-bit group: got 64 for rows of 96"):
        W4Weight(torch.zeros(2, 96, dtype=torch.uint8), torch.ones(2, 1), 64)


@pytest.mark.parametrize(
    "codes", [torch.full((2, 32), 16, dtype=torch.uint8), torch.zeros(2, 32, dtype=torch.int8)]
)
def test_codes_beyond_four_bits_or_of_another_type_are_refused(codes: Tensor) -> None:
    with pytest.raises(UserError, match=r"4-bit codes.*expected uint8 values of 0 to 15"):
        W4Weight(codes, torch.ones(2, 1), 32)


def test_scales_of_another_shape_are_refused() -> None:
    with pytest.raises(UserError, match=r"4-bit scales: got \(1, 2\), expected \(2, 2\)"):
        W4Weight(torch.zeros(2, 64, dtype=torch.uint8), torch.ones(1, 2), 32)


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_scales_that_are_not_finite_are_refused(bad: float) -> None:
    with pytest.raises(UserError, match="4-bit scales: got NaN or infinity"):
        W4Weight(torch.zeros(1, 64, dtype=torch.uint8), torch.tensor([[1.0, bad]]), 32)


def test_stored_bytes_are_half_a_byte_a_code_and_the_scales() -> None:
    # 16 x 256 codes in 2,048 bytes, 16 x 4 scales of 2 bytes in 128, of 4 bytes in 256.
    assert made_weight(16, 256, 64).stored_bytes == 2048 + 128
    assert made_weight(16, 256, 64, torch.float32).stored_bytes == 2048 + 256
    for kernel in ("torch", "reference"):
        assert w4.pack(made_weight(16, 256, 64), BF16, kernel).stored_bytes == 2048 + 128


# The 4-bit NormalFloat of QLoRA (arXiv 2305.14314), as any codebook would be.
NF4 = [
    *(-1.0, -0.6962, -0.5251, -0.3949, -0.2844, -0.1848, -0.0911, 0.0),
    *(0.0796, 0.1609, 0.2461, 0.3379, 0.4407, 0.5626, 0.7230, 1.0),
]


def zero_points(weight: W4Weight) -> W4Weight:
    """Every zero point from 0 to 16."""
    generator = torch.Generator().manual_seed(3)
    zeros = torch.randint(0, 17, weight.scales.shape, generator=generator, dtype=torch.uint8)
    return replace(weight, zeros=zeros)


def codebook(weight: W4Weight) -> W4Weight:
    return replace(weight, values=torch.tensor(NF4, dtype=BF16))


KINDS = pytest.mark.parametrize("kind", [zero_points, codebook])


@KINDS
@pytest.mark.parametrize("kernel", ["reference", "cpu"])
@pytest.mark.parametrize(("out", "columns", "group"), [(48, 256, 64), (33, 96, 32), (5, 16, 8)])
def test_zero_points_and_codebooks_are_as_near_to_float64(
    kind: Callable[[W4Weight], W4Weight],
    kernel: str,
    out: int,
    columns: int,
    group: int,
    rows: int,
    near_float64: Callable[[Matmul, Tensor, Tensor], None],
) -> None:
    if kernel == "cpu" and cpu.library() is None:
        pytest.skip("installed without a C++ compiler")
    weight = kind(made_weight(out, columns, group))
    matmul = w4.pack(weight, BF16, kernel)
    assert matmul.kernel == kernel
    near_float64(matmul, activations(rows, columns, BF16), weight.dequantize(torch.float64))


def test_what_codes_mean() -> None:
    codes = torch.arange(16, dtype=torch.uint8)[None]
    scales, zeros = torch.full((1, 2), 0.5), torch.tensor([[0, 16]], dtype=torch.uint8)
    plain = W4Weight(codes, scales, 8)
    assert plain.dequantize(torch.float32)[0].tolist() == [(code - 8) / 2 for code in range(16)]
    assert replace(plain, zeros=zeros).dequantize(torch.float32)[0].tolist() == [
        (code - (0 if code < 8 else 16)) / 2 for code in range(16)
    ]
    assert codebook(plain).dequantize(torch.float32)[0].tolist() == [
        float(value) / 2 for value in torch.tensor(NF4, dtype=BF16)
    ]


@KINDS
def test_the_builtin_operator_does_not_take_them(kind: Callable[[W4Weight], W4Weight]) -> None:
    with pytest.raises(UserError, match="kernel w4=torch"):
        w4.pack(kind(made_weight(16, 64, 32)), BF16, "torch")


def test_zero_points_and_a_codebook_are_stored_too() -> None:
    weight = made_weight(16, 256, 64)
    assert zero_points(weight).stored_bytes == weight.stored_bytes + 16 * 4 // 2
    assert codebook(weight).stored_bytes == weight.stored_bytes + 16 * 2


@pytest.mark.parametrize(
    "zeros",
    [
        torch.full((16, 4), 17, dtype=torch.uint8),
        torch.zeros(16, 4),
        torch.zeros(16, 3, dtype=torch.uint8),
    ],
    ids=["too large", "floats", "shape"],
)
def test_zero_points_that_cannot_be_are_refused(zeros: Tensor) -> None:
    with pytest.raises(UserError, match=r"4-bit zero points.*expected uint8 values of 0 to 16, \(16, 4\)"):
        replace(made_weight(16, 256, 64), zeros=zeros)


@pytest.mark.parametrize(
    "values",
    [torch.zeros(15, dtype=BF16), torch.zeros(16), torch.full((16,), float("nan"), dtype=BF16)],
    ids=["too few", "float32", "NaN"],
)
def test_a_codebook_that_cannot_be_is_refused(values: Tensor) -> None:
    with pytest.raises(UserError, match=r"4-bit codebook.*expected 16 finite bf16 values"):
        replace(made_weight(16, 256, 64), values=values)


def test_zero_points_beside_a_codebook_are_refused() -> None:
    with pytest.raises(UserError, match="4-bit zero points: got a codebook beside them"):
        codebook(zero_points(made_weight(16, 256, 64)))
