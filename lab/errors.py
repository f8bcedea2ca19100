"""The one error a user sees: what was wrong, what was got, what is expected, and what to do."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class UserError(Exception):
    """A mistake or a limit the user can do something about; the command line prints it and exits with 2.

    Args:
        what: the field, file or act that went wrong.
        got: the offending value, shown as it was given.
        expected: what would have been accepted.
        hint: what to do now.
    """

    def __init__(
        self, what: str, *, got: object = None, expected: str | None = None, hint: str | None = None
    ):
        self.what, self.got, self.expected, self.hint = what, got, expected, hint
        parts = [what]
        if got is not None:
            parts.append(f"got {got}" if isinstance(got, str) else f"got {got!r}")
        if expected is not None:
            parts.append(f"expected {expected}")
        text = ": ".join([parts[0], ", ".join(parts[1:])]) if len(parts) > 1 else what
        super().__init__(f"{text}. {hint}" if hint else f"{text}.")


def did_you_mean(got: str, known: Iterable[str]) -> str | None:
    """`Did you mean 'x'?` for the known word nearest to `got`, or None if none is near."""
    near = difflib.get_close_matches(got, list(known), n=1, cutoff=0.5)
    return f"Did you mean {near[0]!r}?" if near else None
