"""What the trainings' commands share: their data, their device, stopping, and what they print."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console

from lab.errors import UserError

if TYPE_CHECKING:
    from lab.models.examples import Examples
    from lab.session import Session
    from lab.train.loop import StepLog
    from lab.zoo.resolve import ModelFiles

# Exit code of a training that was interrupted: 128 + SIGINT, as shells have it.
INTERRUPTED = 130
_LINE_EVERY_S = 10.0
FILE = click.Path(path_type=Path)


def setting_of(config: type) -> Callable[[str, Any, str], Callable[[Any], Any]]:
    """`setting(name, type, help)` is the option of one field of `config`, which has its default."""

    def setting(name: str, kind: Any, text: str) -> Callable[[Any], Any]:
        default = getattr(config, name)
        return click.option(
            f"--{name.replace('_', '-')}",
            type=kind,
            is_flag=kind is bool,
            default=default,
            show_default=default is not None,
            help=text,
        )

    return setting


def data_options(function: Any) -> Any:
    """The options that say which sessions there are to train and to validate on."""
    options = (
        click.option(
            "--families",
            metavar="NAME[:N],...",
            help="Families of `lab sessions generate`, split train; N sessions of each in place of --n.",
        ),
        click.option(
            "--n",
            "number",
            type=click.IntRange(min=1),
            default=200,
            show_default=True,
            help="Sessions of each family that names no number of its own.",
        ),
        click.option(
            "--share",
            type=click.IntRange(min=1),
            default=1,
            show_default=True,
            help="So many generated sessions in a row have one system prompt and catalog.",
        ),
        click.option(
            "--sessions",
            "files",
            type=FILE,
            multiple=True,
            metavar="FILE",
            help="A session file; may be repeated.",
        ),
        click.option("--validation", type=FILE, metavar="FILE", help="Held-out sessions."),
    )
    for option in reversed(options):
        function = option(function)
    return function


def course_options(function: Any) -> Any:
    """The options that do not change a training's result."""
    options = (
        click.option(
            "--max-minutes",
            type=click.FloatRange(min=0, min_open=True),
            help="Stop after so long; the same command goes on.",
        ),
        click.option(
            "--checkpoint-minutes",
            type=click.FloatRange(min=0, min_open=True),
            default=5.0,
            show_default=True,
            help="Time between checkpoints.",
        ),
    )
    function = device_options(function)
    for option in reversed(options):
        function = option(function)
    return function


def device_options(function: Any) -> Any:
    """The options that say where to compute, and that the result is wanted as JSON."""
    options = (
        click.option(
            "--threads", type=click.IntRange(min=1), help="CPU threads; the usable cores by default."
        ),
        click.option(
            "--device",
            type=click.Choice(["cpu", "cuda"]),
            default="cpu",
            show_default=True,
            help="Where to compute.",
        ),
        click.option("--json", "as_json", is_flag=True, help="Print one JSON document as the last line."),
    )
    for option in reversed(options):
        function = option(function)
    return function


def sessions_of(
    families: str | None,
    number: int,
    share: int,
    seed: int,
    files: tuple[Path, ...],
    validation: Path | None,
) -> tuple[list[Session], list[Session]]:
    """The sessions to train on and those to validate on."""
    from lab.scenarios.generate import check, generate, generate_shared
    from lab.session import load_sessions

    wanted = _wanted(families, number) if families is not None else {}
    if not wanted and not files:
        raise UserError("nothing to train on", expected="--families or --sessions")
    for name in wanted:
        check(name, "train")
    held_out = load_sessions(validation) if validation else []
    found = [session for file in files for session in load_sessions(file)]
    if share > 1:
        found += generate_shared(wanted, share=share, seed=seed, split="train")
    else:
        for name, n in wanted.items():
            found += generate(name, n=n, seed=seed, split="train")
    seen: set[str] = set()
    for session in found:
        if session.id in seen:
            raise UserError(
                "--sessions", got=f"session id {session.id!r} twice", expected="each session once"
            )
        seen.add(session.id)
    for session in held_out:
        if session.id in seen:
            raise UserError(
                "--validation", got=f"session {session.id!r}", expected="sessions that are not trained on"
            )
    return found, held_out


def _wanted(families: str, number: int) -> dict[str, int]:
    """`chain:300,sql` -> how many sessions of which family."""
    wanted: dict[str, int] = {}
    for item in families.split(","):
        name, colon, n = item.strip().partition(":")
        if colon and not (n.isascii() and n.isdecimal() and int(n) > 0):
            raise UserError("--families", got=repr(item), expected="NAME or NAME:N with N at least 1")
        wanted[name] = int(n) if colon else number
    return wanted


def examples_within(
    length: int, sessions: Sequence[Session], base: ModelFiles, console: Console, what: str
) -> Examples:
    """The token sequences of `what` sessions of at most `length` tokens; says how many are longer."""
    from lab.models.examples import collect
    from lab.models.tokenizer import ChatTokenizer

    found = collect(sessions, ChatTokenizer.load(base.path), length=length)
    if found.skipped:
        console.print(
            f"[yellow]{len(found.skipped)} of {len(sessions)} {what} sessions are left out[/yellow]: "
            f"longer than {length} tokens.",
            highlight=False,
        )
    return found


def require_peft() -> None:
    if find_spec("peft") is None:
        raise UserError("training needs the package peft", hint="pip install 'specquant-lab[train]'")


def prepare_device(device: str, threads: int | None) -> None:
    # Read when CUDA starts: without it cuBLAS sums in an order that may change from run to run.
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    # Likewise when oneDNN starts: it compiles a product for every size, and a training has more of them than
    # the 1,024 that it keeps by default.
    os.environ.setdefault("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "16384")
    import torch

    from lab.measure.machine import default_threads
    from lab.measure.memory import keep_freed

    if device == "cuda" and not torch.cuda.is_available():
        raise UserError("--device", got="cuda", expected="cpu: torch finds no CUDA device here")
    torch.set_num_threads(threads or default_threads())
    keep_freed()
    if device == "cuda":
        torch.use_deterministic_algorithms(True, warn_only=True)


def device_of(name: str) -> Any:
    import torch

    return torch.device(name)


@dataclass
class Stop:
    """Whether to stop: the time is up, or Ctrl-C (or a request to terminate) came."""

    until: float
    interrupted: bool = False

    def __call__(self) -> bool:
        return self.interrupted or time.monotonic() >= self.until


@contextmanager
def stopping(seconds: float | None) -> Iterator[Stop]:
    stop = Stop(float("inf") if seconds is None else time.monotonic() + seconds)

    def ask(_signal: int, _frame: object) -> None:
        if stop.interrupted:
            raise KeyboardInterrupt  # the second time, at once; the last checkpoint is whole
        stop.interrupted = True

    before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class Lines:
    """Prints a step now and then: loss, tokens/s, time left."""

    def __init__(self, console: Console):
        self._console, self._last = console, float("-inf")

    def __call__(self, line: StepLog) -> None:
        now = time.monotonic()
        due = now - self._last >= _LINE_EVERY_S or line.step == line.steps
        if not due and line.validation_loss is None:
            return
        self._last = now
        left = line.seconds / line.step * (line.steps - line.step)
        held_out = "" if line.validation_loss is None else f"  validation {line.validation_loss:.4f}"
        self._console.print(
            f"step {line.step}/{line.steps}  loss {line.loss:.4f}{held_out}  "
            f"{line.tokens_per_s:,.0f} tokens/s  {left / 60:.1f} min left",
            highlight=False,
        )
