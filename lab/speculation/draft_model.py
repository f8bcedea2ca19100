"""A second, smaller model as drafter: greedy chains (Leviathan et al., arXiv 2211.17192).

`layers-N` in place of a model takes the target's own first N layers, with its norm and head: an early exit
that needs no second checkpoint and shares the target's weights.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Sequence

import torch
from torch import Tensor

from lab.errors import UserError
from lab.models.checkpoint import load_decoder
from lab.models.decoder import PREFILL_ROWS, Decoder
from lab.precision.base import load_precision
from lab.speculation.options import DraftOptions
from lab.speculation.tree import TokenTree

_EARLY_EXIT = re.compile(r"layers-([1-9]\d*)")


def make(options: DraftOptions, target: Decoder) -> ModelDrafter:
    """As `DRAFTERS` names it.

    Raises:
        UserError: there is no draft model, it has another vocabulary, or the target has not so many layers.
    """
    if options.model is None:
        raise UserError(
            "speculation draft-model",
            got="no draft model",
            expected="--draft-model: a smaller model with the same tokenizer, or layers-N of the target",
        )
    found = _EARLY_EXIT.fullmatch(str(options.model))
    draft = early_exit(target, int(found[1])) if found else _load(options, target)
    return ModelDrafter(draft, options.tokens)


def early_exit(target: Decoder, layers: int) -> Decoder:
    """The target cut after so many layers; it shares the target's weights.

    Raises:
        UserError: the target has no more layers than that.
    """
    if layers >= target.config.layers:
        raise UserError(
            "draft model", got=f"layers-{layers}", expected=f"fewer than the target's {target.config.layers}"
        )
    config = dataclasses.replace(target.config, layers=layers)
    return Decoder(config, target.embedding, target.layers[:layers], target.norm, target.head, target.kernels)


def _load(options: DraftOptions, target: Decoder) -> Decoder:
    assert options.model is not None
    name = "fp32" if target.embedding.dtype == torch.float32 else "bf16"
    draft = load_decoder(options.model, load_precision(name, {}), target.device)
    if draft.config.vocabulary != target.config.vocabulary:
        raise UserError(
            f"draft model {options.model}: vocabulary",
            got=draft.config.vocabulary,
            expected=f"{target.config.vocabulary}, as its target has",
            hint="Both must have the same tokenizer.",
        )
    return draft


class ModelDrafter:
    """Proposes what the draft model would say.

    Args:
        most: tokens of a chain at most.
    """

    taps = ()
    trained_context = None

    def __init__(self, draft: Decoder, most: int):
        self.draft, self.most, self.bytes_read = draft, most, 0
        self._cache = draft.new_cache()
        self.reset()

    def reset(self) -> None:
        self._tokens: list[int] = []
        # The tokens in the draft's cache, among them drafts that were not accepted.
        self._read: list[int] = []
        self._cache.truncate(0)

    def prime(self, prefix: Sequence[int], _features: Tensor) -> None:
        self._tokens = list(prefix)
        self._forget()
        if self._room > 0:
            self._forward(self._tokens[len(self._read) : -1])

    def accept(self, tokens: Sequence[int], _features: Tensor) -> None:
        self._tokens.extend(tokens)
        self._forget()

    def can_draft(self, _token: int) -> bool:
        return True

    def propose(self, budget: int) -> TokenTree:
        self.bytes_read = 0
        drafted: list[int] = []
        pending = self._tokens[len(self._read) :]
        while len(drafted) < min(budget, self.most, self._room):
            logits = self._forward(pending)
            pending = [int(logits[-1].argmax())]
            drafted += pending
        return TokenTree.chain(drafted)

    @property
    def _room(self) -> int:
        """Tokens that the draft's own context, which may be the shorter one, has room for."""
        return self.draft.config.context - len(self._tokens)

    def _forget(self) -> None:
        """Keep of the cache what the known tokens begin with, but the last one."""
        limit = min(len(self._read), len(self._tokens) - 1)
        kept = next((i for i in range(limit) if self._read[i] != self._tokens[i]), limit)
        del self._read[kept:]
        self._cache.truncate(kept)

    def _forward(self, tokens: Sequence[int]) -> Tensor:
        logits = torch.empty(0)
        for block in torch.tensor(tokens, dtype=torch.int64, device=self.draft.device).split(PREFILL_ROWS):
            if not len(block):
                continue
            self.bytes_read += self.draft.forward_bytes(len(block)) + self._cache.bytes_read(len(block))
            logits = self.draft.forward(block, self._cache, last_only=True)
        self._read += tokens
        return logits
