"""Sequences on a common trunk attend exactly as they do alone, forwards and backwards."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from lab.train.attention import Layout, Tree, attend

HEADS, KV_HEADS, DIM = 4, 2, 8
CPU = torch.device("cpu")
TREES = [
    Tree((0, 7), ((7, 10), (10, 15), (15, 16))),
    Tree((16, 16), ((16, 20),)),
    Tree((20, 22), ((22, 24),)),
]


def alone(query: Tensor, key: Tensor, value: Tensor, places: list[int]) -> Tensor:
    """Causal attention of one sequence, given the places of its tokens: [1, tokens, heads, d]."""
    q, k, v = (tensor[:, :, places] for tensor in (query, key, value))
    out = F.scaled_dot_product_attention(q, k, v, is_causal=True, enable_gqa=True, scale=0.3)
    return out.transpose(1, 2)


@pytest.fixture
def tensors() -> list[Tensor]:
    torch.manual_seed(0)
    return [torch.randn(1, heads, 24, DIM, dtype=torch.float64) for heads in (HEADS, KV_HEADS, KV_HEADS)]


def test_each_sequence_attends_to_its_trunk_and_itself_alone(tensors) -> None:
    out, _ = attend(torch.nn.Module(), *tensors, None, scaling=0.3, layout=Layout(TREES, CPU))
    assert out.shape == (1, 24, HEADS, DIM)
    for tree in TREES:
        for branch in tree.branches:
            places = [*range(*tree.trunk), *range(*branch)]
            torch.testing.assert_close(out[:, places], alone(*tensors, places))


def test_padding_is_seen_by_nobody(tensors) -> None:
    # The first tree's trunk ends in two tokens of padding, its first branch in one.
    trees = [Tree((0, 7), ((7, 10), (10, 15)), padding=2)]
    padded = [tensor[:, :, :15] for tensor in tensors]
    out, _ = attend(torch.nn.Module(), *padded, None, scaling=0.3, layout=Layout(trees, CPU))
    for branch in ((7, 9), (10, 15)):
        places = [*range(5), *range(*branch)]
        torch.testing.assert_close(out[:, places], alone(*tensors, places))


def test_the_gradient_is_the_sum_of_the_sequences_gradients(tensors) -> None:
    weight = torch.randn(24, dtype=torch.float64)

    def gradients(loss) -> list[Tensor]:
        leaves = [tensor.clone().requires_grad_() for tensor in tensors]
        loss(leaves).backward()
        return [leaf.grad for leaf in leaves]

    def packed(leaves: list[Tensor]) -> Tensor:
        out, _ = attend(torch.nn.Module(), *leaves, None, scaling=0.3, layout=Layout(TREES, CPU))
        return sum(
            (out[:, start:stop].square() * weight[start:stop, None, None]).sum() for start, stop in spans
        )

    def apart(leaves: list[Tensor]) -> Tensor:
        parts = []
        for tree in TREES:
            for start, stop in tree.branches:
                out = alone(*leaves, [*range(*tree.trunk), *range(start, stop)])[:, start - stop :]
                parts.append((out.square() * weight[start:stop, None, None]).sum())
        return sum(parts)

    spans = [branch for tree in TREES for branch in tree.branches]
    for left, right in zip(gradients(packed), gradients(apart), strict=True):
        torch.testing.assert_close(left, right)
