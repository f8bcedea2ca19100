"""One recorded session on one engine: teacher-forced, call by call.

Every call is prompted with the recorded history, so all arms see the same contexts.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator
from dataclasses import dataclass

from lab.engines.base import Decoding, Engine, Prompt
from lab.records import CallRecord, ReplayMode
from lab.scoring import score_call
from lab.session import Call, Session


@dataclass(frozen=True, slots=True)
class ReplaySettings:
    """How sessions are replayed; `wire_family` is how the model writes tool calls, `step_cap` the most calls
    of a live session (None: twice the recorded ones)."""

    wire_family: str
    max_tokens: int | None = None
    temperature: float = 0.0
    top_p: float = 1.0
    top_k: int = 0
    seed: int = 0
    mode: ReplayMode = "teacher-forced"
    step_cap: int | None = None

    def decoding(self, session: Session, index: int) -> Decoding:
        """The call's decoding parameters; its seed is the same in every arm and round."""
        call = session.calls[index]
        limit = call.max_tokens if self.max_tokens is None else min(call.max_tokens, self.max_tokens)
        identity = f"{self.seed}/{session.id}/{index}".encode()
        seed = int.from_bytes(hashlib.sha256(identity).digest()[:7])
        return Decoding(limit, self.temperature, self.top_p, self.top_k, seed)


def prompt_of(session: Session, call: Call) -> Prompt:
    """The request of one call: the recorded history and the tools visible there."""
    return Prompt(session.history(call), session.catalog(call))


def replay(
    session: Session, engine: Engine, settings: ReplaySettings, *, cell_id: str, round_: int, start: int = 0
) -> Iterator[CallRecord]:
    """Replay `session` from call `start` on; one record a call, when it is finished.

    A session starts with an empty cache. When one is resumed, the prompt of the last finished call is
    put into the cache first, so that the next call finds what it would have found.
    """
    engine.reset()
    if start:
        before = settings.decoding(session, start - 1)
        primer = Decoding(max_tokens=1, seed=before.seed)
        engine.generate(prompt_of(session, session.calls[start - 1]), primer)
    for index in range(start, len(session.calls)):
        entered = time.perf_counter()
        call = session.calls[index]
        prompt, params = prompt_of(session, call), settings.decoding(session, index)
        started_at, begin = time.time(), time.perf_counter()
        generation = engine.generate(prompt, params)
        end = time.perf_counter()
        score = score_call(generation.text, generation.finish_reason, session, call, settings.wire_family)
        lab_s = (begin - entered) + (time.perf_counter() - end)
        yield CallRecord(
            cell_id=cell_id,
            round=round_,
            session_id=session.id,
            call_index=index,
            cold=index == 0,
            started_at=started_at,
            wall_s=end - begin,
            lab_s=lab_s,
            generation=generation,
            score=score,
        )
