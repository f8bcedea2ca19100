"""Tool-call text -> parsed calls -> matching -> the score ladder.

`parse` reads a reply in the wire format its model declares; `score_call` puts it beside what the session
expects and says how far up the ladder it gets; `session_success` and `first_error` sum up a session.
docs/scoring.md describes the rules. Nothing here needs a model or torch.
"""

from __future__ import annotations

from lab.scoring.ladder import ERRORS, first_error, score_call, session_success
from lab.scoring.parsing import FAMILIES, Parsed, parse
from lab.scoring.wire.base import ParsedCall

__all__ = [
    "ERRORS",
    "FAMILIES",
    "Parsed",
    "ParsedCall",
    "first_error",
    "parse",
    "score_call",
    "session_success",
]
