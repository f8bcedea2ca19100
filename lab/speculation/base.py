"""The contract of a drafter."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from typing import Any, Protocol

from lab.speculation import DRAFTERS
from lab.speculation.tree import TokenTree


class Drafter(Protocol):
    """Proposes tokens that the target may accept. One instance follows one session.

    Attributes:
        bytes_read: bytes of draft weights and draft cache that the last proposal read.
    """

    bytes_read: int

    def prime(self, prefix: Sequence[int]) -> None:
        """Start a call from `prefix`, the prompt and the first generated token."""
        ...

    def propose(self, budget: int) -> TokenTree:
        """At most `budget` tokens to follow the last known one; an empty tree means a plain step."""
        ...

    def accept(self, tokens: Sequence[int]) -> None:
        """The tokens that the target emitted for the last proposal."""
        ...

    def reset(self) -> None:
        """Forget the session."""
        ...


def load_drafter(name: str, **options: Any) -> Drafter | None:
    """The drafter called `name`; None for speculation `none`."""
    if name == "none":
        return None
    module, _, attribute = DRAFTERS[name].partition(":")
    made: Drafter = getattr(importlib.import_module(module), attribute)(**options)
    return made
