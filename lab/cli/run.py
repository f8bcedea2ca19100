"""`lab run`: a matrix from its name to a stored run, a table, a verdict and a report."""

from __future__ import annotations

import json
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lab.cli.options import kernel_option, quantized_option
from lab.errors import UserError
from lab.precision import KV_PRECISIONS, PRECISIONS

if TYPE_CHECKING:
    from lab.analysis.summary import Summary
    from lab.matrix import Matrix
    from lab.runner.execute import Target
    from lab.runner.plan import Plan

# Exit code of a run that was interrupted: 128 + SIGINT, as shells have it.
_INTERRUPTED = 130


@click.command()
@click.argument("matrix", default="quick")
@click.option("--engine", help="Comma list of engines.")
@click.option("--model", help="Comma list: a name of `lab models list`, a folder, or a Hugging Face id.")
@click.option("--precision", help=f"Comma list: {', '.join(PRECISIONS)}. The first is the reference.")
@click.option("--speculation", help="Comma list: none, ngram, draft-model, eagle3; the reference first.")
@click.option("--guided", help="Comma list: off, schema (every tool call valid under its schema).")
@click.option("--kv", help=f"Comma list: {', '.join(KV_PRECISIONS)}; how keys and values are kept.")
@click.option("--scenario", help="Comma list: presets of `lab sessions list`, or paths of session files.")
@click.option("--sessions", type=int, help="Replay only the first so many sessions.")
@click.option("--calls", type=int, help="Replay only the first so many calls of each session.")
@click.option("--replay", help="teacher-forced: on the recorded history; live: in the sessions' tool worlds.")
@click.option("--step-cap", type=int, help="The most calls of a live session; twice the recorded ones.")
@click.option("--rounds", type=int, help="Passes over the scenario.")
@click.option("--max-tokens", type=int, help="Cap on the tokens of a call.")
@click.option("--draft-tokens", type=int, help="The most tokens of a draft that is no tree.")
@click.option("--draft-model", help="A folder, a Hugging Face id, or layers-N: the target's first N layers.")
@click.option("--draft-head", help="The EAGLE-3 head: a folder or a Hugging Face id.")
@click.option("--tree", help="Shape of its drafts: chain-K, or tree-DEPTHxTOP_KxNODES.")
@click.option("--draft-confidence", type=float, help="Draft no path that its head holds for less likely.")
@click.option(
    "--draft-precision", help="target: the head in the target's dtype; int8; auto: int8 where it is faster."
)
@click.option("--allow-pickle", is_flag=True, default=None, help="Let the head be a pickle.")
@click.option("--temperature", type=float, help="0 is greedy.")
@click.option("--top-p", type=float, help="Nucleus of sampling.")
@click.option("--top-k", type=int, help="Likeliest tokens kept in sampling; 0 keeps all.")
@click.option("--seed", type=int, help="Makes sampling repeatable.")
@click.option("--threads", type=int, help="CPU threads; the usable cores by default.")
@click.option("--device", help="cpu or cuda.")
@click.option(
    "--quality", is_flag=True, default=None, help="Compare distributions, too: KL, top-1, perplexity."
)
@kernel_option()
@quantized_option
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default=Path("lab-runs"),
    show_default=True,
    help="Where the run's folder goes.",
)
@click.option("--dry-run", is_flag=True, help="List the cells and stop.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document as the last line.")
def run(matrix: str, out: Path, dry_run: bool, as_json: bool, **overrides: Any) -> None:
    """Replay agent sessions in every arm of MATRIX (a preset or a YAML file; `quick` by default).

    The same command again resumes an unfinished run.
    """
    from lab.matrix import load_matrix

    chosen = load_matrix(matrix, overrides)
    if dry_run:
        _list_cells(chosen, as_json)
        return
    from rich.console import Console

    console = Console(stderr=as_json)
    plan = _prepare(chosen, out, console)
    sys.exit(0 if _execute(plan, out, console, as_json) else 1)


def _list_cells(matrix: Matrix, as_json: bool) -> None:
    from lab.runner.plan import load_scenarios

    # How many calls a live session makes is the model's choice.
    unit = "sessions" if matrix.replay == "live" else "calls"
    work = {
        name: sum(1 if unit == "sessions" else len(session.calls) for session in scenario.sessions)
        for name, scenario in load_scenarios(matrix).items()
    }
    cells = matrix.cells()
    for cell in cells:
        click.echo(f"{cell.cell_id}: {work[cell.scenario]} {unit} x {matrix.rounds} rounds")
    click.echo(f"{len(cells)} cells, {sum(work[cell.scenario] for cell in cells) * matrix.rounds} {unit}")
    if as_json:
        click.echo(json.dumps({"schema": "lab-cells/1", "cells": [cell.cell_id for cell in cells]}))


def _prepare(matrix: Matrix, out: Path, console: Any) -> Plan:
    from lab.cli.progress import progress_bar
    from lab.measure.machine import is_busy
    from lab.runner.plan import check_output, prepare

    check_output(out)
    with progress_bar(console) as progress:
        plan = prepare(matrix, out, progress)
    busy = plan.environment["others_busy"]
    if is_busy(busy, plan.threads):
        console.print(
            f"[yellow]Others keep {busy:.1f} of the processors busy[/yellow]: "
            "speeds will read too low and scatter. A quiet machine gives narrower intervals.",
            highlight=False,
        )
    return plan


def _execute(plan: Plan, out: Path, console: Any, as_json: bool) -> bool:
    """Whether every cell was measured and no draft changed a reply."""
    from lab.cli.progress import RunProgress
    from lab.runner.execute import choose_folder, execute

    target = choose_folder(plan, out)
    console.print(f"{'Resuming' if target.resumed else 'Run'} [bold]{target.folder}[/bold]", highlight=False)
    try:
        with RunProgress(plan, console) as progress:
            failed = execute(plan, target, shlex.join(["lab", *sys.argv[1:]]), progress)
    except KeyboardInterrupt:
        console.print(
            f"Interrupted. What was finished is in {target.folder}; the same command resumes.",
            highlight=False,
        )
        sys.exit(_INTERRUPTED)
    summary = _show(target, console, as_json)
    audits = [(arm.name, arm.lossless) for group in summary.groups for arm in group.arms if arm.lossless]
    changed = [(name, found.error) for name, found in audits if found.error]
    for name, replies in changed:
        console.print(
            f"[red]{name} changed {replies} replies[/red] of its plain arm: see `lab audit`.",
            highlight=False,
        )
    return not failed and not changed


def _show(target: Target, console: Any, as_json: bool) -> Summary:
    from lab.analysis.document import run_document
    from lab.analysis.summary import summarize
    from lab.reports.build import build_report
    from lab.reports.terminal import arms_table
    from lab.store import Store

    with Store.open(target.folder) as store:
        summary = summarize(store.run(), store.cells(), store.calls(), store.outcomes(), store.quality())
    console.print(arms_table(summary))
    try:
        report = str(build_report(target.folder))
        console.print(f"Run:    {target.folder}\nReport: {report}", highlight=False)
    except UserError as error:
        # The run is measured and stored; a report can be made later.
        report = None
        console.print(f"Run:    {target.folder}\nNo report: {error}", highlight=False)
    if as_json:
        click.echo(json.dumps(run_document(summary, folder=str(target.folder), report=report)))
    return summary
