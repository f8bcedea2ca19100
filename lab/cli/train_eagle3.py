"""`lab train eagle3`: a draft head from what the target itself says."""

from __future__ import annotations

import dataclasses
import json
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
    Stop,
    course_options,
    data_options,
    device_of,
    prepare_device,
    sessions_of,
    setting_of,
    stopping,
)
from lab.errors import UserError
from lab.speculation.options import DraftOptions
from lab.train.config import Eagle3Config

if TYPE_CHECKING:
    from lab.engines.native import NativeEngine
    from lab.session import Session
    from lab.train.eagle3.collect import FeatureCache, Seen
    from lab.train.eagle3.evaluate import HeadEvaluation
    from lab.train.eagle3.trainer import HeadTrainer, Survey
    from lab.train.loop import StepLog
    from lab.zoo.resolve import ModelFiles

_setting = setting_of(Eagle3Config)


@click.command()
@click.option(
    "--model",
    default="smollm2-135m-agent",
    show_default=True,
    help="The target: a name of `lab models list`, a folder or a hub id.",
)
@data_options
@click.option(
    "--out", type=FILE, required=True, help="The training's folder; the same command again resumes it."
)
@click.option(
    "--from", "start", type=FILE, metavar="HEAD", help="Train this head's folder on, not a new one."
)
@_setting("unroll", int, "Steps of the training-time test.")
@_setting("decay", float, "Weight of each of these steps relative to the one before.")
@_setting("vocabulary", int, "Tokens that the head can draft: the most frequent of the replies.")
@_setting("intermediate", int, "Width of the head's MLP; the target's if not given.")
@_setting("lr", float, "Peak learning rate.")
@_setting("warmup", float, "Share of the steps that warm up.")
@_setting("epochs", float, "Passes over the replies; may be a fraction.")
@_setting("batch_tokens", int, "Tokens of one optimizer step.")
@_setting("clip", float, "Largest norm of a step's gradient.")
@_setting(
    "precision",
    click.Choice(["bf16", "fp32"]),
    "Of the answering target and of the head's products.",
)
@_setting("seed", int, "Of the generated sessions, their order and the head's first weights.")
@click.option(
    "--cache-gb",
    type=click.FloatRange(min=0, min_open=True),
    default=8.0,
    show_default=True,
    help="Most disk that the target's hidden states may take; sessions beyond are left out.",
)
@click.option(
    "--tree",
    default=DraftOptions().tree,
    show_default=True,
    help="Shape of the drafts whose accepted length is evaluated.",
)
@click.option(
    "--evaluations",
    type=click.IntRange(min=0),
    default=2,
    show_default=True,
    help="How often the accepted length is measured on the validation sessions.",
)
@course_options
def eagle3(
    model: str,
    families: str | None,
    number: int,
    share: int,
    files: tuple[Path, ...],
    validation: Path | None,
    out: Path,
    start: Path | None,
    cache_gb: float,
    tree: str,
    evaluations: int,
    max_minutes: float | None,
    checkpoint_minutes: float,
    threads: int | None,
    device: str,
    as_json: bool,
    **settings: Any,
) -> None:
    """Train an EAGLE-3 draft head for MODEL on its own replies to sessions."""
    from lab.speculation.eagle3.checkpoint import WEIGHTS
    from lab.speculation.options import parse_tree
    from lab.train.folder import FEATURES, HEAD, Training, claim, digest, digest_file, refuse_finished

    config = Eagle3Config(**settings)
    try:
        parse_tree(tree)
    except ValueError as error:
        raise UserError(f"--tree: {error}") from None
    refuse_finished(out, HEAD)
    sessions, held_out = sessions_of(families, number, share, config.seed, files, validation)
    prepare_device(device, threads)
    console = Console(stderr=as_json)
    base = _resolve(model, console)
    engine = _engine(base, config, device)
    for session in held_out:
        _check_fits(engine, session)
    begun = None if start is None else digest_file(start / WEIGHTS)
    training = Training(model, config, digest(sessions), digest(held_out), begun)
    resumed = claim(out, training, HEAD)
    from lab.train.eagle3.collect import FeatureCache
    from lab.train.eagle3.evaluate import HeadEvaluation, HeadEvaluator
    from lab.train.eagle3.trainer import HeadTrainer, Survey, output_weights
    from lab.train.evaluate import read_evaluations
    from lab.train.loop import read_log

    seconds = None if max_minutes is None else max_minutes * 60
    with stopping(seconds) as stop:
        limit = int(cache_gb * 1e9)
        cache = FeatureCache(out / FEATURES, digest(sessions), limit=limit)
        there, complete = _collect(cache, engine, base, sessions, stop, console)
        checks = FeatureCache(out / FEATURES / "validation", digest(held_out), limit=limit)
        checked, check_complete = (
            _collect(checks, engine, base, held_out, stop, console) if complete else (0, False)
        )
        finished, steps, planned = False, read_log(out), 0
        evaluated: list[HeadEvaluation] = read_evaluations(out, HeadEvaluation)
        if check_complete and there:
            survey = Survey.of(cache.load, there, engine.decoder.config.vocabulary)
            heard = [seen for place in range(checked) for seen in checks.load(place)]
            trainer = HeadTrainer(
                engine.decoder,
                output_weights(base.path, engine.decoder),
                cache.load,
                survey,
                config,
                held_out=heard,
                start=start,
                trained_context=max((size.longest for size in survey.sizes), default=0),
            )
            planned = len(trainer.steps)
            _announce(console, out, resumed, trainer, survey, heard)
            evaluator = HeadEvaluator(
                trainer,
                engine,
                held_out,
                out,
                wire_family=base.wire_family,
                tree=tree,
                times=evaluations,
                stop=stop,
                tell=partial(_evaluated, console),
            )
            finished = trainer.run(
                out, stop=stop, tell=Lines(console), visit=evaluator, checkpoint_s=checkpoint_minutes * 60
            )
            steps, evaluated = read_log(out), read_evaluations(out, HeadEvaluation)
            if finished:
                _finish(trainer, out, steps, evaluated)
                console.print(
                    f"Head: {out / HEAD}\nTry it with: lab run --model {model} --speculation none,eagle3 "
                    f"--draft-head {out / HEAD}",
                    highlight=False,
                    soft_wrap=True,
                )
    if not finished:
        console.print(f"Stopped after step {len(steps)}; the same command goes on.", highlight=False)
    if as_json:
        click.echo(json.dumps(_document(out, finished, steps, planned, evaluated)))
    if stop.interrupted and not finished:
        sys.exit(INTERRUPTED)


def _resolve(model: str, console: Console) -> ModelFiles:
    from lab.cli.progress import progress_bar
    from lab.zoo.resolve import resolve

    with progress_bar(console) as progress:
        return resolve(model, progress=progress)


def _engine(base: ModelFiles, config: Eagle3Config, device: str) -> NativeEngine:
    from lab.engines.base import EngineConfig
    from lab.engines.native import NativeEngine

    return NativeEngine(EngineConfig(base.path, precision=config.precision, device=str(device_of(device))))


def _taps(engine: NativeEngine) -> tuple[int, int, int]:
    from lab.speculation.eagle3.checkpoint import default_taps

    return default_taps(engine.decoder.config.layers)


def _check_fits(engine: NativeEngine, session: Session) -> None:
    from lab.engines.base import Decoding
    from lab.replay import prompt_of

    for call in session.calls:
        engine.check(prompt_of(session, call), Decoding(call.max_tokens))


def _collect(
    cache: FeatureCache,
    engine: NativeEngine,
    base: ModelFiles,
    sessions: list[Session],
    stop: Stop,
    console: Console,
) -> tuple[int, bool]:
    from lab.cli.progress import progress_bar
    from lab.train.eagle3.collect import collect

    with progress_bar(console) as progress:

        def tell(done: int) -> bool:
            progress("answer", done, len(sessions))
            return not stop()

        there, complete = cache.fill(
            len(sessions),
            lambda done: collect(engine, sessions[done:], _taps(engine), base.wire_family),
            tell,
        )
    if complete and there < len(sessions):
        console.print(
            f"[yellow]{len(sessions) - there} of {len(sessions)} sessions are left out[/yellow]: "
            "their hidden states do not fit into --cache-gb.",
            highlight=False,
        )
    return there, complete


def _announce(
    console: Console, out: Path, resumed: bool, trainer: HeadTrainer, survey: Survey, heard: list[Seen]
) -> None:
    learnt, tokens = (sum(getattr(size, name) for size in survey.sizes) for name in ("learnt", "tokens"))
    console.print(
        f"{'Resuming' if resumed else 'Training'} [bold]{out}[/bold]: {learnt:,} tokens to draft in "
        f"{tokens:,} read, {len(trainer.steps)} steps; the draft vocabulary of {len(trainer.ids):,} holds "
        f"{100 * survey.coverage(trainer.ids):.2f} % of the replies"
        + ("." if heard else "; no validation sessions."),
        highlight=False,
    )


def _evaluated(console: Console, found: HeadEvaluation) -> None:
    console.print(
        f"evaluated after step {found.step}: accepted length {found.accepted_length:.2f} ({found.tree}) over "
        f"{found.verify_steps} verify steps, in {found.seconds:.0f} s",
        highlight=False,
    )


def _finish(trainer: HeadTrainer, out: Path, steps: list[StepLog], evaluated: list[HeadEvaluation]) -> None:
    from lab.train.folder import HEAD, PLOT
    from lab.train.plot import plot_head_training

    plot_head_training(steps, evaluated, out / PLOT)
    partial_ = out / f".{HEAD}.partial"
    trainer.save_head(partial_)
    partial_.replace(out / HEAD)


def _document(
    out: Path, finished: bool, steps: list[StepLog], planned: int, evaluated: list[HeadEvaluation]
) -> dict[str, Any]:
    from lab.train.folder import HEAD, SCHEMA

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
        "evaluations": [
            dataclasses.asdict(found) | {"accepted_length": found.accepted_length} for found in evaluated
        ],
        "head": str(out / HEAD) if finished else None,
    }
