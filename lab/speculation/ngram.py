"""Prompt lookup: what followed the last few tokens when they last occurred, in prompt or output.

The method of prompt-lookup decoding (Saxena, 2023) and of the n-gram drafters of vLLM and transformers: no
draft model, and no cost but a dictionary. Agent sessions repeat names, identifiers and JSON keys, which is
what it finds.
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from lab.models.decoder import Decoder
from lab.speculation.options import DraftOptions
from lab.speculation.tree import TokenTree


def make(options: DraftOptions, _target: Decoder) -> NgramDrafter:
    """As `DRAFTERS` names it."""
    return NgramDrafter(options.tokens)


class NgramDrafter:
    """Proposes a chain.

    Args:
        most: its length at most.
        longest, shortest: lengths of the n-grams that are looked up, the longest first.
    """

    taps = ()
    trained_context = None
    bytes_read = 0

    def __init__(self, most: int = 8, longest: int = 4, shortest: int = 2):
        self.most, self.longest = most, longest
        self._sizes = range(longest, shortest - 1, -1)
        self.reset()

    def reset(self) -> None:
        self._tokens: list[int] = []
        # n-gram -> index behind its latest occurrence that has something behind it.
        self._behind: dict[tuple[int, ...], int] = {}
        self._indexed = 0

    def prime(self, prefix: Sequence[int], features: Tensor | None = None) -> None:  # noqa: ARG002
        known = self._tokens
        if list(prefix[: len(known)]) != known:
            self.reset()
        self.accept(prefix[len(self._tokens) :])

    def can_draft(self, _token: int) -> bool:
        return True

    def accept(self, tokens: Sequence[int], features: Tensor | None = None) -> None:  # noqa: ARG002
        self._tokens.extend(tokens)
        # An n-gram is entered once its successor is known, so the end of the text never finds itself.
        for end in range(self._indexed + 1, len(self._tokens)):
            for size in self._sizes:
                if end >= size:
                    self._behind[tuple(self._tokens[end - size : end])] = end
        self._indexed = max(self._indexed, len(self._tokens) - 1)

    def propose(self, budget: int) -> TokenTree:
        for size in self._sizes:
            start = self._behind.get(tuple(self._tokens[-size:])) if len(self._tokens) >= size else None
            if start is not None:
                return TokenTree.chain(self._tokens[start : start + budget])
        return TokenTree.chain(())
