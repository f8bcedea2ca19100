"""The command line: one module a command, imported when it is used, so that `lab --help` is quick."""

from __future__ import annotations

import importlib
import sys

import click

from lab import __version__
from lab.errors import UserError, did_you_mean

# name -> where its Click command is, and its line in `lab --help`.
COMMANDS: dict[str, tuple[str, str]] = {
    "run": ("lab.cli.run:run", "Replay agent sessions in every arm of a matrix, and compare the arms."),
    "report": ("lab.cli.report:report", "Tables, figures and a self-contained HTML page of a stored run."),
    "audit": ("lab.cli.audit:audit", "Did speculation change the output? Token by token, from a stored run."),
    "curve": ("lab.cli.curve:curve", "What verifying n tokens costs here, in plain steps, by kernel."),
    "probe": ("lab.cli.probe:probe", "Measure this machine's read bandwidth and arithmetic ceilings."),
    "doctor": ("lab.cli.doctor:doctor", "What can run here, what is missing, and how to get it."),
    "train": ("lab.cli.train:train", "Fine-tune a model on sessions."),
    "sessions": ("lab.cli.sessions:sessions", "List, show and validate recorded sessions."),
    "models": ("lab.cli.models:models", "List, pull and inspect models."),
}


class LazyGroup(click.Group):
    """A group that knows its commands' names and help without importing them."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - Click's signature
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in COMMANDS:
            return None
        module, _, attribute = COMMANDS[cmd_name][0].partition(":")
        command: click.Command = getattr(importlib.import_module(module), attribute)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and not args[0].startswith("-") and args[0] not in COMMANDS:
            near = did_you_mean(args[0], COMMANDS) or f"Commands: {', '.join(COMMANDS)}."
            ctx.fail(f"no such command {args[0]!r}. {near}")
        return super().resolve_command(ctx, args)


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, package_name="specquant-lab", prog_name="lab")
def cli() -> None:
    """Plain, speculative, 4-bit, or both? Measured on your agent's own sessions.

    `lab run` replays recorded tool-calling sessions in all four arms and says which one to serve.
    """


def main() -> None:
    """Entry point of the `lab` script. A UserError is one line on stderr and exit code 2."""
    try:
        cli.main(prog_name="lab")
    except UserError as error:
        click.echo(f"Error: {error}", err=True)
        sys.exit(2)
