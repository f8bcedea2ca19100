"""`lab train`: fine-tuning on sessions."""

from __future__ import annotations

import dataclasses
import json
import os
import shlex
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console

from lab.errors import UserError
from lab.train.config import AdapterConfig

if TYPE_CHECKING:
    from lab.session import Session
    from lab.train.adapter import StepLog, Trainer
    from lab.train.evaluate import Evaluation
    from lab.train.examples import Examples
    from lab.zoo.resolve import ModelFiles

# Exit code of a training that was interrupted: 128 + SIGINT, as shells have it.
_INTERRUPTED = 130
_LINE_EVERY_S = 10.0
_FILE = click.Path(path_type=Path)


@click.group()
def train() -> None:
    """Train on sessions: adapter."""


def _setting(name: str, kind: Any, text: str) -> Callable[[Any], Any]:
    """The option of one field of `AdapterConfig`, which has its default."""
    default = getattr(AdapterConfig, name)
    shown = default is not None
    return click.option(
        f"--{name.replace('_', '-')}",
        type=kind,
        is_flag=kind is bool,
        default=default,
        show_default=shown,
        help=text,
    )


@train.command()
@click.option(
    "--model",
    default="smollm2-135m",
    show_default=True,
    help="A name of `lab models list`, a folder or a hub id.",
)
@click.option(
    "--families",
    metavar="NAME[:N],...",
    help="Families of `lab sessions generate`, split train; N sessions of each in place of --n.",
)
@click.option(
    "--n",
    "number",
    type=click.IntRange(min=1),
    default=200,
    show_default=True,
    help="Sessions of each family that names no number of its own.",
)
@click.option(
    "--share",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    help="So many generated sessions in a row have one system prompt and catalog, which are read once.",
)
@click.option(
    "--sessions", "files", type=_FILE, multiple=True, metavar="FILE", help="A session file; may be repeated."
)
@click.option("--validation", type=_FILE, metavar="FILE", help="Held-out sessions whose loss is logged.")
@click.option(
    "--out", type=_FILE, required=True, help="The training's folder; the same command again resumes it."
)
@click.option(
    "--from", "start", type=_FILE, metavar="ADAPTER", help="Train this adapter's folder on, not a new one."
)
@_setting("rank", int, "Rank of the adapter.")
@_setting("alpha", int, "Scale of the adapter, divided by its rank.")
@_setting("dropout", float, "Dropout before the adapter.")
@_setting("lr", float, "Peak learning rate.")
@_setting("warmup", float, "Share of the steps that warm up.")
@_setting("epochs", float, "Passes over the sessions; may be a fraction.")
@_setting("length", int, "Longest session in tokens; longer ones are left out and counted.")
@_setting("forward_tokens", int, "Most tokens of one forward; --length if not given.")
@_setting("batch_tokens", int, "Tokens of one optimizer step.")
@_setting("clip", float, "Largest norm of a step's gradient.")
@_setting("precision", click.Choice(["bf16", "fp32"]), "How the model is held and computed.")
@_setting("compile", bool, "Fuse the layers with torch.compile; on CPU it needs a C++ compiler.")
@_setting("seed", int, "Of the generated sessions, their order and the adapter's first weights.")
@click.option(
    "--max-minutes",
    type=click.FloatRange(min=0, min_open=True),
    help="Stop after so long; the same command goes on.",
)
@click.option(
    "--evaluations",
    type=click.IntRange(min=0),
    default=2,
    show_default=True,
    help="How often the validation sessions are replayed and scored, the base model not counted.",
)
@click.option(
    "--checkpoint-minutes",
    type=click.FloatRange(min=0, min_open=True),
    default=5.0,
    show_default=True,
    help="Time between checkpoints.",
)
@click.option("--threads", type=click.IntRange(min=1), help="CPU threads; the usable cores by default.")
@click.option(
    "--device", type=click.Choice(["cpu", "cuda"]), default="cpu", show_default=True, help="Where to train."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document as the last line.")
def adapter(
    model: str,
    families: str | None,
    number: int,
    share: int,
    files: tuple[Path, ...],
    validation: Path | None,
    out: Path,
    start: Path | None,
    max_minutes: float | None,
    evaluations: int,
    checkpoint_minutes: float,
    threads: int | None,
    device: str,
    as_json: bool,
    **settings: Any,
) -> None:
    """Fine-tune MODEL with LoRA on the replies of sessions, and merge the adapter into a model of its own."""
    from lab.train.folder import MERGED, Training, claim, digest, digest_adapter, refuse_finished

    config = AdapterConfig(**settings)
    refuse_finished(out)
    if find_spec("peft") is None:
        raise UserError("training needs the package peft", hint="pip install 'specquant-lab[train]'")
    sessions, held_out = _sessions(families, number, share, config.seed, files, validation)
    _prepare_device(device, threads)
    console = Console(stderr=as_json)
    base = _resolve(model, config, console)
    data, check = (
        _examples(chosen, base, config, console, what)
        for what, chosen in (("training", sessions), ("validation", held_out))
    )
    if not data.sequences:
        raise UserError("--length", got=config.length, expected="one that at least one session fits into")
    begun = None if start is None else digest_adapter(start)
    resumed = claim(out, Training(model, config, digest(sessions), digest(held_out), begun))
    from lab.train.adapter import Trainer, read_log
    from lab.train.evaluate import Evaluator, read_evaluations

    trainer = Trainer(
        base.path,
        data.sequences,
        config,
        device=_device(device),
        validation=check.sequences,
        name=base.name,
        start=start,
    )
    console.print(
        f"{'Resuming' if resumed else 'Training'} [bold]{out}[/bold]: {len(data.sequences)} sequences, "
        f"{len(trainer.steps)} steps",
        highlight=False,
    )
    seconds = None if max_minutes is None else max_minutes * 60
    with _stopping(seconds) as stop:
        lines = _Lines(console)
        kept = [session for session in held_out if session.id not in check.skipped]
        evaluator = Evaluator(trainer, base, kept, out, times=evaluations, stop=stop, tell=lines.evaluated)
        finished = trainer.run(
            out, stop=stop, tell=lines, visit=evaluator, checkpoint_s=checkpoint_minutes * 60
        )
    steps, evaluated = read_log(out), read_evaluations(out)
    if finished:
        _finish(trainer, base, out, steps, evaluated)
        scenario = validation or Path("authored")
        command = shlex.join(["lab", "run", "--model", str(out / MERGED), "--scenario", str(scenario)])
        console.print(f"Model: {out / MERGED}\nEvaluate it with: {command}", highlight=False, soft_wrap=True)
    else:
        console.print(
            f"Stopped after step {len(steps)} of {len(trainer.steps)}; the same command goes on.",
            highlight=False,
        )
    if as_json:
        more = {
            "evaluations": [dataclasses.asdict(found) for found in evaluated],
            "skipped": data.skipped,
            "validation_skipped": check.skipped,
        }
        click.echo(json.dumps(_document(out, finished, steps, len(trainer.steps)) | more))
    if stop.interrupted and not finished:
        sys.exit(_INTERRUPTED)


def _sessions(
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


def _prepare_device(device: str, threads: int | None) -> None:
    # Read when CUDA starts: without it cuBLAS sums in an order that may change from run to run.
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    import torch

    from lab.measure.machine import default_threads

    if device == "cuda" and not torch.cuda.is_available():
        raise UserError("--device", got="cuda", expected="cpu: torch finds no CUDA device here")
    torch.set_num_threads(threads or default_threads())
    if device == "cuda":
        torch.use_deterministic_algorithms(True, warn_only=True)


def _device(name: str) -> Any:
    import torch

    return torch.device(name)


def _resolve(model: str, config: AdapterConfig, console: Console) -> ModelFiles:
    from lab.cli.progress import progress_bar
    from lab.zoo.resolve import read_config, resolve

    with progress_bar(console) as progress:
        files = resolve(model, progress=progress)
    context = read_config(files.path).get("max_position_embeddings")
    if isinstance(context, int) and config.length > context:
        raise UserError("--length", got=config.length, expected=f"at most {context}, the context of {model}")
    return files


def _examples(
    sessions: list[Session], base: ModelFiles, config: AdapterConfig, console: Console, what: str
) -> Examples:
    from lab.models.tokenizer import ChatTokenizer
    from lab.train.examples import collect

    found = collect(sessions, ChatTokenizer.load(base.path), length=config.length)
    if found.skipped:
        console.print(
            f"[yellow]{len(found.skipped)} of {len(sessions)} {what} sessions are left out[/yellow]: "
            f"longer than {config.length} tokens.",
            highlight=False,
        )
    return found


def _finish(
    trainer: Trainer, base: ModelFiles, out: Path, steps: list[StepLog], evaluated: list[Evaluation]
) -> None:
    from lab.train.folder import ADAPTER, MERGED, PLOT
    from lab.train.merge import merge_adapter
    from lab.train.plot import plot_training

    trainer.save_adapter(out / ADAPTER)
    plot_training(steps, evaluated, out / PLOT)
    merge_adapter(base.path, out / ADAPTER, out / MERGED)


def _document(out: Path, finished: bool, steps: list[StepLog], planned: int) -> dict[str, Any]:
    from lab.train.folder import ADAPTER, MERGED, SCHEMA

    measured = [step.validation_loss for step in steps if step.validation_loss is not None]
    return {
        "schema": SCHEMA,
        "folder": str(out),
        "finished": finished,
        "step": len(steps),
        "steps": planned,
        "loss": steps[-1].loss if steps else None,
        "validation_loss": measured[-1] if measured else None,
        "tokens": sum(step.tokens for step in steps),
        "seconds": steps[-1].seconds if steps else 0.0,
        "adapter": str(out / ADAPTER) if finished else None,
        "merged": str(out / MERGED) if finished else None,
    }


@dataclasses.dataclass
class _Stop:
    """Whether to stop: the time is up, or Ctrl-C (or a request to terminate) came."""

    until: float
    interrupted: bool = False

    def __call__(self) -> bool:
        return self.interrupted or time.monotonic() >= self.until


@contextmanager
def _stopping(seconds: float | None) -> Iterator[_Stop]:
    stop = _Stop(float("inf") if seconds is None else time.monotonic() + seconds)

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


class _Lines:
    """Prints a step now and then (loss, tokens/s, time left), and every evaluation."""

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

    def evaluated(self, found: Evaluation) -> None:
        self._console.print(
            f"evaluated after step {found.step}: {found.args_ok} of {found.calls} calls right, "
            f"{found.parse_ok} well-formed, in {found.seconds:.0f} s",
            highlight=False,
        )
