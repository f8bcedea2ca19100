"""What a person sees while a model is fetched and a run goes on. Plain lines where there is no terminal."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import TracebackType

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)

from lab.records import CallRecord, CellSetup
from lab.runner.plan import Plan
from lab.runner.schedule import Unit


@contextmanager
def fetching(console: Console) -> Iterator[Callable[[str, int, int | None], None]]:
    """A progress bar a phase of `lab.zoo`'s pull, shown once there is something to show."""
    with Progress(TextColumn("{task.description}"), BarColumn(), DownloadColumn(), console=console) as bars:
        tasks: dict[str, TaskID] = {}

        def update(phase: str, done: int, total: int | None) -> None:
            if phase not in tasks:
                tasks[phase] = bars.add_task(phase, total=total)
            bars.update(tasks[phase], completed=done, total=total)

        yield update


class RunProgress:
    """The observer of a run: cell, round, call, running tokens/s, time left."""

    def __init__(self, plan: Plan, console: Console):
        self._plan, self._console = plan, console
        self._cell_calls = {
            cell.cell_id: sum(len(session.calls) for session in plan.sessions[cell.scenario])
            * plan.matrix.rounds
            for cell in plan.cells
        }
        self._bars = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=None),
            MofNCompleteColumn(),
            TextColumn("{task.fields[speed]}"),
            TimeRemainingColumn(compact=True),
            console=console,
        )
        self._task: TaskID | None = None
        self._tokens: dict[str, int] = {}
        self._seconds: dict[str, float] = {}
        self._unit: Unit | None = None
        self._round_began = time.monotonic()

    def __enter__(self) -> RunProgress:
        self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bars.stop()

    def loading(self, cell_id: str, done: int, total: int) -> None:
        self._bars_task(f"loading {cell_id}", total)
        assert self._task is not None
        self._bars.update(self._task, completed=done, speed="layers")

    def ready(self, cell_id: str, setup: CellSetup) -> None:
        self._say(
            f"{cell_id}: {setup.weight_bytes / 1e6:.0f} MB of weights, loaded in {setup.load_s:.1f} s, "
            f"warm after {setup.warmup_calls} calls"
        )

    def started(self, unit: Unit) -> None:
        if self._unit is None or self._unit.round != unit.round:
            self._say(f"round {unit.round} of {self._plan.matrix.rounds}")
            total = sum(self._cell_calls.values()) if self._unit is None else None
            if total is not None:
                self._drop_task()
                self._task = self._bars.add_task("", total=total, speed="")
        self._unit = unit

    def finished(self, call: CallRecord) -> None:
        assert self._task is not None
        cell = call.cell_id
        self._tokens[cell] = self._tokens.get(cell, 0) + len(call.generation.token_ids) - 1
        self._seconds[cell] = self._seconds.get(cell, 0.0) + sum(
            step.seconds for step in call.generation.steps
        )
        speed = f"{self._tokens[cell] / self._seconds[cell]:.0f} tok/s" if self._seconds[cell] else ""
        self._bars.update(
            self._task,
            advance=1,
            description=f"round {call.round} {cell} {call.session_id} call {call.call_index + 1}",
            speed=speed,
        )

    def failed(self, cell_id: str, reason: str) -> None:
        self._say(f"[red]failed[/red] {cell_id}: {reason}")
        if self._task is not None and self._unit is not None:
            del self._cell_calls[cell_id]
            self._bars.update(self._task, total=sum(self._cell_calls.values()))

    def _bars_task(self, description: str, total: int) -> None:
        if self._task is None or self._bars.tasks[-1].description != description:
            self._drop_task()
            self._task = self._bars.add_task(description, total=total, speed="")

    def _drop_task(self) -> None:
        if self._task is not None:
            self._bars.remove_task(self._task)
            self._task = None

    def _say(self, text: str) -> None:
        self._bars.console.print(text, highlight=False)
