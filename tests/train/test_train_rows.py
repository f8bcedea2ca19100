from __future__ import annotations

import pytest
import torch
from torch import Tensor

from lab.train.rows import sum_over_rows


@pytest.fixture
def rows() -> Tensor:
    torch.manual_seed(0)
    return torch.randn(10, 3, dtype=torch.float64, requires_grad=True)


@pytest.mark.parametrize("size", [1, 4, 5, 10, 99])
def test_sum_and_gradient_are_those_of_all_rows_at_once(rows, size) -> None:
    weight = torch.arange(10.0, dtype=torch.float64)

    def part(some: Tensor, at: slice) -> Tensor:
        return (some.exp().sum(-1).log() * weight[at]).sum()

    expected = part(rows, slice(None))
    total = sum_over_rows(rows, part, size)
    torch.testing.assert_close(total, expected)
    (3 * total).backward()
    torch.testing.assert_close(rows.grad, torch.autograd.grad(3 * expected, rows)[0])


@pytest.mark.parametrize("recorded", [True, False])
def test_no_more_rows_are_computed_at_once_than_asked_for(rows, recorded) -> None:
    seen: list[tuple[int, slice]] = []

    def part(some: Tensor, at: slice) -> Tensor:
        seen.append((len(some), at))
        return some.sum()

    with torch.set_grad_enabled(recorded):
        total = sum_over_rows(rows, part, 4)
    assert seen == [(4, slice(0, 4)), (4, slice(4, 8)), (2, slice(8, 10))]
    assert total.requires_grad is recorded


def test_rows_that_are_sums_themselves_get_their_gradient_back_to_what_they_are_made_of() -> None:
    source = torch.ones(6, 2, requires_grad=True)
    sum_over_rows(source * 2, lambda some, _: some.square().sum(), 4).backward()
    assert source.grad is not None
    assert source.grad.tolist() == [[8.0, 8.0]] * 6
