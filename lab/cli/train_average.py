"""`lab train average`: the mean of a training's adapter and the one that it began from."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import click
from rich.console import Console

from lab.cli.train_shared import (
    FILE,
    device_of,
    device_options,
    examples_within,
    prepare_device,
    require_peft,
)
from lab.errors import UserError


@click.command()
@click.argument("training", type=FILE)
@click.option(
    "--from", "start", type=FILE, required=True, metavar="ADAPTER", help="What the training began from."
)
@click.option("--validation", type=FILE, required=True, metavar="FILE", help="Held-out sessions.")
@click.option("--out", type=FILE, required=True, help="A new folder for adapter and model.")
@device_options
def average(
    training: Path,
    start: Path,
    validation: Path,
    out: Path,
    threads: int | None,
    device: str,
    as_json: bool,
) -> None:
    """Average the adapter of the finished TRAINING with the one it began from.

    Tried are shares of 0, a quarter, a half, three quarters and 1; the mean with the lowest validation loss
    is merged into a model.
    """
    from lab.session import load_sessions
    from lab.train.config import AdapterConfig
    from lab.train.folder import ADAPTER, MERGED, digest_file, read_training
    from lab.zoo.adapter import WEIGHTS, read_adapter_config
    from lab.zoo.resolve import resolve

    require_peft()
    known = read_training(training)
    config = known.config
    if not (isinstance(config, AdapterConfig) and (training / MERGED).exists()):
        raise UserError(f"{training}", expected="a finished training of `lab train adapter`")
    read_adapter_config(start)
    if digest_file(start / WEIGHTS) != known.start:
        raise UserError(
            f"--from {start}", got="another adapter", expected=f"the one that {training} began from"
        )
    if out.exists():
        raise UserError(f"--out {out}", got="something there already", expected="a new folder")
    sessions = load_sessions(validation)
    prepare_device(device, threads)
    console = Console(stderr=as_json)
    base = resolve(known.model)
    check = examples_within(config.length, sessions, base, console, "validation")
    if not check.sequences:
        raise UserError(
            f"--validation {validation}", got="no session of that length", expected="one that fits --length"
        )

    from lab.train.adapter import Trainer, read_factors
    from lab.train.average import Mean
    from lab.train.average import average as best_mean
    from lab.train.merge import merge_adapter

    trained = read_factors(training / ADAPTER)
    trainer = Trainer(
        base.path,
        check.sequences,
        dataclasses.replace(config, compile=False),
        device=device_of(device),
        validation=check.sequences,
        name=base.name,
        start=start,
    )

    def tell(mean: Mean) -> None:
        console.print(f"share {mean.share:.2f}  validation {mean.validation_loss:.4f}", highlight=False)

    best, found = best_mean(trainer, trained, tell)
    out.mkdir(parents=True)
    trainer.save_adapter(out / ADAPTER)
    merged = merge_adapter(base.path, out / ADAPTER, out / MERGED)
    console.print(
        f"{best.share:.0%} of {training / ADAPTER}, {1 - best.share:.0%} of {start}\nModel: {merged}",
        highlight=False,
        soft_wrap=True,
    )
    if as_json:
        document = {
            "schema": "lab-average/1",
            "share": best.share,
            "means": [dataclasses.asdict(mean) for mean in found],
            "adapter": str(out / ADAPTER),
            "merged": str(merged),
        }
        click.echo(json.dumps(document))
