"""The page: the summary as texts and tables, rendered through one template that escapes everything.

Session texts, reasons and names come from outside; nothing here is ever marked as safe.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterator
from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from lab.analysis.summary import Summary
from lab.records import CellRecord
from lab.reports.section import Section, Table, plain_table
from lab.reports.tables import UNDEFINED, columns, number, percent, size

_TEMPLATES = Path(__file__).parent / "templates"


@dataclass(frozen=True, slots=True)
class Fact:
    """A named text; `why` explains the name."""

    name: str
    text: str
    why: str = ""


@dataclass(frozen=True, slots=True)
class Notice:
    title: str
    lines: list[Fact]


@dataclass(frozen=True, slots=True)
class Page:
    """Everything the template shows."""

    run_id: str
    matrix: str
    command: str
    csv_files: tuple[str, ...]
    score_title: str
    notices: list[Notice]
    facts: list[Fact]
    groups: list[Section]
    ceilings: Table
    machine: Table
    cells: Table
    packages: list[tuple[str, str]]
    definitions: list[Fact]


def render(page: Page) -> str:
    """The page as one HTML document."""
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("report.html.jinja").render(page=page)


def make_page(
    summary: Summary, cells: list[CellRecord], sections: list[Section], csv_files: tuple[str, ...]
) -> Page:
    """The page of a run; `csv_files` are the names of the tables that stand beside it."""
    run = summary.run
    machine = dict(run.environment.get("machine") or {})
    packages = machine.pop("packages", {})
    measured = {key: value for key, value in run.environment.items() if key not in ("machine", "models")}
    given = machine | {"models": run.environment.get("models") or {}}
    return Page(
        run_id=run.run_id,
        matrix=str(run.matrix.get("name", "")),
        command=run.command,
        csv_files=csv_files,
        score_title="Accuracy" if summary.gold else "Agreement with the recording",
        notices=list(_notices(summary, cells)),
        facts=list(_facts(summary, cells)),
        groups=sections,
        ceilings=plain_table(("measured", "value"), _flat(measured)),
        machine=plain_table(("machine and models", "value"), _flat(given)),
        cells=plain_table(
            ("arm", "kernels", "facts", "load", "warm-up calls"),
            [
                (
                    cell.cell_id,
                    _joined(cell.setup.kernels),
                    _joined(cell.setup.facts),
                    f"{number(cell.setup.load_s)} s",
                    str(cell.setup.warmup_calls),
                )
                for cell in cells
                if cell.setup
            ],
        ),
        packages=[(str(name), str(version)) for name, version in packages.items()],
        definitions=[Fact(c.title, c.definition) for c in columns(summary)] + list(_DEFINITIONS),
    )


def _notices(summary: Summary, cells: list[CellRecord]) -> Iterator[Notice]:
    failed = [
        Fact(cell.cell_id, cell.reason or "no reason was recorded")
        for cell in cells
        if cell.status == "failed"
    ]
    if failed:
        yield Notice(
            f"{len(failed)} of {len(cells)} cells failed. What they had finished before is shown.", failed
        )
    if summary.run.finished_at is None:
        done = sum(cell.status == "done" for cell in cells)
        lines = [Fact("", "Everything below is of the calls stored so far; the run's command resumes it.")]
        yield Notice(f"This run is unfinished: {done} of {len(cells)} cells are done.", lines)
    if summary.contexts:
        yield Notice("Contexts differ between arms", [Fact("", summary.contexts)])
    if summary.beyond:
        yield Notice("Drafts beyond the head's training", [Fact("", summary.beyond)])
    if summary.disturbance:
        yield Notice("The machine was busy", [Fact("", summary.disturbance)])
    if not summary.gold:
        lines = [
            Fact(
                "",
                "The sessions hold observations, not ground truth: the scores are agreement with the "
                "recording, not accuracy.",
            )
        ]
        yield Notice("Agreement with the recording", lines)


def _facts(summary: Summary, cells: list[CellRecord]) -> Iterator[Fact]:
    run, arms = summary.run, [arm for group in summary.groups for arm in group.arms]
    yield Fact("model", _unique(cell.model for cell in cells))
    yield Fact("engine", _unique(cell.engine for cell in cells))
    yield Fact("scenario", _unique(cell.scenario for cell in cells))
    yield Fact("machine", _machine(run.environment))
    yield Fact("threads", _text(run.environment.get("threads")))
    yield Fact("replay", run.replay)
    yield Fact("sessions", f"{len(run.sessions)} with {sum(s['calls'] for s in run.sessions)} recorded calls")
    yield Fact(
        "timed rounds", f"{len(run.round_wall_s)} of {run.matrix.get('rounds', len(run.round_wall_s))}"
    )
    yield Fact("calls stored", str(sum(arm.calls for arm in arms)))
    floors = [percent(group.noise_floor, 1) or UNDEFINED for group in summary.groups]
    yield Fact(
        "noise floor",
        ", ".join(floors),
        "The largest difference between two rounds of one arm, the reference arm where it ran.",
    )
    busy = summary.run.others_busy
    yield Fact(
        "others' load",
        UNDEFINED if busy is None else f"{busy:.2f}",
        "Processors that other programs used while the rounds ran, in the mean.",
    )
    yield Fact(
        "ledger error",
        percent(summary.ledger_error, 2) or UNDEFINED,
        "The largest gap between a call's ledger and its wall time.",
    )
    yield Fact(
        "engine share",
        percent(summary.engine_share, 1) or UNDEFINED,
        "Time inside the engine over the wall time of the finished rounds.",
    )
    yield Fact(
        "lab overhead",
        percent(summary.lab_overhead, 2) or UNDEFINED,
        "The lab's own work on the calls over their wall time.",
    )
    yield Fact(
        "memory reads, GB/s",
        _median_and_range(summary.reads_gb_per_s),
        "Large buffers, read before each session: the median, and in brackets the slowest and the fastest. "
        "MBU is relative to the session's own.",
    )


def _median_and_range(values: list[float]) -> str:
    if not values:
        return UNDEFINED
    middle, low, high = (number(value) for value in (statistics.median(values), min(values), max(values)))
    return f"{middle} [{low}, {high}]"


def _machine(environment: dict[str, Any]) -> str:
    hardware = (environment.get("machine") or {}).get("hardware") or {}
    gpus = [str(gpu["name"]) for gpu in hardware.get("gpus") or []]
    return ", ".join([str(hardware.get("processor") or UNDEFINED), *gpus])


def _unique(values: Iterator[str]) -> str:
    return ", ".join(dict.fromkeys(values))


def _flat(value: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Nested facts as rows of a name with its path and a text."""
    for key, item in value.items():
        name = f"{prefix}{key}".replace("_", " ")
        if isinstance(item, dict):
            yield from _flat(item, f"{name} · ")
        elif isinstance(item, list | tuple) and any(isinstance(entry, dict) for entry in item):
            yield from _flat({str(n): entry for n, entry in enumerate(item)}, f"{name} · ")
        elif isinstance(item, int) and (key == "bytes" or key.endswith("_bytes")):
            yield name.removesuffix("bytes").rstrip(" ·"), size(item) or UNDEFINED
        else:
            yield name, _text(item)


def _joined(facts: dict[str, Any]) -> str:
    return "; ".join(f"{name}: {text}" for name, text in _flat(facts)) or UNDEFINED


def _text(value: object) -> str:
    if value is None:
        return UNDEFINED
    if isinstance(value, float):
        return (number(value) or UNDEFINED) if isfinite(value) else str(value)
    return ", ".join(map(_text, value)) or "none" if isinstance(value, list | tuple) else str(value)


_DEFINITIONS = (
    Fact(
        "arm to serve",
        "The fastest arm that was not shown to get fewer calls right than the reference arm: the whole "
        "interval of its difference in args_ok would lie below 0.",
    ),
    Fact(
        "interaction",
        "Ratio of both, over the product of the two single ratios. Below 1 the gains do not multiply.",
    ),
    Fact(
        "together",
        "compounds: both beats the best arm with at most one of the two, and the interval "
        "excludes 1. conflicts: both is slower, likewise. no gain: the interval holds 1 "
        "and leaves no room for a gain worth having. inconclusive: it leaves room for either.",
    ),
    Fact("noise floor", "The reference arm against itself: its fastest round over its slowest, minus 1."),
    Fact(
        "ledger error",
        "Largest gap between a call's ledger (encode, prefill, steps, finish) and its "
        "independently measured wall time, over that time.",
    ),
    Fact(
        "score ladder",
        "parse_ok: well-formed in the model's tool-call format; decision_ok: a call, "
        "or none, as expected; name_ok: the right names; schema_ok: arguments valid "
        "under the schema; args_ok: everything matches.",
    ),
    Fact(
        "CSV files",
        "Columns are named as in the table and in the stored records; times are seconds "
        "(_s) or milliseconds (_ms), sizes bytes; an empty field is undefined, not zero.",
    ),
)
