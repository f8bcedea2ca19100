"""The run as CSV files: columns named as in the records, an undefined value an empty field."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from lab.analysis.arm import Arm
from lab.analysis.live import Live
from lab.analysis.summary import Summary
from lab.records import RUNGS, CallRecord, Generation, OutcomeRecord, Score, Step

Row = dict[str, Any]

_CALL_FIELDS = tuple(f.name for f in fields(CallRecord) if f.name not in ("generation", "score"))
_CALL_KEY = ("cell_id", "round", "session_id", "call_index")
# Per-token lists stay in the run's file; the table has their length.
_GENERATION_FIELDS = tuple(
    f.name for f in fields(Generation) if f.name not in ("token_ids", "margins", "steps", "ends")
)
_SCORE_FIELDS = tuple(f.name for f in fields(Score) if f.name != "errors")
_STEP_FIELDS = tuple(f.name for f in fields(Step))
_NESTED = (
    *("ratio", "rungs", "errors", "sessions_ok", "accuracy", "args_ok_by_tag"),
    *("quality", "live", "lossless", "ledger", "accepted_by_position", "acceptance"),
)
_QUALITY = ("kl", "top1", "ppl")
_LIVE_MEANS = ("steps", "tool_errors")
_LIVE_SHARES = tuple(f.name for f in fields(Live) if f.name not in _LIVE_MEANS)
_ARM_FIELDS = tuple(f.name for f in fields(Arm) if f.name not in _NESTED)

ARM_COLUMNS = (
    *_ARM_FIELDS,
    "ratio",
    "ratio_low",
    "ratio_high",
    *(f"{rung}_k" for rung in RUNGS),
    "scored_n",
    "sessions_ok_k",
    "sessions_ok_n",
    *(f"args_ok_gap{end}" for end in ("", "_low", "_high")),
    *(f"mcnemar_{part}" for part in ("gained", "lost", "p")),
    *(f"{name}{end}" for name in _QUALITY for end in ("", "_low", "_high")),
    *(f"{name}_{part}" for name in _LIVE_SHARES for part in "kn"),
    *_LIVE_MEANS,
    "lossless_identical",
    "lossless_near_tie",
    "lossless_error",
    "lossless_threshold",
)
CALL_COLUMNS = (*_CALL_FIELDS, "tokens", *_GENERATION_FIELDS, *_SCORE_FIELDS, "errors")
OUTCOME_COLUMNS = tuple(f.name for f in fields(OutcomeRecord))
STEP_COLUMNS = (*_CALL_KEY, "position", *_STEP_FIELDS)


def write_csv_files(
    folder: Path, summary: Summary, calls: list[CallRecord], outcomes: list[OutcomeRecord]
) -> tuple[str, ...]:
    """Write the files to `folder` and return their names; `outcomes.csv` is of a live run only."""
    files: dict[str, tuple[tuple[str, ...], Iterable[Row]]] = {
        "arms.csv": (ARM_COLUMNS, (_arm(arm) for group in summary.groups for arm in group.arms)),
        "calls.csv": (CALL_COLUMNS, map(_call, calls)),
        "steps.csv": (STEP_COLUMNS, (row for call in calls for row in _steps(call))),
    }
    if summary.run.replay == "live":
        files["outcomes.csv"] = (OUTCOME_COLUMNS, map(asdict, outcomes))
    for name, (columns, rows) in files.items():
        write(folder / name, columns, rows)
    return tuple(files)


def write(path: Path, columns: tuple[str, ...], rows: Iterable[Row]) -> None:
    """A file with a head; rows may lack columns."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns)
        writer.writeheader()
        writer.writerows(rows)


def _arm(arm: Arm) -> Row:
    row = {name: getattr(arm, name) for name in _ARM_FIELDS}
    if arm.ratio:
        row |= {"ratio": arm.ratio.value, "ratio_low": arm.ratio.low, "ratio_high": arm.ratio.high}
    row |= {f"{rung}_k": arm.rungs[rung].k for rung in RUNGS} | {"scored_n": arm.rungs[RUNGS[0]].n}
    if arm.sessions_ok:
        row |= {"sessions_ok_k": arm.sessions_ok.k, "sessions_ok_n": arm.sessions_ok.n}
    if arm.accuracy:
        gap = arm.accuracy.difference
        row |= {"args_ok_gap": gap.value, "args_ok_gap_low": gap.low, "args_ok_gap_high": gap.high}
        row |= {f"mcnemar_{part}": getattr(arm.accuracy, part) for part in ("gained", "lost", "p")}
    if arm.quality:
        for name in _QUALITY:
            found = getattr(arm.quality, name)
            row |= {name: found.value, f"{name}_low": found.low, f"{name}_high": found.high}
    if arm.live:
        for name in _LIVE_SHARES:
            share = getattr(arm.live, name)
            row |= {f"{name}_k": share.k, f"{name}_n": share.n}
        row |= {name: getattr(arm.live, name) for name in _LIVE_MEANS}
    if arm.lossless:
        row |= {
            f"lossless_{name}": getattr(arm.lossless, name)
            for name in ("identical", "near_tie", "error", "threshold")
        }
    return row


def _call(call: CallRecord) -> Row:
    row = {name: getattr(call, name) for name in _CALL_FIELDS} | {"tokens": len(call.generation.token_ids)}
    row |= {name: getattr(call.generation, name) for name in _GENERATION_FIELDS}
    if call.score:
        row |= {name: getattr(call.score, name) for name in _SCORE_FIELDS} | {
            "errors": " ".join(call.score.errors)
        }
    return row


def _steps(call: CallRecord) -> Iterable[Row]:
    key = {name: getattr(call, name) for name in _CALL_KEY}
    for position, step in enumerate(call.generation.steps):
        yield key | {"position": position} | {name: getattr(step, name) for name in _STEP_FIELDS}
