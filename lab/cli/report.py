"""`lab report`: tables, figures and one self-contained page from a stored run."""

from __future__ import annotations

import json
from pathlib import Path

import click
from rich.console import Console

from lab.errors import UserError, did_you_mean
from lab.store import FILE_NAME

RUNS = Path("lab-runs")
LATEST = "latest"


@click.command()
@click.argument("run", default=LATEST)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document as the last line.")
def report(run: str, as_json: bool) -> None:
    """Build the report of RUN: a run's folder, its id under lab-runs/, or `latest` (the default)."""
    from lab.analysis.document import run_document
    from lab.analysis.summary import summarize
    from lab.reports.build import build_report
    from lab.reports.terminal import arms_table
    from lab.store import Store

    folder = find_run(run)
    index = build_report(folder)
    with Store.open(folder) as store:
        summary = summarize(store.run(), store.cells(), store.calls(), store.outcomes(), store.quality())
    if as_json:
        click.echo(json.dumps(run_document(summary, folder=str(folder), report=str(index))))
        return
    console = Console()
    console.print(arms_table(summary))
    console.print(f"Report: {index}", markup=False, highlight=False, soft_wrap=True)


def find_run(name: str, runs: Path = RUNS) -> Path:
    """The folder of a run given as a path, as an id under `runs`, or as `latest`.

    Raises:
        UserError: there is no such run.
    """
    stored = sorted((path.parent for path in runs.glob(f"*/{FILE_NAME}")), key=_last_write)
    if name == LATEST:
        if not stored:
            raise UserError(f"no run in {runs}", hint="Start one with `lab run`, or name a run's folder.")
        return stored[-1]
    for folder in (Path(name), runs / name):
        if (folder / FILE_NAME).is_file():
            return folder
    near = did_you_mean(name, [folder.name for folder in stored])
    raise UserError("RUN", got=name, expected=f"a run's folder, an id under {runs}, or {LATEST!r}", hint=near)


def _last_write(folder: Path) -> float:
    """When the run was last written to; in WAL mode the newest calls may stand beside the main file."""
    return max(path.stat().st_mtime for path in folder.glob(f"{FILE_NAME}*"))
