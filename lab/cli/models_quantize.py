"""`lab models quantize`: a model's 4-bit version, made with calibration sessions."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console

from lab.cli.progress import progress_bar
from lab.cli.train_shared import FILE, examples_within, sessions_of, setting_of
from lab.errors import UserError
from lab.precision import PRECISIONS
from lab.quantize.base import FAMILIES, GPTQ, LENGTH, QUANTIZERS, GptqConfig, load_quantizer

if TYPE_CHECKING:
    from lab.zoo.resolve import ModelFiles

_setting = setting_of(GptqConfig)


@click.command("quantize")
@click.argument("model")
@click.option("--precision", default=GPTQ, show_default=True, help="What to make; so far gptq-w4.")
@click.option(
    "--families",
    default=",".join(f"{name}:{n}" for name, n in FAMILIES.items()),
    show_default=True,
    metavar="NAME[:N],...",
    help="Calibrate on generated sessions of the split train; ignored with --sessions.",
)
@click.option(
    "--sessions",
    "files",
    type=FILE,
    multiple=True,
    metavar="FILE",
    help="Calibrate on these; may be repeated.",
)
@click.option("--seed", default=0, show_default=True, help="Of the generated sessions.")
@click.option(
    "--length",
    type=click.IntRange(min=1),
    default=LENGTH,
    show_default=True,
    help="Longest session in tokens; longer ones are left out and counted.",
)
@_setting("by", click.Choice(list(QUANTIZERS)), "The lab's own GPTQ, or the package GPTQModel.")
@_setting("group", int, "Columns that share a scale; -1 for the whole row.")
@_setting("asymmetric", bool, "With a zero point a group.")
@_setting("act_order", bool, "GPTQModel: columns of the largest activations first; their order is stored.")
@_setting("damp", float, "Added to the Hessian's diagonal, as a share of its mean.")
@click.option("--out", type=FILE, help="The folder to write; by default the cache, where `lab run` looks.")
@click.option("--force", is_flag=True, help="Make it again if it is there.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document as the last line.")
def quantize(
    model: str,
    precision: str,
    families: str,
    files: tuple[Path, ...],
    seed: int,
    length: int,
    out: Path | None,
    force: bool,
    as_json: bool,
    **settings: Any,
) -> None:
    """Quantize MODEL (a name of the catalogue, a folder or a Hugging Face id) with calibration sessions.

    A run that was cut off goes on with the same command.
    """
    from lab.quantize.folder import quantize_gptq
    from lab.quantize.weights import method, quantized_dir
    from lab.zoo.resolve import resolve

    _check_precision(precision)
    config = GptqConfig(**settings)
    load_quantizer(config.by).maker()  # refuses what is not installed
    console = Console(stderr=as_json)
    with progress_bar(console) as progress:
        found = resolve(model, progress=progress)
    if (own := method(found.path)) is not None:
        raise UserError(f"model {model}", got=f"weights quantized with {own!r}", expected="floats")
    target = out or quantized_dir(found, precision)
    if target.exists() and not force:
        raise UserError(
            f"{target}", got="a folder that exists", hint="Use it, or make it again with --force."
        )
    calibration = _calibration(found, families, files, seed, length, console)
    with progress_bar(console) as progress:
        path = quantize_gptq(
            found, calibration, config, target, tell=lambda done, layers: progress("layers", done, layers)
        )
    size = sum(file.stat().st_size for file in path.glob("*.safetensors"))
    console.print(
        f"{found.name} in {precision}: {size / 1e6:.0f} MB in {path}", highlight=False, soft_wrap=True
    )
    if as_json:
        tokens = sum(map(len, calibration))
        click.echo(
            json.dumps({"schema": "lab-quantized/1", "path": str(path), "bytes": size, "tokens": tokens})
        )


def _check_precision(precision: str) -> None:
    if precision == GPTQ:
        return
    raise UserError("--precision", got=precision, expected=GPTQ, hint=_whence(precision))


def _whence(precision: str) -> str | None:
    """How `lab run` comes to the weights of a precision that is not made here."""
    from lab.precision.base import load_precision
    from lab.quantize.weights import version_of

    if precision not in PRECISIONS:
        return None
    if None in load_precision(precision, {}).methods:
        return "It is made of the model's own weights whenever it is loaded: `lab run` takes it as it is."
    if (version := version_of(precision)) == GPTQ:
        return f"It runs with the version that --precision {version} makes."
    return "It is loaded, not made, here."


def _calibration(
    files: ModelFiles, families: str, paths: tuple[Path, ...], seed: int, length: int, console: Console
) -> list[list[int]]:
    """Token ids of the calibration sessions."""
    sessions, _ = sessions_of(None if paths else families, 1, 1, seed, paths, None)
    found = examples_within(length, sessions, files, console, "calibration")
    return [example.ids.tolist() for example in found.sequences]
