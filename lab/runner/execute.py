"""A plan carried out: workers started, units replayed in order, every finished call stored at once."""

from __future__ import annotations

import shutil
import time
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from lab.errors import UserError
from lab.measure.machine import OthersMeter
from lab.records import CallRecord, CellSetup, OutcomeRecord, QualityRecord
from lab.runner.local import LocalWorker, WorkerError
from lab.runner.plan import Plan
from lab.runner.schedule import Unit, schedule
from lab.runner.worker import Compare, Loading, Task
from lab.store import FILE_NAME, Store

if TYPE_CHECKING:
    from lab.measure.ceilings import ReadMeter


class Observer(Protocol):
    """Sees the run as it goes on."""

    def planned(self, left: Mapping[str, int]) -> None:
        """Told first: cell -> calls that it has still to make, or sessions where those are not known."""
        ...

    def loading(self, cell_id: str, done: int, total: int) -> None: ...

    def ready(self, cell_id: str, setup: CellSetup) -> None: ...

    def started(self, unit: Unit) -> None: ...

    def finished(self, call: CallRecord) -> None: ...

    def ended(self, outcome: OutcomeRecord) -> None: ...

    def compared(self, cell_id: str, done: int, total: int) -> None:
        """So many sessions' distributions are compared with the reference's."""
        ...

    def failed(self, cell_id: str, reason: str) -> None: ...


@dataclass(frozen=True, slots=True)
class Target:
    """The folder a run goes to, and whether it takes up an unfinished one."""

    folder: Path
    resumed: bool


def choose_folder(plan: Plan, out: Path) -> Target:
    """The newest unfinished run of the same plan under `out`, or a new folder's name."""
    for folder in sorted(out.glob(f"{plan.matrix.name}-*"), reverse=True):
        if (folder / FILE_NAME).is_file() and _unfinished(folder, plan.digest):
            return Target(folder, resumed=True)
    stamp = time.strftime("%Y%m%d-%H%M%S")
    names = (f"{plan.matrix.name}-{stamp}{suffix}" for suffix in ("", *(f"-{n}" for n in range(2, 100))))
    return Target(next(out / name for name in names if not (out / name).exists()), resumed=False)


def _unfinished(folder: Path, digest: str) -> bool:
    try:
        with Store.open(folder) as store:
            run = store.run()
    except UserError:
        return False  # Another schema version or no run of ours; it stays as it is.
    return run.finished_at is None and run.digest == digest


def execute(plan: Plan, target: Target, command: str, observer: Observer) -> int:
    """Carry out what the plan still lacks; the number of failed cells.

    Raises:
        UserError: a cell was refused before anything was measured; a new run's folder is removed again.
        KeyboardInterrupt: passed on; what was finished is stored, and the same call resumes.
    """
    with ExitStack() as stack:
        if target.resumed:
            store = stack.enter_context(Store.open(target.folder))
        else:
            record = plan.run_record(target.folder.name, command)
            store = stack.enter_context(Store.create(target.folder, record, [c.record() for c in plan.cells]))
        try:
            _Run(plan, store, observer, stack).run()
        except UserError:
            if not target.resumed and not store.finished_calls():
                stack.close()
                shutil.rmtree(target.folder)
            raise
        return sum(cell.status == "failed" for cell in store.cells())


class _Run:
    def __init__(self, plan: Plan, store: Store, observer: Observer, stack: ExitStack):
        self.plan, self.store, self.observer, self.stack = plan, store, observer, stack
        self.workers: dict[str, LocalWorker] = {}
        finished = store.finished_calls()
        self.live = plan.matrix.replay == "live"
        self.calls = {s.id: len(s.calls) for sessions in plan.sessions.values() for s in sessions}
        self.done = Counter(Unit(round_, session, cell) for cell, round_, session, _ in finished)
        self.ended = {Unit(o.round, o.session_id, o.cell_id) for o in store.outcomes()}

    def run(self) -> None:
        pending = list(self._pending())
        left = Counter[str]()
        for unit in pending:
            left[unit.cell_id] += self._left(unit)
        self.observer.planned(left)
        uncompared = self._uncompared()
        self._start_workers({unit.cell_id for unit in pending} | uncompared.keys())
        reads = _read_meter(self.plan) if pending else None
        for round_ in dict.fromkeys(unit.round for unit in pending):
            began, others = time.perf_counter(), OthersMeter()
            session, rate = None, None
            try:
                for unit in pending:
                    if unit.round != round_ or unit.cell_id not in self.workers:
                        continue
                    if reads and unit.session_id != session:
                        session, rate = unit.session_id, reads.gb_per_s()
                    self._replay(unit, rate)
            finally:
                self.store.add_round(round_, time.perf_counter() - began, others.read())
        for cell_id, sessions in uncompared.items():
            if cell_id in self.workers:
                self._compare(cell_id, sessions)
        for cell_id, worker in self.workers.items():
            worker.stop()
            self.store.set_cell(cell_id, "done")
        self.store.finish(time.time())

    def _pending(self) -> Iterator[Unit]:
        failed = {cell.cell_id for cell in self.store.cells() if cell.status == "failed"}
        cells = [
            (cell.cell_id, [session.id for session in self.plan.sessions[cell.scenario]])
            for cell in self.plan.cells
            if cell.cell_id not in failed
        ]
        for unit in schedule(cells, self.plan.matrix.rounds):
            if self._left(unit):
                yield unit

    def _left(self, unit: Unit) -> int:
        """Calls of the session that are still to be made. How many a live one makes is known when it ended:
        until then it counts as one."""
        return int(unit not in self.ended) if self.live else self.calls[unit.session_id] - self.done[unit]

    def _start_workers(self, cell_ids: Collection[str]) -> None:
        """One after the other, so that each loads and warms up on an idle machine."""
        for cell in self.plan.cells:
            if cell.cell_id not in cell_ids:
                continue
            spec = self.plan.spec(cell, self.store.path.parent)
            worker = LocalWorker(spec, self.plan.matrix.call_timeout_s)
            self.stack.callback(worker.kill)
            self.store.set_cell(cell.cell_id, "running")
            try:
                for message in worker.start():
                    if isinstance(message, Loading):
                        self.observer.loading(cell.cell_id, message.done, message.total)
                    else:
                        self.store.set_setup(cell.cell_id, message)
                        self.observer.ready(cell.cell_id, message)
            except WorkerError as failure:
                if failure.user_error:
                    raise UserError(f"cell {cell.cell_id}: {failure}".rstrip(".")) from None
                self._fail(cell.cell_id, worker, str(failure))
            else:
                self.workers[cell.cell_id] = worker

    def _replay(self, unit: Unit, read_gb_per_s: float | None) -> None:
        self.observer.started(unit)
        worker = self.workers[unit.cell_id]
        start = self.done[unit]
        if self.live and start:
            # The world's state went with the worker, so a session cut short is begun anew.
            self.store.drop_calls(unit.cell_id, unit.round, unit.session_id)
            start = 0
        try:
            for record in worker.run(Task(unit.round, unit.session_id, start)):
                if isinstance(record, OutcomeRecord):
                    self.store.add_outcome(record)
                    self.observer.ended(record)
                elif isinstance(record, CallRecord):
                    call = replace(record, read_gb_per_s=read_gb_per_s)
                    self.store.add_call(call)
                    self.observer.finished(call)
        except WorkerError as failure:
            self._fail(unit.cell_id, worker, str(failure))

    def _uncompared(self) -> dict[str, list[str]]:
        """Cell -> sessions whose distributions are to be compared with the reference's: of every precision of
        weights and cache, by the cell that neither drafts nor guides."""
        if not self.plan.matrix.quality:
            return {}
        done = {(record.cell_id, record.session_id) for record in self.store.quality()}
        failed = {cell.cell_id for cell in self.store.cells() if cell.status == "failed"}
        left = {
            cell.cell_id: [
                s.id for s in self.plan.sessions[cell.scenario] if (cell.cell_id, s.id) not in done
            ]
            for cell in self.plan.cells
            if cell.speculation == "none" and cell.guided == "off" and cell.cell_id not in failed
        }
        return {cell_id: sessions for cell_id, sessions in left.items() if sessions}

    def _compare(self, cell_id: str, sessions: list[str]) -> None:
        cell = next(cell for cell in self.plan.cells if cell.cell_id == cell_id)
        matrix = self.plan.matrix
        reference = replace(cell, precision=matrix.precision[0], kv=matrix.kv[0])
        config = None if cell == reference else self.plan.spec(reference, self.store.path.parent).config
        try:
            for done, record in enumerate(self.workers[cell_id].run(Compare(config, tuple(sessions))), 1):
                assert isinstance(record, QualityRecord)
                self.store.add_quality(record)
                self.observer.compared(cell_id, done, len(sessions))
        except WorkerError as failure:
            # What was timed and scored stands.
            self.workers.pop(cell_id).kill()
            self.store.set_cell(cell_id, "done", f"its quality was not measured: {failure}")
            self.observer.failed(cell_id, f"its quality was not measured: {failure}")

    def _fail(self, cell_id: str, worker: LocalWorker, reason: str) -> None:
        worker.kill()
        self.workers.pop(cell_id, None)
        self.store.set_cell(cell_id, "failed", reason)
        self.observer.failed(cell_id, reason)


def _read_meter(plan: Plan) -> ReadMeter | None:
    """Of the memory that the cells compute in; a GPU's own keeps the rate that the probe measured."""
    found = plan.environment.get("ceilings")
    if not found or plan.matrix.device != "cpu":
        return None
    from lab.measure.ceilings import Ceilings, ReadMeter

    return ReadMeter(Ceilings(**found))
