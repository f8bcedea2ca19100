"""The contract of a drafter."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from typing import Protocol

from torch import Tensor

from lab.models.decoder import Decoder
from lab.speculation import DRAFTERS
from lab.speculation.options import DraftOptions
from lab.speculation.tree import TokenTree


class Drafter(Protocol):
    """Proposes tokens that the target may accept. One instance follows one session.

    Attributes:
        most: tokens that a proposal has at most.
        taps: layers of the target whose entering hidden states the drafter wants as features; without any
            it gets none.
        trained_context: positions that it was trained on, where acceptance falls beyond; else None.
        bytes_read: bytes of draft weights and draft cache that the last proposal read.
    """

    most: int
    taps: tuple[int, ...]
    bytes_read: int

    @property
    def trained_context(self) -> int | None: ...

    def prime(self, prefix: Sequence[int], features: Tensor) -> None:
        """Start a call from `prefix`, the prompt and the first generated token.

        Args:
            features: [n, taps * hidden], of the n tokens before the last one; of the tokens before those
                the last call's still hold.
        """
        ...

    def propose(self, budget: int) -> TokenTree:
        """At most `budget` tokens to follow the last known one; an empty tree means a plain step."""
        ...

    def can_draft(self, token: int) -> bool:
        """Whether the token is in the drafter's vocabulary."""
        ...

    def accept(self, tokens: Sequence[int], features: Tensor) -> None:
        """The n tokens that the target emitted for the last proposal.

        Args:
            features: [n, taps * hidden], of the tokens that led to them: the root, then all but the last.
        """
        ...

    def reset(self) -> None:
        """Forget the session."""
        ...


def load_drafter(name: str, options: DraftOptions, target: Decoder) -> Drafter | None:
    """The drafter called `name` for `target`; None for speculation `none`.

    Raises:
        UserError: what it is made from is missing, or made for another target.
    """
    if name == "none":
        return None
    module, _, attribute = DRAFTERS[name].partition(":")
    made: Drafter = getattr(importlib.import_module(module), attribute)(options, target)
    return made
