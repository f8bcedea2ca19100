"""The training loop that all trainings share: steps, log, checkpoints, exact resume."""

from __future__ import annotations

import json
import math
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Generic, Protocol, TypeVar

import torch
from torch import Tensor

from lab.errors import UserError
from lab.paths import write_atomically
from lab.train import checkpoint
from lab.train.checkpoint import Progress

CHECKPOINT, LOG = "checkpoint.safetensors", "log.jsonl"

# Validations in the course of a training, evenly spread; the last one is at its end.
_VALIDATIONS = 10


class Schedule(Protocol):
    """What the loop needs of a training's configuration: peak rate, share of warm-up, largest gradient."""

    @property
    def lr(self) -> float: ...
    @property
    def warmup(self) -> float: ...
    @property
    def clip(self) -> float: ...


class Batch(Protocol):
    """What one forward computes: `tokens` are read, `learnt` of them are to be predicted."""

    @property
    def tokens(self) -> int: ...
    @property
    def learnt(self) -> int: ...


C = TypeVar("C", bound=Schedule)
F = TypeVar("F")
B = TypeVar("B", bound=Batch)


@dataclass(frozen=True, slots=True)
class StepLog:
    """One line of the log.

    Attributes:
        step: optimizer steps done, this one included; `steps` there are in all.
        loss: mean cross-entropy (nats) over the learnt tokens of this step, before its update.
        validation_loss: the same over the validation sessions, after the update; None where not measured.
        gradient: norm before clipping.
        tokens: read in this step, a beginning that sequences share once; `learnt` of them were predicted.
        seconds: training time up to and with this step, over all runs, without validation.
    """

    step: int
    steps: int
    loss: float
    validation_loss: float | None
    gradient: float
    lr: float
    tokens: int
    learnt: int
    seconds: float
    tokens_per_s: float


def learning_rate(step: int, steps: int, config: Schedule) -> float:
    """Of step `step` (from 0) of `steps`: linear warm-up, then a half cosine, zero at `steps`."""
    warm = max(1, round(config.warmup * steps))
    if step < warm:
        return config.lr * (step + 1) / warm
    return config.lr * 0.5 * (1 + math.cos(math.pi * (step - warm + 1) / (steps - warm + 1)))


class Loop(ABC, Generic[C, F, B]):
    """A training of some weights: of a configuration, forwards and the batches made of them.

    A subclass calls `_begin` when everything that draws from the random generators is drawn.

    Attributes:
        steps: what every optimizer step computes, forward by forward; a forward is places of the data.
    """

    steps: Sequence[Sequence[F]]
    config: C
    device: torch.device

    def _begin(
        self, weights: dict[str, torch.nn.Parameter], betas: tuple[float, float] = (0.9, 0.999)
    ) -> None:
        self._weights = weights
        self._rng = checkpoint.rng_state(self.device)
        self._optimizer = torch.optim.AdamW(
            weights.values(), lr=self.config.lr, betas=betas, weight_decay=0.0, fused=True
        )

    @abstractmethod
    def _batches(self, step: int) -> list[B]:
        """What step `step` computes."""

    @abstractmethod
    def _loss(self, batch: B) -> Tensor:
        """Sum of the loss (nats) over the batch's learnt tokens."""

    @abstractmethod
    def validation_loss(self) -> float | None:
        """Mean loss over held-out data, without dropout; None if there is none."""

    @abstractmethod
    def _mode(self, training: bool) -> None:
        """Switch dropout."""

    def run(
        self,
        folder: Path,
        *,
        stop: Callable[[], bool],
        tell: Callable[[StepLog], None] = lambda _: None,
        visit: Callable[[Progress], bool] = lambda _: True,
        checkpoint_s: float = 300.0,
    ) -> bool:
        """Train from the folder's checkpoint, or from the start, to the last step; whether it was reached.

        A checkpoint is written every `checkpoint_s` seconds and when the training ends or stops.

        Args:
            stop: asked before every forward; True gives up the step that has begun, and checkpoints.
            tell: called after every step.
            visit: called with what is done before the first step (or the first after resuming) and after
                every step; False stops the training there. It cannot change the training's course.

        Raises:
            UserError: the loss is no longer finite, the folder cannot be written, or its checkpoint is
                damaged.
        """
        path = folder / CHECKPOINT
        if path.is_file():
            progress = checkpoint.load(path, self._weights, self._optimizer, self.device)
        else:
            progress = Progress()
            checkpoint.set_rng_state(self._rng, self.device)
        _cut_log(folder / LOG, progress.step)
        saved = time.monotonic()
        with (folder / LOG).open("a", encoding="utf-8") as log:
            while True:
                rng = checkpoint.rng_state(self.device)
                going = visit(progress)
                checkpoint.set_rng_state(rng, self.device)
                if going and progress.step == len(self.steps):
                    return True
                line = self._step(progress, stop) if going else None
                if line is None:
                    self._save(path, progress, rng)
                    return False
                log.write(json.dumps(asdict(line)) + "\n")
                log.flush()
                tell(line)
                progress = Progress(line.step, progress.tokens + line.tokens, line.seconds)
                if time.monotonic() - saved >= checkpoint_s or line.step == len(self.steps):
                    self._save(path, progress, checkpoint.rng_state(self.device))
                    saved = time.monotonic()

    def _step(self, progress: Progress, stop: Callable[[], bool]) -> StepLog | None:
        """One optimizer step; None if it was given up, which leaves weights and optimizer as they were."""
        began = time.perf_counter()
        batches = self._batches(progress.step)
        learnt = sum(batch.learnt for batch in batches)
        self._mode(training=True)
        self._optimizer.zero_grad()
        loss = 0.0
        for batch in batches:
            if stop():
                return None
            part = self._loss(batch) / learnt
            part.backward()
            loss += part.item()
        norm = torch.nn.utils.clip_grad_norm_(self._weights.values(), self.config.clip).item()
        if not (math.isfinite(loss) and math.isfinite(norm)):
            raise UserError(
                f"the training diverged at step {progress.step + 1}",
                got=f"loss {loss}, gradient {norm}",
                hint="Begin again in another --out with a lower --lr.",
            )
        lr = learning_rate(progress.step, len(self.steps), self.config)
        for group in self._optimizer.param_groups:
            group["lr"] = lr
        self._optimizer.step()
        seconds = time.perf_counter() - began
        tokens = sum(batch.tokens for batch in batches)
        line = StepLog(
            step=progress.step + 1,
            steps=len(self.steps),
            loss=loss,
            validation_loss=None,
            gradient=norm,
            lr=lr,
            tokens=tokens,
            learnt=learnt,
            seconds=progress.seconds + seconds,
            tokens_per_s=tokens / seconds,
        )
        every = math.ceil(len(self.steps) / _VALIDATIONS)
        if line.step % every == 0 or line.step == len(self.steps):
            self._mode(training=False)
            with torch.no_grad():
                line = replace(line, validation_loss=self.validation_loss())
        return line

    def _save(self, path: Path, progress: Progress, rng: checkpoint.Rng) -> None:
        checkpoint.save(path, self._weights, self._optimizer, progress, rng)


def read_log(folder: Path) -> list[StepLog]:
    """The steps that the folder's log holds."""
    return [StepLog(**json.loads(line)) for line in whole_lines(folder / LOG)]


def whole_lines(path: Path) -> list[str]:
    """The lines of a file, if there is one, but a last one that was cut off while it was written."""
    return path.read_text(encoding="utf-8").split("\n")[:-1] if path.is_file() else []


def _cut_log(path: Path, step: int) -> None:
    """Drop what was logged after the checkpoint: it is trained again."""
    if path.is_file():
        kept = [line for line in whole_lines(path) if json.loads(line)["step"] <= step]
        write_atomically(path, "".join(f"{line}\n" for line in kept))
