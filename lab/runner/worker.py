"""The child process of one cell: it loads the engine once, warms it up, and replays what it is sent.

Messages to the worker: a `Task` or `Compare`, `ACK` after each record was stored, or None to end.
Messages from it: `Loading`, one `Ready` or `Refused`, then per task one CallRecord a call, in live replay the
session's OutcomeRecord, in a comparison a QualityRecord a session, and a `Done`.
"""

from __future__ import annotations

import os
import signal
import sys
import traceback
from collections.abc import Iterator, Sequence
from dataclasses import astuple, dataclass, replace
from multiprocessing.connection import Connection
from pathlib import Path

from lab.engines.base import Engine, EngineConfig, load_engine
from lab.errors import UserError
from lab.live import live
from lab.records import CallRecord, CellSetup, OutcomeRecord, QualityRecord
from lab.replay import ReplaySettings, prompt_of, replay
from lab.session import Session

ACK = "stored"

Record = CallRecord | OutcomeRecord | QualityRecord

# A warm-up ends when two calls in a row agree on the time per token this closely, or after so many calls.
_STABLE_WITHIN = 0.05
_WARMUP_CALLS = 4


@dataclass(frozen=True, slots=True)
class WorkerSpec:
    """Everything a worker needs to start. `log` takes what the process writes to stderr."""

    cell_id: str
    engine: str
    config: EngineConfig
    settings: ReplaySettings
    sessions: tuple[Session, ...]
    log: Path


@dataclass(frozen=True, slots=True)
class Task:
    """Replay one session from call `start` on. A live one has no other start than its first call."""

    round: int
    session_id: str
    start: int


@dataclass(frozen=True, slots=True)
class Compare:
    """Compare these sessions' next-token distributions with those of `reference`; None: the cell is it."""

    reference: EngineConfig | None
    session_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Loading:
    """Layers loaded so far."""

    done: int
    total: int


@dataclass(frozen=True, slots=True)
class Ready:
    """The engine is loaded and warm."""

    setup: CellSetup


@dataclass(frozen=True, slots=True)
class Refused:
    """The cell cannot run; `user_error` if the user can mend it before anything was measured."""

    reason: str
    user_error: bool


@dataclass(frozen=True, slots=True)
class Done:
    """The task's last record was stored."""


def work(spec: WorkerSpec, pipe: Connection) -> None:
    """The process's main function."""
    # Ctrl-C reaches the whole group; the parent decides what ends and when.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _send_stderr_to(spec.log)
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    try:
        engine = load_engine(spec.engine, spec.config, lambda done, total: pipe.send(Loading(done, total)))
        for session in spec.sessions:
            for index in range(len(session.calls)):
                _check(engine, session, index, spec)
        pipe.send(Ready(_warm_up(engine, spec)))
    except UserError as error:
        pipe.send(Refused(str(error), user_error=True))
        return
    while (task := pipe.recv()) is not None:
        for record in _records(engine, spec, task):
            pipe.send(record)
            if pipe.recv() != ACK:
                return
        pipe.send(Done())
    engine.close()


def main(spec: WorkerSpec, pipe: Connection) -> None:
    """`work`, with a crash told to the parent before the process ends."""
    try:
        work(spec, pipe)
    except (EOFError, BrokenPipeError):
        return  # The parent is gone.
    except BaseException as error:  # noqa: BLE001 - whatever it is, the parent stores it
        traceback.print_exc()
        pipe.send(
            Refused(
                f"{type(error).__name__}: {error}" if str(error) else type(error).__name__, user_error=False
            )
        )
        sys.exit(1)


def _records(engine: Engine, spec: WorkerSpec, task: Task | Compare) -> Iterator[Record]:
    if isinstance(task, Compare):
        return _compared(engine, spec, task)
    session = next(session for session in spec.sessions if session.id == task.session_id)
    if spec.settings.mode == "live":
        assert task.start == 0, "a world is not taken up in its middle"
        return live(session, engine, spec.settings, cell_id=spec.cell_id, round_=task.round)
    return replay(session, engine, spec.settings, cell_id=spec.cell_id, round_=task.round, start=task.start)


def _compared(engine: Engine, spec: WorkerSpec, task: Compare) -> Iterator[QualityRecord]:
    for session in spec.sessions:
        if session.id in task.session_ids:
            found = engine.quality(session, task.reference)
            if found is not None:
                yield QualityRecord(spec.cell_id, session.id, *astuple(found))


def _check(engine: Engine, session: Session, index: int, spec: WorkerSpec) -> None:
    try:
        engine.check(prompt_of(session, session.calls[index]), spec.settings.decoding(session, index))
    except UserError as error:
        raise UserError(f"session {session.id!r}, call {index}: {error}") from None


def _warm_up(engine: Engine, spec: WorkerSpec) -> CellSetup:
    """Replay the first session until the time per token is stable, and measure the margin noise on it."""
    session = spec.sessions[0]
    noise: list[float] = []
    per_token: list[float] = []
    cold_s = None
    for record in replay(session, engine, spec.settings, cell_id=spec.cell_id, round_=0):
        generation = record.generation
        cold_s = record.wall_s if cold_s is None else cold_s
        steps = sum(step.seconds for step in generation.steps)
        per_token.append(steps / max(1, len(generation.token_ids) - 1))
        call = session.calls[record.call_index]
        params = spec.settings.decoding(session, record.call_index)
        measured = engine.margin_noise(prompt_of(session, call), params, generation.token_ids)
        noise += [] if measured is None else [measured]
        if _stable(per_token) or len(per_token) == _WARMUP_CALLS:
            break
    engine.reset()
    setup = engine.setup()
    return replace(
        setup,
        logit_noise=max(noise, default=None),
        warmup_calls=len(per_token),
        facts={**setup.facts, "cold_call_s": cold_s},
    )


def _stable(per_token: Sequence[float]) -> bool:
    if len(per_token) < 2 or min(per_token[-2:]) == 0:
        return False
    return max(per_token[-2:]) / min(per_token[-2:]) <= 1 + _STABLE_WITHIN


def _send_stderr_to(log: Path) -> None:
    log.parent.mkdir(parents=True, exist_ok=True)
    target = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(target, 2)
    os.close(target)
