"""Activations in the regimes of a decoder, and the measure an implementation's error is held to."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from lab.kernels.base import Matmul

# A plain step, a verify step and pieces of a prompt, with row counts that no tile divides.
ROWS = {"plain step": 1, "verify step": 8, "short prefill": 33, "prefill": 77}
LAYOUTS: dict[str, Callable[[Tensor], Tensor]] = {
    "contiguous": lambda x: x,
    "transposed": lambda x: x.t().contiguous().t(),
    "every other column": lambda x: torch.stack((x, x), dim=-1).flatten(1)[:, ::2],
    "rows of a wider tensor": lambda x: torch.cat((x, x), dim=1)[:, : x.shape[1]],
}


@pytest.fixture(params=list(ROWS.values()), ids=list(ROWS))
def rows(request: pytest.FixtureRequest) -> int:
    count: int = request.param
    return count


@pytest.fixture(params=list(LAYOUTS.values()), ids=list(LAYOUTS))
def laid_out(request: pytest.FixtureRequest) -> Callable[[Tensor], Tensor]:
    layout: Callable[[Tensor], Tensor] = request.param
    return layout


def _check(matmul: Matmul, x: Tensor, weight: Tensor) -> None:
    """`matmul(x)` has x's dtype and is at most twice as far from the float64 product as the eager path is.

    Twice, because implementations differ in the order of their float32 sums only: both round the same sum to
    x's dtype, which is half a unit in the last place, and at worst one lands on the other side. A wrong
    scale, code or column is off by orders of magnitude.
    """
    exact = x.double() @ weight.double().t()
    eager = F.linear(x, weight.to(x.dtype))
    y = matmul(x)
    assert y.dtype == x.dtype
    assert y.shape == exact.shape
    allowed = 2 * (eager.double() - exact).abs().max()
    assert (y.double() - exact).abs().max() <= allowed


@pytest.fixture(scope="session")
def near_float64() -> Callable[[Matmul, Tensor, Tensor], None]:
    return _check
