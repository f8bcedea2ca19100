"""Tool calling in the course of a training: now and then the held-out sessions are replayed and scored.

The model is merged as it will be in the end, run by the native engine in bf16 and judged by the lab's own
scoring, teacher-forced.
"""

from __future__ import annotations

import json
import tempfile
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Generic, TypeVar

from lab.engines.base import EngineConfig
from lab.engines.native import NativeEngine
from lab.replay import ReplaySettings, prompt_of, replay
from lab.session import Session
from lab.train.checkpoint import Progress
from lab.train.loop import whole_lines
from lab.train.merge import merge_adapter
from lab.zoo.resolve import ModelFiles

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

    from lab.train.adapter import Trainer

EVALUATIONS = "evaluations.jsonl"


@dataclass(frozen=True, slots=True)
class Evaluation:
    """One line of `evaluations.jsonl`.

    Attributes:
        step: optimizer steps done; 0 is the base model.
        tokens: read until then, without padding.
        calls: replayed calls that expect something; `parse_ok` and `args_ok` of them are so.
        seconds: the replay took.
    """

    step: int
    tokens: int
    calls: int
    parse_ok: int
    args_ok: int
    seconds: float


E = TypeVar("E", bound="DataclassInstance")


class Evaluations(ABC, Generic[E]):
    """Evaluates before the first step and `times` times evenly, the last time at the end.

    Args:
        steps: of the training.
        kind: of a line.
        folder: the training's; evaluations that it holds already are not repeated.
        tell: called after every evaluation.
    """

    def __init__(self, steps: int, kind: type[E], folder: Path, *, times: int, tell: Callable[[E], None]):
        self._folder, self._tell = folder, tell
        due = {round(part * steps / times) for part in range(times + 1)} if times else set()
        self._due = due - {found.step for found in read_evaluations(folder, kind)}  # type: ignore[attr-defined]

    def __call__(self, progress: Progress) -> bool:
        """Evaluate if it is time to; False if that was given up."""
        if progress.step not in self._due:
            return True
        with tempfile.TemporaryDirectory(dir=self._folder) as temporary:
            found = self._evaluate(progress, Path(temporary))
        if found is None:
            return False
        with (self._folder / EVALUATIONS).open("a", encoding="utf-8") as lines:
            lines.write(json.dumps(asdict(found)) + "\n")
        self._due.discard(progress.step)
        self._tell(found)
        return True

    @abstractmethod
    def _evaluate(self, progress: Progress, temporary: Path) -> E | None:
        """One evaluation; None if it was given up."""


class Evaluator(Evaluations[Evaluation]):
    """Evaluates a trainer's model on held-out sessions.

    Args:
        sessions: without any, nothing is evaluated.
        stop: asked before every call; True gives the evaluation up.
    """

    def __init__(
        self,
        trainer: Trainer,
        base: ModelFiles,
        sessions: Sequence[Session],
        folder: Path,
        *,
        times: int,
        stop: Callable[[], bool],
        tell: Callable[[Evaluation], None] = lambda _: None,
    ):
        steps, times = len(trainer.steps), times if sessions else 0
        super().__init__(steps, Evaluation, folder, times=times, tell=tell)
        self._trainer, self._base, self._sessions, self._stop = trainer, base, sessions, stop

    def _evaluate(self, progress: Progress, temporary: Path) -> Evaluation | None:
        """Raises:
        UserError: a prompt does not fit the model's context; at step 0, so before anything is trained.
        """
        model = self._base.path
        if progress.step:
            self._trainer.save_adapter(temporary / "adapter")
            model = merge_adapter(model, temporary / "adapter", temporary / "merged")
        return self._replay(model, progress)

    def _replay(self, model: Path, progress: Progress) -> Evaluation | None:
        engine = NativeEngine(EngineConfig(model, precision="bf16", device=str(self._trainer.device)))
        settings = ReplaySettings(self._base.wire_family)
        for session in self._sessions:
            for index, call in enumerate(session.calls):
                engine.check(prompt_of(session, call), settings.decoding(session, index))
        began = time.perf_counter()
        scores = []
        for session in self._sessions:
            for record in replay(session, engine, settings, cell_id="evaluation", round_=1):
                if self._stop():
                    return None
                scores += [] if record.score is None else [record.score]
        return Evaluation(
            step=progress.step,
            tokens=progress.tokens,
            calls=len(scores),
            parse_ok=sum(score.parse_ok for score in scores),
            args_ok=sum(score.args_ok for score in scores),
            seconds=time.perf_counter() - began,
        )


def read_evaluations(folder: Path, kind: type[E]) -> list[E]:
    """What the folder's training has evaluated, in order; a line that was cut off is left out."""
    path = folder / EVALUATIONS
    return [kind(**json.loads(line)) for line in whole_lines(path)]
