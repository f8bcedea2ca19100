"""`lab audit`: did speculation change the output? From a stored run."""

from __future__ import annotations

import json
import sys
from typing import Any

import click

from lab.cli.report import find_run


@click.command()
@click.argument("run", default="latest")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document as the last line.")
def audit(run: str, as_json: bool) -> None:
    """Compare each speculative arm of RUN with the plain arm of its precision, token by token.

    RUN is a run's folder, its id under lab-runs/, or `latest`. Exit code 1 if any call is an error.
    """
    from rich.console import Console

    from lab.analysis.summary import summarize
    from lab.reports.terminal import audit_table
    from lab.store import Store

    folder = find_run(run)
    with Store.open(folder) as store:
        summary = summarize(store.run(), store.cells(), store.calls(), store.outcomes(), store.quality())
    Console(stderr=as_json).print(audit_table(summary))
    arms = [
        {"model": group.model, "scenario": group.scenario} | _arm(arm)
        for group in summary.groups
        for arm in group.arms
        if arm.lossless
    ]
    if as_json:
        click.echo(json.dumps({"schema": "lab-audit/1", "run": str(folder), "arms": arms}))
    sys.exit(1 if any(arm["error"] for arm in arms) else 0)


def _arm(arm: Any) -> dict[str, Any]:
    from dataclasses import asdict

    axes = {name: getattr(arm, name) for name in ("precision", "speculation", "guided", "kv")}
    return axes | asdict(arm.lossless)
