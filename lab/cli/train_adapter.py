"""`lab train adapter`: a LoRA adapter from sessions."""

from __future__ import annotations

import dataclasses
import json
import shlex
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console

from lab.cli.train_shared import (
    FILE,
    INTERRUPTED,
    Lines,
    course_options,
    data_options,
    device_of,
    examples_within,
    prepare_device,
    require_peft,
    sessions_of,
    setting_of,
    stopping,
)
from lab.errors import UserError
from lab.train.config import AdapterConfig

if TYPE_CHECKING:
    from lab.train.adapter import Trainer
    from lab.train.evaluate import Evaluation
    from lab.train.loop import StepLog
    from lab.zoo.resolve import ModelFiles

_setting = setting_of(AdapterConfig)


@click.command()
@click.option(
    "--model",
    default="smollm2-135m",
    show_default=True,
    help="A name of `lab models list`, a folder or a hub id.",
)
@data_options
@click.option(
    "--out", type=FILE, required=True, help="The training's folder; the same command again resumes it."
)
@click.option(
    "--from",
    "start",
    type=FILE,
    metavar="ADAPTER",
    help="Train this adapter's folder on, not a new one; it may have a lower rank or fewer layers.",
)
@_setting("rank", int, "Rank of the adapter.")
@_setting("alpha", int, "Scale of the adapter, divided by its rank.")
@_setting("dropout", float, "Dropout before the adapter.")
@_setting("frozen", int, "So many of the lowest layers get no adapter.")
@_setting("lr", float, "Peak learning rate.")
@_setting("warmup", float, "Share of the steps that warm up.")
@_setting("epochs", float, "Passes over the sessions; may be a fraction.")
@_setting("length", int, "Longest session in tokens; longer ones are left out and counted.")
@_setting("forward_tokens", int, "Most tokens of one forward; --length if not given.")
@_setting("batch_tokens", int, "Tokens of one optimizer step.")
@_setting("clip", float, "Largest norm of a step's gradient.")
@_setting("precision", click.Choice(["bf16", "fp32"]), "How the model is held and computed.")
@_setting("compile", bool, "Fuse the layers with torch.compile; on CPU it needs a C++ compiler.")
@_setting("text_weight", float, "What the wording of replies without a call counts for, 0 to 1.")
@_setting("no_call_weight", float, "What it counts for that such a reply calls no tool.")
@_setting("mask_names", float, "Share of the agents whose tools go by other names; not in validation.")
@_setting("openings", float, "Share of the sessions trained up to their first reply; not in validation.")
@_setting("vary_words", float, "Share of the sessions whose copied words are other ones; not in validation.")
@_setting("copies", int, "Sessions beyond those, each of a call that copies some twelve words.")
@_setting("seed", int, "Of the generated sessions, their order and the adapter's first weights.")
@click.option(
    "--evaluations",
    type=click.IntRange(min=0),
    default=2,
    show_default=True,
    help="How often the validation sessions are replayed and scored, the base model not counted.",
)
@course_options
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
    from lab.models.tokenizer import ChatTokenizer
    from lab.train.copies import copies
    from lab.train.folder import MERGED, Training, claim, digest, refuse_finished
    from lab.train.masking import mask_names
    from lab.train.openings import openings
    from lab.train.words import teachable, vary_words, words_of

    config = AdapterConfig(**settings)
    refuse_finished(out, MERGED)
    require_peft()
    sessions, held_out = sessions_of(families, number, share, config.seed, files, validation)
    sessions = mask_names(sessions, config.mask_names, config.seed)
    sessions = openings(sessions, config.openings, config.seed)
    prepare_device(device, threads)
    console = Console(stderr=as_json)
    base = _resolve(model, config, console)
    if config.vary_words or config.copies:
        words = words_of(ChatTokenizer.load(base.path))
        if not words:
            option = "--vary-words" if config.vary_words else "--copies"
            got = f"{base.name}, whose tokenizer spells every word alike behind a blank and a quote"
            raise UserError(option, got=got, expected="0 for this model")
        words = teachable(words)
        sessions = vary_words(sessions, config.vary_words, config.seed, words)
        sessions += copies(config.copies, config.seed, words)
    data, check = (
        examples_within(config.length, chosen, base, console, what)
        for what, chosen in (("training", sessions), ("validation", held_out))
    )
    if not data.sequences:
        raise UserError("--length", got=config.length, expected="one that at least one session fits into")
    begun = None if start is None else _digest(start)
    resumed = claim(out, Training(model, config, digest(sessions), digest(held_out), begun), MERGED)
    from lab.train.adapter import Trainer
    from lab.train.evaluate import Evaluation, Evaluator, read_evaluations
    from lab.train.loop import read_log

    trainer = Trainer(
        base.path,
        data.sequences,
        config,
        device=device_of(device),
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
    with stopping(seconds) as stop:
        lines = Lines(console)
        kept = [session for session in held_out if session.id not in check.skipped]
        tell = partial(_evaluated, console)
        evaluator = Evaluator(trainer, base, kept, out, times=evaluations, stop=stop, tell=tell)
        finished = trainer.run(
            out, stop=stop, tell=lines, visit=evaluator, checkpoint_s=checkpoint_minutes * 60
        )
    steps, evaluated = read_log(out), read_evaluations(out, Evaluation)
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
        sys.exit(INTERRUPTED)


def _digest(adapter: Path) -> str:
    from lab.train.folder import digest_file
    from lab.zoo.adapter import WEIGHTS, read_adapter_config

    read_adapter_config(adapter)
    return digest_file(adapter / WEIGHTS)


def _evaluated(console: Console, found: Evaluation) -> None:
    console.print(
        f"evaluated after step {found.step}: {found.args_ok} of {found.calls} calls right, "
        f"{found.parse_ok} well-formed, in {found.seconds:.0f} s",
        highlight=False,
    )


def _resolve(model: str, config: AdapterConfig, console: Console) -> ModelFiles:
    from lab.cli.progress import progress_bar
    from lab.zoo.resolve import read_config, resolve

    with progress_bar(console) as progress:
        files = resolve(model, progress=progress)
    context = read_config(files.path).get("max_position_embeddings")
    if isinstance(context, int) and config.length > context:
        raise UserError("--length", got=config.length, expected=f"at most {context}, the context of {model}")
    return files


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
