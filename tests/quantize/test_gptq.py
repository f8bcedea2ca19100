"""Codes that GPTQ chooses: on the grid, and better for the product than rounding to nearest."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from lab.kernels.w4 import W4Weight
from lab.precision.rtn import quantize as to_nearest
from lab.quantize.gptq import quantize


def correlated(columns: int, tokens: int = 2048) -> Tensor:
    """Inputs [tokens, columns] of few directions and very different sizes, as activations are."""
    torch.manual_seed(1)
    directions = torch.randn(columns // 4, columns) * torch.logspace(-1, 1, columns)
    return torch.randn(tokens, columns // 4) @ directions + 0.05 * torch.randn(tokens, columns)


def moment(x: Tensor) -> Tensor:
    return x.t() @ x / len(x)


def loss(weight: Tensor, quantized: W4Weight, x: Tensor) -> float:
    """Mean squared error of the product."""
    return float(((quantized.dequantize(torch.float32) - weight) @ x.t()).square().mean())


@pytest.mark.parametrize("asymmetric", [False, True])
@pytest.mark.parametrize("group", [32, 96, 192])
def test_the_product_is_nearer_than_by_rounding_to_nearest(group: int, asymmetric: bool) -> None:
    torch.manual_seed(0)
    weight, x = torch.randn(48, 192), correlated(192)
    made = quantize(weight, moment(x), group, asymmetric=asymmetric, damp=0.01)
    assert made.scales.shape == (48, 192 // group)
    assert (made.zeros is not None) == asymmetric
    assert loss(weight, made, x) < 0.5 * loss(weight, to_nearest(weight, group), x)


def test_no_single_code_can_be_bettered() -> None:
    torch.manual_seed(0)
    weight = torch.randn(4, 64)
    h = moment(torch.randn(2048, 64) @ (torch.eye(64) + 0.05 * torch.randn(64, 64)))
    made = quantize(weight, h, 32, asymmetric=False, damp=1e-6)

    def error(codes: Tensor) -> Tensor:
        difference = W4Weight(codes, made.scales, 32).dequantize(torch.float32) - weight
        return ((difference @ h) * difference).sum(1)

    best = error(made.codes)
    moved_any = False
    for column in range(64):
        for step in (-1, 1):
            codes = made.codes.short()
            codes[:, column] += step
            codes = codes.clamp(0, 15).to(torch.uint8)
            moved_any |= not torch.equal(codes, made.codes)
            assert (error(codes) >= best * (1 - 1e-3)).all()
    assert moved_any


def test_weights_on_the_grid_are_kept() -> None:
    torch.manual_seed(0)
    codes = torch.randint(0, 16, (8, 64), dtype=torch.uint8)
    codes[:, ::32] = 0  # the whole range occurs, so the scale is found again
    exact = W4Weight(codes, (torch.rand(8, 2) + 0.5).half(), 32)
    weight = exact.dequantize(torch.float32)
    made = quantize(weight, moment(correlated(64)), 32, asymmetric=False, damp=0.01)
    assert loss(weight, made, torch.eye(64)) < 1e-3 * loss(weight, to_nearest(weight, 32), torch.eye(64))


def test_inputs_that_are_always_zero_are_no_obstacle() -> None:
    x = correlated(64)
    x[:, 10:20] = 0
    made = quantize(torch.randn(8, 64), moment(x), 32, asymmetric=False, damp=0.05)
    assert torch.isfinite(made.dequantize(torch.float32)).all()
    nothing = quantize(torch.zeros(8, 64), torch.zeros(64, 64), 32, asymmetric=True, damp=0.05)
    assert not nothing.dequantize(torch.float32).any()
