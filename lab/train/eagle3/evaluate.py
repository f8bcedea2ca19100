"""Accepted length on held-out sessions in the course of a head's training."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from lab.engines.native import NativeEngine
from lab.replay import ReplaySettings, replay
from lab.session import Session
from lab.speculation.eagle3.checkpoint import load_head
from lab.speculation.eagle3.drafter import Eagle3Drafter
from lab.speculation.options import parse_tree
from lab.train.checkpoint import Progress
from lab.train.eagle3.trainer import HeadTrainer
from lab.train.evaluate import Evaluations


@dataclass(frozen=True, slots=True)
class HeadEvaluation:
    """One line of `evaluations.jsonl`.

    Attributes:
        step: optimizer steps done.
        tokens: read until then.
        tree: shape of the drafts.
        verify_steps, emitted: of the replay; accepted length is emitted per verify step.
        seconds: the replay took.
    """

    step: int
    tokens: int
    tree: str
    verify_steps: int
    emitted: int
    seconds: float

    @property
    def accepted_length(self) -> float:
        """Tokens emitted per verify step."""
        return self.emitted / self.verify_steps


class HeadEvaluator(Evaluations[HeadEvaluation]):
    """Drafts with the head as it is, for the target that it is trained for.

    Args:
        engine: of the target; its drafter is replaced.
        tree: shape of the drafts.
        stop: asked before every call; True gives the evaluation up.
    """

    def __init__(
        self,
        trainer: HeadTrainer,
        engine: NativeEngine,
        sessions: Sequence[Session],
        folder: Path,
        *,
        wire_family: str,
        tree: str,
        times: int,
        stop: Callable[[], bool],
        tell: Callable[[HeadEvaluation], None] = lambda _: None,
    ):
        times = times if sessions else 0
        super().__init__(len(trainer.steps), HeadEvaluation, folder, times=times, tell=tell)
        # Of an untrained head nothing is accepted, and finding that out takes longest.
        self._due.discard(0)
        self._trainer, self._engine, self._sessions = trainer, engine, sessions
        self._settings, self._tree, self._stop = ReplaySettings(wire_family), tree, stop

    def _evaluate(self, progress: Progress, temporary: Path) -> HeadEvaluation | None:
        self._trainer.save_head(temporary / "head")
        head = load_head(temporary / "head", self._engine.decoder)
        self._engine.use(Eagle3Drafter(head, parse_tree(self._tree)))
        began = time.perf_counter()
        verified = emitted = 0
        for session in self._sessions:
            for record in replay(session, self._engine, self._settings, cell_id="evaluation", round_=1):
                if self._stop():
                    return None
                steps = [step for step in record.generation.steps if step.kind == "verify"]
                verified += len(steps)
                emitted += sum(step.emitted for step in steps)
        seconds = time.perf_counter() - began
        return HeadEvaluation(progress.step, progress.tokens, self._tree, max(verified, 1), emitted, seconds)
