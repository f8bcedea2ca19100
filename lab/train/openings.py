"""Sessions that end behind their first reply.

What a request means is decided at the first reply; those that follow have a call and its result before them,
and are easier. So short sessions teach more of what is hard for the same number of tokens.
"""

from __future__ import annotations

import random
from collections.abc import Iterable

from lab.session import Session


def openings(sessions: Iterable[Session], share: float, seed: int) -> list[Session]:
    """The sessions in their order, a share of them with their first call only.

    Which ones is a function of a session's id and the seed.
    """
    return [
        session.model_copy(update={"calls": session.calls[:1]})
        if random.Random(f"{seed}/openings/{session.id}").random() < share
        else session
        for session in sessions
    ]
