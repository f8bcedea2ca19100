"""One SQLite file a run: written call by call, durable before the next call begins, read by everything after.

The file is `run.sqlite` in the run's folder, in WAL mode with full synchronisation. `lab.records` says what
the rows mean.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, astuple, fields
from pathlib import Path
from typing import Any

from lab.errors import UserError
from lab.records import (
    CallRecord,
    CellRecord,
    CellSetup,
    CellStatus,
    Generation,
    OutcomeRecord,
    QualityRecord,
    RunRecord,
    Score,
    Step,
)

SCHEMA_VERSION = 6
FILE_NAME = "run.sqlite"

_STEP_FIELDS = tuple(field.name for field in fields(Step))
_STEP_COLUMNS = ", ".join(
    f"{name} {'TEXT' if name == 'kind' else 'REAL' if name.endswith('_s') else 'INTEGER'} NOT NULL"
    for name in _STEP_FIELDS
)
_TABLES = f"""
CREATE TABLE run (
    run_id TEXT PRIMARY KEY, matrix TEXT NOT NULL, digest TEXT NOT NULL, command TEXT NOT NULL,
    environment TEXT NOT NULL, sessions TEXT NOT NULL, created_at REAL NOT NULL, finished_at REAL);
CREATE TABLE rounds (
    part INTEGER PRIMARY KEY, round INTEGER NOT NULL, wall_s REAL NOT NULL, others_busy REAL);
CREATE TABLE cells (
    cell_id TEXT PRIMARY KEY, position INTEGER NOT NULL, engine TEXT NOT NULL, model TEXT NOT NULL,
    precision TEXT NOT NULL, speculation TEXT NOT NULL, guided TEXT NOT NULL, kv TEXT NOT NULL,
    scenario TEXT NOT NULL, status TEXT NOT NULL, reason TEXT, setup TEXT);
CREATE TABLE calls (
    call_id INTEGER PRIMARY KEY, cell_id TEXT NOT NULL REFERENCES cells, round INTEGER NOT NULL,
    session_id TEXT NOT NULL, call_index INTEGER NOT NULL, cold INTEGER NOT NULL, started_at REAL NOT NULL,
    wall_s REAL NOT NULL, lab_s REAL NOT NULL, encode_s REAL NOT NULL, prefill_s REAL NOT NULL,
    finish_s REAL NOT NULL, prompt_tokens INTEGER NOT NULL, reused_tokens INTEGER NOT NULL,
    finish_reason TEXT NOT NULL, text TEXT NOT NULL, token_ids TEXT NOT NULL, margins TEXT NOT NULL,
    peak_memory_bytes INTEGER, ends TEXT NOT NULL, score TEXT, read_gb_per_s REAL,
    UNIQUE (cell_id, round, session_id, call_index));
CREATE TABLE steps (
    call_id INTEGER NOT NULL REFERENCES calls, position INTEGER NOT NULL,
    {_STEP_COLUMNS},
    PRIMARY KEY (call_id, position)) WITHOUT ROWID;
CREATE TABLE outcomes (
    cell_id TEXT NOT NULL REFERENCES cells, round INTEGER NOT NULL, session_id TEXT NOT NULL,
    success INTEGER NOT NULL, state_ok INTEGER NOT NULL, statements_ok INTEGER, ended TEXT NOT NULL,
    steps INTEGER NOT NULL, tool_errors INTEGER NOT NULL, PRIMARY KEY (cell_id, round, session_id));
CREATE TABLE quality (
    cell_id TEXT NOT NULL REFERENCES cells, session_id TEXT NOT NULL, tokens INTEGER NOT NULL,
    nll REAL NOT NULL, kl REAL NOT NULL, agree INTEGER NOT NULL, PRIMARY KEY (cell_id, session_id));
"""


class Store:
    """The run's file. Use `create` for a new run and `open` for a stored one; close it when done."""

    def __init__(self, connection: sqlite3.Connection, path: Path):
        self._db = connection
        self.path = path

    @classmethod
    def create(cls, folder: Path, run: RunRecord, cells: Iterable[CellRecord]) -> Store:
        """A new run in `folder`, which is made.

        Raises:
            UserError: the folder cannot be written or the disk is full.
        """
        path = folder / FILE_NAME
        try:
            folder.mkdir(parents=True, exist_ok=False)
            store = cls(_configured(sqlite3.connect(path, isolation_level=None)), path)
            with store._transaction() as db:
                for statement in _TABLES.split(";\n"):
                    if statement.strip():
                        db.execute(statement)
                db.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
                db.execute(
                    "INSERT INTO run VALUES (?, ?, ?, ?, ?, ?, ?, NULL)",
                    (
                        run.run_id,
                        json.dumps(run.matrix),
                        run.digest,
                        run.command,
                        json.dumps(run.environment),
                        json.dumps(run.sessions),
                        run.created_at,
                    ),
                )
                for position, cell in enumerate(cells):
                    db.execute(
                        "INSERT INTO cells VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, NULL, NULL)",
                        (
                            cell.cell_id,
                            position,
                            cell.engine,
                            cell.model,
                            cell.precision,
                            cell.speculation,
                            cell.guided,
                            cell.kv,
                            cell.scenario,
                            cell.status,
                        ),
                    )
        except (OSError, sqlite3.OperationalError) as error:
            raise UserError(
                f"output folder {folder}",
                got=getattr(error, "strerror", None) or str(error),
                expected="a folder that can be written",
                hint="Choose another with --out.",
            ) from None
        return store

    @classmethod
    def open(cls, folder: Path) -> Store:
        """A stored run.

        Raises:
            UserError: there is no run in `folder`, or it has another schema version.
        """
        path = folder / FILE_NAME
        if not path.is_file():
            raise UserError(
                f"run folder {folder}",
                got="no run.sqlite in it" if folder.is_dir() else "no such folder",
                expected="a folder made by `lab run`",
            )
        connection = sqlite3.connect(path, isolation_level=None)
        try:
            version = connection.execute("PRAGMA user_version").fetchone()[0]
        except sqlite3.DatabaseError as error:
            connection.close()
            raise UserError(f"run file {path}", got=str(error), expected="a run's SQLite file") from None
        if version != SCHEMA_VERSION:
            connection.close()
            raise UserError(
                f"run folder {folder}: schema version",
                got=version,
                expected=str(SCHEMA_VERSION),
                hint="It was left as it is; read it with the version of the lab that wrote it, or run "
                "the matrix anew.",
            )
        return cls(_configured(connection), path)

    def close(self) -> None:
        self._db.close()

    def __enter__(self) -> Store:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # -- writing ---------------------------------------------------------------------------------------

    def add_call(self, call: CallRecord) -> None:
        """Commit one finished call with its steps; durable when this returns."""
        generation = call.generation
        with self._transaction() as db:
            cursor = db.execute(
                f"INSERT INTO calls VALUES (NULL{', ?' * 21})",
                (
                    call.cell_id,
                    call.round,
                    call.session_id,
                    call.call_index,
                    call.cold,
                    call.started_at,
                    call.wall_s,
                    call.lab_s,
                    generation.encode_s,
                    generation.prefill_s,
                    generation.finish_s,
                    generation.prompt_tokens,
                    generation.reused_tokens,
                    generation.finish_reason,
                    generation.text,
                    json.dumps(generation.token_ids),
                    json.dumps([round(margin, 6) for margin in generation.margins]),
                    generation.peak_memory_bytes,
                    json.dumps(generation.ends),
                    json.dumps(asdict(call.score)) if call.score else None,
                    call.read_gb_per_s,
                ),
            )
            db.executemany(
                f"INSERT INTO steps VALUES (?, ?{', ?' * len(_STEP_FIELDS)})",
                [
                    (cursor.lastrowid, position, *(getattr(step, name) for name in _STEP_FIELDS))
                    for position, step in enumerate(generation.steps)
                ],
            )

    def add_outcome(self, outcome: OutcomeRecord) -> None:
        """Commit how a live session ended; durable when this returns."""
        with self._transaction() as db:
            db.execute("INSERT INTO outcomes VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", astuple(outcome))

    def add_quality(self, quality: QualityRecord) -> None:
        """Commit one session's comparison with the reference precision; durable when this returns."""
        with self._transaction() as db:
            db.execute("INSERT INTO quality VALUES (?, ?, ?, ?, ?, ?)", astuple(quality))

    def drop_calls(self, cell_id: str, round_: int, session_id: str) -> None:
        """Forget what is stored of a session that is begun anew: all of it or, if that fails, nothing."""
        key = (cell_id, round_, session_id)
        where = "cell_id = ? AND round = ? AND session_id = ?"
        with self._transaction() as db:
            db.execute(f"DELETE FROM steps WHERE call_id IN (SELECT call_id FROM calls WHERE {where})", key)
            db.execute(f"DELETE FROM calls WHERE {where}", key)

    def set_cell(self, cell_id: str, status: CellStatus, reason: str | None = None) -> None:
        with self._transaction() as db:
            db.execute("UPDATE cells SET status = ?, reason = ? WHERE cell_id = ?", (status, reason, cell_id))

    def set_setup(self, cell_id: str, setup: CellSetup) -> None:
        with self._transaction() as db:
            db.execute("UPDATE cells SET setup = ? WHERE cell_id = ?", (json.dumps(asdict(setup)), cell_id))

    def add_round(self, round_: int, wall_s: float, others_busy: float | None) -> None:
        """Record a round's wall time and the processors that others used in it; the parts of a round that
        was finished over several runs add up."""
        with self._transaction() as db:
            db.execute("INSERT INTO rounds VALUES (NULL, ?, ?, ?)", (round_, wall_s, others_busy))

    def finish(self, at: float) -> None:
        with self._transaction() as db:
            db.execute("UPDATE run SET finished_at = ?", (at,))

    # -- reading ---------------------------------------------------------------------------------------

    def run(self) -> RunRecord:
        row = self._db.execute("SELECT * FROM run").fetchone()
        parts = self._db.execute("SELECT round, wall_s, others_busy FROM rounds ORDER BY round").fetchall()
        walls: dict[int, float] = {}
        for part in parts:
            walls[part["round"]] = walls.get(part["round"], 0.0) + part["wall_s"]
        known = [part for part in parts if part["others_busy"] is not None]
        observed = sum(part["wall_s"] for part in known)
        return RunRecord(
            run_id=row["run_id"],
            matrix=json.loads(row["matrix"]),
            digest=row["digest"],
            command=row["command"],
            environment=json.loads(row["environment"]),
            sessions=json.loads(row["sessions"]),
            created_at=row["created_at"],
            finished_at=row["finished_at"],
            round_wall_s=walls,
            others_busy=sum(p["others_busy"] * p["wall_s"] for p in known) / observed if observed else None,
        )

    def cells(self) -> list[CellRecord]:
        rows = self._db.execute("SELECT * FROM cells ORDER BY position").fetchall()
        return [
            CellRecord(
                cell_id=row["cell_id"],
                engine=row["engine"],
                model=row["model"],
                precision=row["precision"],
                speculation=row["speculation"],
                guided=row["guided"],
                kv=row["kv"],
                scenario=row["scenario"],
                status=row["status"],
                reason=row["reason"],
                setup=CellSetup(**json.loads(row["setup"])) if row["setup"] else None,
            )
            for row in rows
        ]

    def finished_calls(self) -> set[tuple[str, int, str, int]]:
        """(cell, round, session, call index) of every stored call; what a resumed run need not repeat."""
        rows = self._db.execute("SELECT cell_id, round, session_id, call_index FROM calls")
        return {tuple(row) for row in rows}

    def calls(self) -> Iterator[CallRecord]:
        """Every stored call, in the order in which they were made."""
        steps: dict[int, list[Step]] = {}
        for row in self._db.execute("SELECT * FROM steps ORDER BY call_id, position"):
            steps.setdefault(row["call_id"], []).append(_step(row))
        for row in self._db.execute("SELECT * FROM calls ORDER BY call_id"):
            yield _call(row, tuple(steps.get(row["call_id"], ())))

    def outcomes(self) -> list[OutcomeRecord]:
        """Every live session that ended, in the order in which they did."""
        rows = self._db.execute("SELECT * FROM outcomes ORDER BY rowid")
        return [
            OutcomeRecord(
                cell_id=row["cell_id"],
                round=row["round"],
                session_id=row["session_id"],
                success=bool(row["success"]),
                state_ok=bool(row["state_ok"]),
                statements_ok=None if row["statements_ok"] is None else bool(row["statements_ok"]),
                ended=row["ended"],
                steps=row["steps"],
                tool_errors=row["tool_errors"],
            )
            for row in rows
        ]

    def quality(self) -> list[QualityRecord]:
        """Every stored comparison with the reference precision."""
        return [QualityRecord(*row) for row in self._db.execute("SELECT * FROM quality ORDER BY rowid")]

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        try:
            self._db.execute("BEGIN IMMEDIATE")
            yield self._db
            self._db.execute("COMMIT")
        except sqlite3.OperationalError as error:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            raise UserError(
                f"run file {self.path}",
                got=str(error),
                expected="a file that can be written",
                hint="Free disk space or check its permissions, then repeat the command: it resumes.",
            ) from error
        except BaseException:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            raise


def _step(row: sqlite3.Row) -> Step:
    values = {name: row[name] for name in _STEP_FIELDS}
    return Step(**values | {"outside": bool(values["outside"])})


def _call(row: sqlite3.Row, steps: tuple[Step, ...]) -> CallRecord:
    score: dict[str, Any] | None = json.loads(row["score"]) if row["score"] else None
    if score is not None:
        score["errors"] = tuple(score["errors"])
    return CallRecord(
        cell_id=row["cell_id"],
        round=row["round"],
        session_id=row["session_id"],
        call_index=row["call_index"],
        cold=bool(row["cold"]),
        started_at=row["started_at"],
        wall_s=row["wall_s"],
        lab_s=row["lab_s"],
        generation=Generation(
            token_ids=tuple(json.loads(row["token_ids"])),
            text=row["text"],
            finish_reason=row["finish_reason"],
            margins=tuple(json.loads(row["margins"])),
            prompt_tokens=row["prompt_tokens"],
            reused_tokens=row["reused_tokens"],
            encode_s=row["encode_s"],
            prefill_s=row["prefill_s"],
            finish_s=row["finish_s"],
            steps=steps,
            peak_memory_bytes=row["peak_memory_bytes"],
            ends=tuple(json.loads(row["ends"])),
        ),
        score=Score(**score) if score else None,
        read_gb_per_s=row["read_gb_per_s"],
    )


def _configured(connection: sqlite3.Connection) -> sqlite3.Connection:
    connection.row_factory = sqlite3.Row
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA foreign_keys = ON")
    return connection
