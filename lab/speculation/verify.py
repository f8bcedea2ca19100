"""Verification: one walk down the tree for every drafter and every way of choosing tokens.

Greedy: the longest path that agrees with the target's argmax, and the argmax behind it. Sampling: rejection
sampling for drafts that are fixed given the context (Leviathan et al., arXiv 2211.17192, with the draft
distribution a point mass; over several siblings as in SpecInfer, arXiv 2305.09781): a child is accepted
with the target's remaining probability of its token; a rejected token's probability is removed and the rest
renormalized. The tokens emitted are distributed exactly as the target's own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from lab.speculation.tree import ROOT, TokenTree


class Chooser(Protocol):
    """Decides tokens from the target's logits; row r belongs to the root (0) or to node r - 1."""

    def accepts(self, row: int, token: int) -> bool:
        """Whether `token` is taken as the one after `row`; a refusal is remembered."""
        ...

    def draw(self, row: int) -> int:
        """A token after `row`, given the refusals so far."""
        ...


class Greedy:
    """Takes the likeliest token of each row, `best[row]`."""

    def __init__(self, best: Sequence[int]):
        self._best = best

    def accepts(self, row: int, token: int) -> bool:
        return self._best[row] == token

    def draw(self, row: int) -> int:
        return self._best[row]


class Sampled:
    """Draws from softmax(logits / temperature), cut to the `top_k` likeliest and the `top_p` nucleus."""

    def __init__(
        self, logits: Tensor, temperature: float, top_p: float, top_k: int, generator: torch.Generator
    ):
        self._logits, self._temperature, self._top_p, self._top_k = logits, temperature, top_p, top_k
        self._generator = generator
        self._left: dict[int, Tensor] = {}

    def accepts(self, row: int, token: int) -> bool:
        left = self._remaining(row)
        if float(torch.rand((), generator=self._generator)) < float(left[token]):
            return True
        left[token] = 0.0
        total = left.sum()
        # Rounding alone can refuse a token that held all the mass; then it is the only one to draw.
        if total > 0:
            left /= total
        else:
            left[token] = 1.0
        return False

    def draw(self, row: int) -> int:
        return int(torch.multinomial(self._remaining(row), 1, generator=self._generator))

    def _remaining(self, row: int) -> Tensor:
        if row not in self._left:
            self._left[row] = distribution(
                self._logits[row], self._temperature, self._top_p, self._top_k
            ).cpu()
        return self._left[row]


def top_two(logits: Tensor) -> tuple[list[int], list[float]]:
    """Per row of logits [rows, vocabulary] the argmax (the first of equals) and its lead over the second."""
    first, best = logits.max(dim=-1, keepdim=True)
    logits.scatter_(-1, best, float("-inf"))
    second = logits.amax(dim=-1, keepdim=True)
    logits.scatter_(-1, best, first)
    return best.flatten().tolist(), (first - second).flatten().tolist()


def distribution(logits: Tensor, temperature: float, top_p: float, top_k: int) -> Tensor:
    """Probabilities [vocabulary] after temperature, then top-k, then top-p (the likeliest always stays)."""
    logits = logits / temperature
    if 0 < top_k < len(logits):
        logits = logits.masked_fill(logits < logits.topk(top_k).values[-1], float("-inf"))
    if top_p < 1.0:
        probabilities, order = logits.softmax(-1).sort(descending=True)
        beyond = probabilities.cumsum(-1) - probabilities >= top_p
        logits = logits.masked_fill(beyond[order.argsort()], float("-inf"))
    return logits.softmax(-1)


@dataclass(frozen=True, slots=True)
class Verified:
    """What a verify step emits: `path` are the accepted nodes from the root down, `tokens` their tokens and
    the target's own next one, `rows[i]` the row of logits that chose `tokens[i]`."""

    path: tuple[int, ...]
    tokens: tuple[int, ...]
    rows: tuple[int, ...]


def verify(tree: TokenTree, chooser: Chooser) -> Verified:
    """Walk from the root as long as a child is accepted, then draw one token more."""
    path: list[int] = []
    node = ROOT
    while True:
        child = next((c for c in tree.children(node) if chooser.accepts(node + 1, tree.tokens[c])), None)
        if child is None:
            break
        path.append(child)
        node = child
    rows = (0, *(node + 1 for node in path))
    tokens = (*(tree.tokens[node] for node in path), chooser.draw(rows[-1]))
    return Verified(tuple(path), tokens, rows)
