"""`lab doctor`: what can run here, what is missing, and how to get it."""

from __future__ import annotations

import json
from dataclasses import asdict

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from lab.cli.checks import all_checks

_STYLES = {"ok": "green", "warn": "yellow", "missing": "bold red"}


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document as the last line.")
@click.pass_context
def doctor(context: click.Context, as_json: bool) -> None:
    """Say what can run here, and for what is missing its cost and the command that gets it.

    Exits with 1 if something stops `lab run`.
    """
    checks = all_checks()
    able = all(check.status != "missing" for check in checks)
    table = Table("", "check", "found")
    for check in checks:
        found = Text(check.found)
        if check.advice:
            found.append(f"\n{check.advice}", style=_STYLES[check.status])
        table.add_row(Text(check.status, style=_STYLES[check.status]), check.name, found)
    console = Console()
    console.print(table)
    console.print(
        "`lab run` can run here." if able else "`lab run` cannot run here: see what is missing above."
    )
    if as_json:
        click.echo(json.dumps({"can_run": able, "checks": [asdict(check) for check in checks]}))
    context.exit(0 if able else 1)
