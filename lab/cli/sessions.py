"""`lab sessions`: list, show, validate and generate sessions."""

from __future__ import annotations

import json
import sys
import textwrap
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from lab.errors import UserError, did_you_mean
from lab.scenarios.library import load_scenario
from lab.session import (
    Call,
    ExpectedCall,
    Function,
    Message,
    Session,
    dump_session,
    load_sessions,
    read_sessions,
)

ROLE_STYLES = {"system": "magenta", "user": "green", "assistant": "cyan", "tool": "yellow"}


@click.group()
def sessions() -> None:
    """List, show, validate and generate agent sessions."""


@sessions.command("list")
@click.argument("scenario", default="authored")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def list_(scenario: str, as_json: bool) -> None:
    """Print the sessions of SCENARIO: a preset's name, or a .jsonl or .yaml file."""
    loaded = load_scenario(scenario)
    rows = [_row(session) for session in loaded.sessions]
    calls = sum(row["calls"] for row in rows)
    if as_json:
        facts = {"scenario": loaded.name, "description": loaded.description, "digest": loaded.digest}
        click.echo(json.dumps({**facts, "calls": calls, "sessions": rows}, ensure_ascii=False))
        return
    domains = {row["domain"] for row in rows} - {None}
    table = Table(show_footer=True)
    table.add_column("id", _count(len(rows), "session"), no_wrap=True)
    table.add_column("domain", _count(len(domains), "domain"))
    table.add_column("tags")
    table.add_column("tools", justify="right")
    table.add_column("calls", str(calls), justify="right")
    for row in rows:
        tags = " ".join(tag for tag in row["tags"] if tag != row["domain"])
        cells = (row["id"], row["domain"] or "–", tags, str(row["tools"]), str(row["calls"]))
        table.add_row(*(Text(cell) for cell in cells))
    console = Console()
    console.print(Text.assemble((loaded.name, "bold"), f"  {loaded.description}"))
    console.print(table)


@sessions.command()
@click.argument("session_id", metavar="ID")
@click.option("--scenario", default="authored", show_default=True, help="A preset's name, or a file.")
@click.option(
    "--call", "number", type=click.IntRange(min=0), help="Only this call, counted from 0, with its prompt."
)
def show(session_id: str, scenario: str, number: int | None) -> None:
    """Print session ID: its tools, its messages, and what is expected at each call."""
    by_id = {session.id: session for session in load_scenario(scenario).sessions}
    if session_id not in by_id:
        near = did_you_mean(session_id, by_id) or f"`lab sessions list {scenario}` shows them all."
        raise UserError(
            "session", got=repr(session_id), expected=f"an id of scenario {scenario!r}", hint=near
        )
    session = by_id[session_id]
    if number is not None and number >= len(session.calls):
        raise UserError("--call", got=number, expected=f"0 to {len(session.calls) - 1}")
    _print_session(Console(), session, number)


@sessions.command()
@click.argument("file")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def validate(file: str, as_json: bool) -> None:
    """Check every session of FILE, a .jsonl file, or of standard input if FILE is -."""
    found = read_sessions(sys.stdin.buffer, "standard input") if file == "-" else load_sessions(Path(file))
    calls = sum(len(session.calls) for session in found)
    if as_json:
        click.echo(json.dumps({"file": file, "valid": True, "sessions": len(found), "calls": calls}))
    else:
        click.echo(f"{_count(len(found), 'session')}, {_count(calls, 'call')}: valid")


class _WithFamilies(click.Command):
    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        from lab.scenarios.generate import FAMILIES  # Only help and generation itself need the worlds.

        with formatter.section("Families"):
            indent = " " * formatter.current_indent
            names = textwrap.fill(
                ", ".join(FAMILIES),
                formatter.width,
                initial_indent=indent,
                subsequent_indent=indent,
                break_on_hyphens=False,
            )
            formatter.write(f"{names}\n")


@sessions.command(cls=_WithFamilies)
@click.argument("family")
@click.option("--n", "number", type=click.IntRange(min=1), default=50, show_default=True, help="How many.")
@click.option("--seed", type=int, default=0, show_default=True, help="The same seed gives the same bytes.")
@click.option("--split", default="test", show_default=True, help="train, validation or test.")
@click.option("--out", default="-", show_default=True, help="A .jsonl file, or - for standard output.")
def generate(family: str, number: int, seed: int, split: str, out: str) -> None:
    """Make sessions of FAMILY from the tool worlds, one JSON object a line."""
    from lab.scenarios.generate import check
    from lab.scenarios.generate import generate as made

    lines = (
        f"{dump_session(session)}\n"
        for session in made(family, n=number, seed=seed, split=check(family, split))
    )
    if out == "-":
        for line in lines:
            click.echo(line, nl=False)
        return
    try:
        with Path(out).open("w", encoding="utf-8", newline="\n") as file:
            file.writelines(lines)
    except OSError as error:
        raise UserError(f"--out {out}", got=error.strerror, expected="a file that can be written") from None
    click.echo(f"{_count(number, 'session')} of {family} ({split}, seed {seed}) in {out}", err=True)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _row(session: Session) -> dict[str, Any]:
    domain, slash, _ = session.id.partition("/")
    return {
        "id": session.id,
        "domain": domain if slash else None,
        "tags": list(session.tags),
        "tools": len(session.tools),
        "calls": len(session.calls),
        "gold": session.source.gold,
    }


def _print_session(console: Console, session: Session, number: int | None) -> None:
    source = session.source
    truth = "" if source.gold else ", an observation, not gold"
    console.print(Text.assemble((session.id, "bold"), f"  {' '.join(session.tags)}"))
    console.print(Text(f"{source.name} {source.version}, {source.license}{truth}", style="dim"))
    only = None if number is None else session.calls[number]
    visible = only.tools_visible if only else None
    functions = [tool.function for tool in session.tools]
    _print_tools(console, [f for f in functions if visible is None or f.name in visible])
    calls = {call.at: index for index, call in enumerate(session.calls) if only in (None, call)}
    grid = Table.grid(padding=(0, 1))
    for style in ("dim", "bold", ""):
        grid.add_column(style=style, overflow="fold")
    for index, message in enumerate(session.messages[: only.at + 1 if only else None]):
        if index in calls:
            expected = _expected(session.calls[calls[index]])
            grid.add_row("", f"call {calls[index]}", Text(expected, style="bold"))
        grid.add_row(str(index), Text(message.role, style=ROLE_STYLES[message.role]), _body(message))
    console.print(grid)


def _print_tools(console: Console, functions: Iterable[Function]) -> None:
    table = Table("tool", "arguments (* required)", "description", title="Tools", title_justify="left")
    for function in functions:
        schema: Any = function.parameters
        required = schema.get("required", [])
        arguments = " ".join(name + "*" * (name in required) for name in schema.get("properties", {}))
        table.add_row(Text(function.name), Text(arguments), Text(function.description))
    console.print(table)


def _expected(call: Call) -> str:
    expect = call.expect
    lines = [{"calls": "expects:", "no_call": "expects no call", "any": "expects anything"}[expect.kind]]
    lines += [_signature(expected) for expected in expect.calls]
    for alternative in expect.alternatives:
        lines += ["or else:", *([_signature(expected) for expected in alternative] or ["no call"])]
    if len(expect.calls) > 1:
        lines.append("in this order" if expect.order == "strict" else "in any order")
    if expect.extra == "ignore":
        lines.append("and perhaps others")
    if call.tools_visible is not None:
        lines.append(f"sees only {', '.join(call.tools_visible) or 'no tool'}")
    pause = "" if call.timing.tool_ms is None else f", its tools took {call.timing.tool_ms:g} ms"
    return "\n".join([*lines, f"at most {call.max_tokens} tokens{pause}"])


def _signature(call: ExpectedCall) -> str:
    values = {name: json.dumps(value, ensure_ascii=False) for name, value in call.arguments.items()}
    return f"  {call.name}({', '.join(f'{name}={value}' for name, value in values.items())})"


def _body(message: Message) -> Text:
    calls = [
        f"{call.id} = {call.function.name}({call.function.arguments})" for call in message.tool_calls or ()
    ]
    answered = f"{message.tool_call_id} -> " if message.tool_call_id else ""
    return Text("\n".join([*([answered + message.content] if message.content else []), *calls]))
