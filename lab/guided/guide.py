"""The grammar at work: which tokens may come next, at the end of the output and below every drafted token."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from llguidance import LLMatcher, LLTokenizer
from numpy.typing import NDArray
from torch import Tensor

from lab.errors import UserError
from lab.guided.grammar import lark
from lab.speculation.tree import ROOT, TokenTree

Bits = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Masks:
    """What may follow each row of a step, the root's first: uint8 [rows, vocabulary], 1 where forbidden."""

    forbidden: Tensor

    def apply(self, logits: Tensor) -> None:
        """Push the forbidden logits down, in place, to where no softmax sees them.

        They stay finite, and so does the lead over them of a token that is the only one allowed.
        """
        logits.sub_(self.forbidden.to(logits.device), alpha=torch.finfo(logits.dtype).max)


class Guide:
    """Follows one reply.

    Args:
        matcher: at the grammar's beginning; it is this guide's alone until the next one is made of it.
        vocabulary: the width of the logits.
        stop_ids: the tokens that end a turn. They are allowed where the grammar may end, and the matcher
            never sees them.
    """

    def __init__(self, matcher: LLMatcher, vocabulary: int, stop_ids: Iterable[int]):
        self._matcher, self._vocabulary, self._stop_ids = matcher, vocabulary, sorted(stop_ids)
        self._taken = 0

    def follow(self, output: Sequence[int], tree: TokenTree) -> tuple[TokenTree, Masks]:
        """Go on to the end of `output`, all the reply's tokens so far; what may follow there, and in `tree`.

        Returns:
            The tree without the tokens that the grammar forbids and what hangs below them, and the masks of
            its root and nodes.

        Raises:
            RuntimeError: the output has a forbidden token, or the grammar outgrew llguidance's limits.
        """
        for token in output[self._taken :]:
            self._consume(token)
        self._taken = len(output)
        rows: dict[int, Bits] = {}
        self._walk(tree, ROOT, rows)
        kept = sorted(rows)
        index = {node: place for place, node in enumerate(kept, start=ROOT)}
        cut = TokenTree(
            tuple(tree.tokens[node] for node in kept[1:]),
            tuple(index[tree.parents[node]] for node in kept[1:]),
        )
        packed = ~np.stack([rows[node] for node in kept])
        forbidden = np.unpackbits(packed, axis=1, count=self._vocabulary, bitorder="little")
        return cut, Masks(torch.from_numpy(forbidden))

    def _walk(self, tree: TokenTree, node: int, rows: dict[int, Bits]) -> None:
        """Enter the bits of `node`, where the matcher stands, and of all that is allowed below it."""
        bits = rows[node] = self._bits()
        for child in tree.children(node):
            token = tree.tokens[child]
            if not _has(bits, token):
                continue
            if token in self._stop_ids:
                rows[child] = bits  # The reply ends here: what the row says is drawn and dropped.
                continue
            self._consume(token)
            self._walk(tree, child, rows)
            self._matcher.rollback(1)

    def _bits(self) -> Bits:
        """The allowed tokens, packed, the lowest bit first."""
        bits = np.frombuffer(bytearray(self._matcher.compute_bitmask()), np.uint8)
        self._check()
        may_stop = self._matcher.is_accepting()
        for token in self._stop_ids:
            place = np.uint8(1 << token % 8)
            bits[token // 8] = bits[token // 8] | place if may_stop else bits[token // 8] & ~place
        return bits

    def _consume(self, token: int) -> None:
        self._matcher.consume_token(token)
        self._check()

    def _check(self) -> None:
        if self._matcher.is_error():
            raise RuntimeError(f"the grammar of the reply failed: {self._matcher.get_error()}")


class Guides:
    """Makes the guides of an engine; keeps the grammars of a session's catalogs compiled.

    Args:
        tokenizer: the tokenizers library's serialization (tokenizer.json).
        vocabulary: the width of the logits; the tokenizer may know fewer tokens, not more.
        stop_id: one of the tokens that end a turn.
        family: one of `lab.guided.grammar.FAMILIES`.
    """

    def __init__(self, tokenizer: str, vocabulary: int, stop_id: int, family: str):
        added = json.loads(tokenizer)["added_tokens"]
        self._special = {token["content"]: token["id"] for token in added if token["special"]}
        self._tokenizer = LLTokenizer(tokenizer, n_vocab=vocabulary, eos_token=stop_id)
        self._vocabulary, self._family = vocabulary, family
        self._matchers: dict[str, LLMatcher] = {}

    def start(self, tools: Sequence[Mapping[str, Any]], stop_ids: Iterable[int]) -> Guide:
        """A guide for one reply under this catalog; the one before it is at its end.

        Raises:
            UserError: a schema that a grammar cannot hold a call to.
        """
        catalog = json.dumps(tools)
        if catalog not in self._matchers:
            self._matchers[catalog] = self._compile(tools)
        matcher = self._matchers[catalog]
        matcher.reset()
        return Guide(matcher, self._vocabulary, stop_ids)

    def reset(self) -> None:
        """Forget the session's grammars."""
        self._matchers.clear()

    def _compile(self, tools: Sequence[Mapping[str, Any]]) -> LLMatcher:
        # A catalog is judged tool by tool only where it is refused, to name the tool.
        matcher = LLMatcher(self._tokenizer, lark(self._family, tools, self._special), log_level=0)
        if not matcher.is_error():
            return matcher
        if len(tools) > 1:
            for tool in tools:
                self._compile([tool])
        name = tools[0]["function"]["name"] if len(tools) == 1 else "all together"
        raise UserError(
            f"guided decoding: the schema of tool {name!r}",
            got=matcher.get_error().splitlines()[0],
            expected="what llguidance makes a grammar of",
            hint="Rewrite the schema, or run this scenario with --guided off.",
        )


def _has(bits: Bits, token: int) -> bool:
    return bool(bits[token // 8] >> token % 8 & 1)
