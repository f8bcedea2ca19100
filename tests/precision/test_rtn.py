from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lab.errors import UserError
from lab.precision.rtn import GROUP, quantize


def test_values_on_the_grid_come_back_exactly() -> None:
    # Each group holds 7 times its scale, and the scale is a bf16 number.
    codes = torch.arange(-7, 8).repeat(2, 9)[:, :128]
    codes[:, ::64] = 7
    scales = torch.tensor([[0.5, 0.0078125], [3.0, 1.0]])
    weight = codes.float() * scales.repeat_interleave(64, dim=1)
    quantized = quantize(weight)
    assert torch.equal(quantized.dequantize(torch.float32), weight)
    assert torch.equal(quantized.scales.float(), scales)
    assert torch.equal(quantized.codes.long() - 8, codes)


def test_a_group_of_zeros_stays_zero() -> None:
    weight = torch.zeros(2, 128)
    weight[1, 64:] = 7.0
    quantized = quantize(weight)
    assert torch.equal(quantized.dequantize(torch.float32), weight)
    assert quantized.scales.tolist() == [[0.0, 0.0], [0.0, 1.0]]
    assert quantized.codes[0].unique().tolist() == [8]


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**31),
    magnitude=st.floats(1e-6, 1e6),
    group=st.sampled_from([32, 64, 128]),
    dtype=st.sampled_from([torch.float32, torch.bfloat16]),
)
def test_no_weight_moves_by_more_than_half_its_scale(
    seed: int, magnitude: float, group: int, dtype: torch.dtype
) -> None:
    weight = torch.randn((3, 256), generator=torch.Generator().manual_seed(seed)).mul(magnitude).to(dtype)
    quantized = quantize(weight, group)
    error = (quantized.dequantize(torch.float64) - weight.double()).abs()
    # Scales are rounded to bf16 before the division, so the bound holds for the scale as stored; the
    # division and the product are rounded in float32.
    half = quantized.scales.double().repeat_interleave(group, dim=1) / 2
    assert bool((error <= half * (1 + 1e-5)).all())


def test_the_scale_is_the_largest_magnitude_over_seven_in_bf16() -> None:
    weight = torch.zeros(1, 64)
    weight[0, 3], weight[0, 4] = -1.0, 0.5
    quantized = quantize(weight)
    assert quantized.scales.dtype == torch.bfloat16
    # 1/7 = 0.142857..; its neighbour in bf16 (8 significant bits) is 146 / 1024.
    assert quantized.scales.item() == 146 / 1024
    # -1 / 0.14258 = -7.01 -> -7, 0.5 / 0.14258 = 3.51 -> 4.
    assert quantized.codes[0, 3:5].tolist() == [1, 12]


def test_codes_are_cut_to_the_grid_where_the_scale_is_too_coarse_to_hold_the_largest() -> None:
    # 7.8 times the smallest bf16 number: a seventh of it rounds to that number, so 7.8 scales are asked for.
    tiny = 2.0**-133
    weight = torch.full((2, 64), 7.8 * tiny)
    weight[1] *= -1
    quantized = quantize(weight)
    assert quantized.scales.float().unique().tolist() == [tiny]
    assert quantized.codes[0].unique().tolist() == [15]
    assert quantized.codes[1].unique().tolist() == [0]


def test_a_scale_belongs_to_its_row_and_group() -> None:
    weight = torch.tensor([[1.0, 2.0], [3.0, 4.0]]).repeat_interleave(GROUP, dim=1) * 7
    assert quantize(weight).scales.tolist() == [[1.0, 2.0], [3.0, 4.0]]


def test_a_row_that_the_group_does_not_divide_is_refused() -> None:
    with pytest.raises(UserError, match="4-bit group: got 64 for rows of 96"):
        quantize(torch.ones(2, 96))


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), float("-inf")])
def test_a_weight_that_is_not_finite_is_refused(bad: float) -> None:
    weight = torch.ones(2, 64)
    weight[1, 5] = bad
    with pytest.raises(UserError, match="4-bit scales: got NaN or infinity"):
        quantize(weight)
