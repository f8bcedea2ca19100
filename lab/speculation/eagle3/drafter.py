"""EAGLE-3 along a session: its cache and the target's features survive from call to call."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from lab.errors import UserError
from lab.models.decoder import PREFILL_ROWS, Decoder
from lab.speculation.eagle3.checkpoint import load_head
from lab.speculation.eagle3.grow import grow
from lab.speculation.eagle3.head import Head
from lab.speculation.options import DraftOptions, TreeShape, parse_tree
from lab.speculation.tree import TokenTree


def make(options: DraftOptions, target: Decoder) -> Eagle3Drafter:
    """As `DRAFTERS` names it.

    Raises:
        UserError: there is no head, or it is not for this target.
    """
    shape = replace(parse_tree(options.tree), confidence=options.confidence)
    if options.head is None:
        raise UserError("speculation eagle3", got="no draft head", expected="a trained one: --draft-head DIR")
    head = load_head(options.head, target, precision=options.precision, allow_pickle=options.allow_pickle)
    return Eagle3Drafter(head, shape)


class Eagle3Drafter:
    """Proposes chains and trees with a head.

    With n tokens known, the last of which the target has not read, there are features of n - 1 of them, and
    as many entries in the head's cache once it is up to date.
    """

    def __init__(self, head: Head, shape: TreeShape):
        self.head, self.shape, self.most = head, shape, shape.nodes
        self.taps, self.trained_context = head.config.taps, head.config.trained_context
        self.bytes_read = 0
        self._vocabulary = frozenset(head.target_ids.tolist())
        self._cache = head.new_cache()
        self._fused = head.embedding.new_empty((0, head.config.decoder.hidden))
        self._features = 0
        self.reset()

    def reset(self) -> None:
        self._tokens: list[int] = []
        self._features = 0
        self._cache.truncate(0)
        # The head's output for its last entry.
        self._hidden: Tensor | None = None
        self._logits: Tensor | None = None

    def prime(self, prefix: Sequence[int], features: Tensor) -> None:
        start = len(prefix) - 1 - len(features)
        assert 0 <= start <= self._features
        limit = min(len(self._tokens), len(prefix))
        common = next((i for i in range(limit) if self._tokens[i] != prefix[i]), limit)
        # Entry i holds token i + 1.
        self._cache.truncate(min(self._cache.length, max(common - 1, 0), start))
        self._features = start
        self._tokens = list(prefix)
        self._keep(features)
        self._advance()

    def can_draft(self, token: int) -> bool:
        return token in self._vocabulary

    def accept(self, tokens: Sequence[int], features: Tensor) -> None:
        self._tokens.extend(tokens)
        self._keep(features)

    def propose(self, budget: int) -> TokenTree:
        self.bytes_read = 0
        self._advance()
        assert self._hidden is not None
        assert self._logits is not None
        shape = replace(self.shape, depth=min(self.shape.depth, budget), nodes=min(self.shape.nodes, budget))
        tree, forwards = grow(self.head, self._cache, self._hidden, self._logits, shape)
        self.bytes_read += forwards * (self.head.forward_bytes + self._cache.bytes_read(0))
        return tree

    def _keep(self, features: Tensor) -> None:
        need = self._features + len(features)
        if need > len(self._fused):
            grown = self._fused.new_empty((max(need, 2 * len(self._fused)), self._fused.shape[1]))
            grown[: self._features] = self._fused[: self._features]
            self._fused = grown
        self._fused[self._features : need] = self.head.fuse(features)
        self._features = need
        assert self._features == len(self._tokens) - 1

    def _advance(self) -> None:
        """Bring the head's cache up to date with the target's features."""
        first, last = self._cache.length, self._features
        if first == last:
            return
        tokens = torch.tensor(self._tokens[first + 1 : last + 1], device=self._fused.device)
        blocks = zip(self._fused[first:last].split(PREFILL_ROWS), tokens.split(PREFILL_ROWS), strict=True)
        for hidden, block in blocks:
            self.bytes_read += self.head.forward_bytes + self._cache.bytes_read(len(block))
            self._hidden, self._logits = self.head.forward(hidden, block, self._cache, last_only=True)
        self.bytes_read += self.head.fuse_bytes
