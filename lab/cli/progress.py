"""What a person sees while models are fetched and a run goes on. Plain lines where there is no terminal."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from types import TracebackType
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TaskProgressColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

if TYPE_CHECKING:
    from lab.records import CallRecord, CellSetup, OutcomeRecord
    from lab.runner.plan import Plan
    from lab.runner.schedule import Unit

PHASES = {
    "download": "Downloading",
    "verify": "Checking SHA-256",
    "unpack": "Unpacking",
    "convert": "Dequantizing",
    "merge": "Adding the adapter",
    "load": "Loading",
    "layers": "Quantizing layers",
    "probe": "Probing the machine",
    "answer": "The target answers",
}

# Drawing takes a core from the engine, so it is done seldom.
_DRAWS_PER_SECOND = 2


@contextmanager
def progress_bar(console: Console | None = None) -> Iterator[Callable[[str, int, int], None]]:
    """A bar a phase on a terminal, elsewhere a line; yields what is called with (phase, done, total).

    A phase that is none of `PHASES` is called what it is.
    """
    console = console or Console(stderr=True)
    columns = (TextColumn("{task.description:<19}"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal) as bars:
        tasks: dict[str, TaskID] = {}

        def tell(phase: str, done: int, total: int) -> None:
            if phase not in tasks:
                name = PHASES.get(phase, phase)
                tasks[phase] = bars.add_task(name, total=total)
                if not console.is_terminal:
                    console.print(f"{name} ...", highlight=False)
            bars.update(tasks[phase], completed=done, total=total)

        yield tell


class RunProgress:
    """The observer of a run: cell, round, call, running tokens/s, time left.

    On a terminal one bar for all calls that are left, or all sessions where they are live and how many calls
    they make is not known; elsewhere a line a cell and a line a round.
    """

    def __init__(self, plan: Plan, console: Console):
        self._rounds = plan.matrix.rounds
        self._live = plan.matrix.replay == "live"
        self._left: dict[str, int] = {}
        self._done = 0
        self._tokens = {cell.cell_id: 0 for cell in plan.cells}
        self._seconds = dict.fromkeys(self._tokens, 0.0)
        self._round = 0
        self._console = console
        self._bars = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=20),
            MofNCompleteColumn(),
            TextColumn("{task.fields[speed]}"),
            TimeRemainingColumn(compact=True),
            console=console,
            refresh_per_second=_DRAWS_PER_SECOND,
            disable=not console.is_terminal,
        )
        self._task = self._bars.add_task("starting", total=None, speed="")

    def __enter__(self) -> RunProgress:
        self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bars.update(self._task, visible=False)
        self._bars.stop()

    def planned(self, left: Mapping[str, int]) -> None:
        self._left = dict(left)

    def loading(self, cell_id: str, done: int, total: int) -> None:
        self._bars.update(self._task, description=f"loading {_short(cell_id)}", completed=done, total=total)

    def ready(self, cell_id: str, setup: CellSetup) -> None:
        self._say(
            f"{_short(cell_id)}: {setup.weight_bytes / 1e6:.0f} MB of weights, "
            f"loaded in {setup.load_s:.1f} s, warm after {setup.warmup_calls} calls"
        )

    def started(self, unit: Unit) -> None:
        if self._round == 0:
            self._bars.reset(self._task, total=sum(self._left.values()))
        if unit.round != self._round:
            self._round = unit.round
            self._say(f"round {unit.round} of {self._rounds}")

    def finished(self, call: CallRecord) -> None:
        cell = call.cell_id
        self._tokens[cell] += len(call.generation.token_ids) - 1
        self._seconds[cell] += sum(step.seconds for step in call.generation.steps)
        speed = f"{self._tokens[cell] / self._seconds[cell]:.0f} tok/s" if self._seconds[cell] else ""
        where = f"round {call.round}  {_short(cell)}  {call.session_id} call {call.call_index + 1}"
        self._bars.update(self._task, description=where, speed=speed)
        if not self._live:
            self._advance(cell)

    def ended(self, outcome: OutcomeRecord) -> None:
        self._advance(outcome.cell_id)

    def compared(self, cell_id: str, done: int, total: int) -> None:
        where = f"quality  {_short(cell_id)}"
        self._bars.update(self._task, description=where, speed="", completed=done, total=total)

    def failed(self, cell_id: str, reason: str) -> None:
        self._say(f"[red]failed[/red] {cell_id}: {reason}")
        self._left.pop(cell_id, None)
        if self._round:
            self._show()

    def _advance(self, cell_id: str) -> None:
        self._left[cell_id] -= 1
        self._done += 1
        self._show()

    def _show(self) -> None:
        self._bars.update(self._task, completed=self._done, total=self._done + sum(self._left.values()))

    def _say(self, text: str) -> None:
        self._console.print(text, highlight=False)


def _short(cell_id: str) -> str:
    """`precision/speculation/guided/kv` of a cell's id: what differs inside most matrices."""
    return "/".join(cell_id.split("/")[2:6])
