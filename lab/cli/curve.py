"""`lab curve`: what verifying n tokens costs here, in plain steps, for every precision and kernel."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lab.cli.options import kernel_option, quantized_option
from lab.errors import UserError

if TYPE_CHECKING:
    from lab.analysis.curve import Curve
    from lab.measure.ceilings import Ceilings
    from lab.records import StepTimes
    from lab.zoo.resolve import ModelFiles


def _numbers(_: click.Context, parameter: click.Parameter, text: str) -> tuple[int, ...]:
    """A comma list of positive whole numbers, ascending and each once."""
    least = 0 if parameter.name == "context" else 1
    try:
        found = sorted({int(part) for part in text.split(",")})
    except ValueError:
        found = []
    if not found or found[0] < least:
        raise click.BadParameter(f"got {text!r}, expected a comma list of whole numbers of at least {least}")
    return tuple(found)


@click.command()
@click.option("--model", default="smollm2-135m-agent", show_default=True, help="As `lab run` takes it.")
@click.option("--precision", default="bf16,rtn-w4,w4a8", show_default=True, help="Comma list.")
@click.option(
    "--rows",
    default="1,2,4,8,16,32,64",
    show_default=True,
    callback=_numbers,
    help="Rows of a step: 1 is a plain step, n verifies n - 1 drafted tokens.",
)
@click.option("--context", default="512", show_default=True, callback=_numbers, help="Tokens in the cache.")
@click.option("--repeats", type=click.IntRange(min=2), default=9, show_default=True)
@kernel_option("Measure these alone; by default the preferred kernels, and each other one of the same ops.")
@quantized_option
@click.option(
    "--draft-step",
    type=click.FloatRange(min=0),
    default=0.1,
    show_default=True,
    help="What one draft forward costs, in plain steps; the break-even accepted lengths count it.",
)
@click.option("--depth", type=click.IntRange(min=1), default=6, show_default=True, help="Of drafted trees.")
@click.option("--threads", type=int, help="CPU threads; the usable cores by default.")
@click.option("--device", default="cpu", show_default=True, help="cpu or cuda.")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default=Path("lab-runs"),
    show_default=True,
    help="Where the curve's folder goes.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document as the last line.")
def curve(model: str, precision: str, out: Path, as_json: bool, **options: Any) -> None:
    """Measure T_v(n) / T_1: what a step of n rows costs in plain steps.

    Writes curve.csv, curve.png and curve.json. Row counts take turns, so that a slow moment hits all of them.
    """
    from rich.console import Console

    from lab.analysis.curve import Drafting, curves
    from lab.cli.progress import progress_bar
    from lab.matrix import load_matrix
    from lab.measure.ceilings import ceilings
    from lab.quantize.weights import weights_for
    from lab.runner.plan import check_output
    from lab.zoo.resolve import resolve

    console = Console(stderr=as_json)
    same = {name: options[name] for name in ("kernel", "quantized", "threads", "device")}
    names = load_matrix("quick", {"precision": precision, **same}).precision
    check_output(out)
    rows = tuple(sorted({1, *options["rows"]}))
    with progress_bar(console) as progress:
        files = resolve(model, progress=progress)
        weights = {name: weights_for(files, name, options["quantized"], progress) for name in names}
        _check(files, weights, rows, options)
        top = ceilings(
            options["device"],
            options["threads"],
            progress=lambda share: progress("probe", round(100 * share), 100),
        )
    with progress_bar(console) as progress:
        times = list(_times(weights, rows, top, options, progress))
    made = curves(
        times,
        {name: _operations_per_s(name, top) for name in names},
        Drafting(options["draft_step"], options["depth"]),
    )
    folder = out / time.strftime(f"curve-{files.path.name}-%Y%m%d-%H%M%S")
    found = _document(files, made, top, options)
    _write(folder, made, found)
    _show(console, made, folder, top)
    if as_json:
        click.echo(json.dumps(found))


def _check(
    files: ModelFiles, weights: dict[str, Path], rows: tuple[int, ...], options: dict[str, Any]
) -> None:
    """Refuse what cannot be measured before anything is.

    Raises:
        UserError: too long a context, or a precision or kernel that this model does not take.
    """
    import torch

    from lab.models.checkpoint import load_decoder
    from lab.models.config import read_config
    from lab.precision.base import load_precision

    longest, limit = options["context"][-1] + rows[-1], read_config(files.path).context
    if longest > limit:
        raise UserError(
            "--context and --rows",
            got=f"{options['context'][-1]} + {rows[-1]} tokens",
            expected=f"at most {files.name}'s context of {limit}",
        )
    pins, device = options["kernel"] or {}, torch.device(options["device"])
    for name, path in weights.items():
        load_decoder(path, load_precision(name, pins), device, kernels=pins, layers=1)


def _times(
    weights: dict[str, Path],
    rows: tuple[int, ...],
    top: Ceilings,
    options: dict[str, Any],
    progress: Any,
) -> Iterator[StepTimes]:
    """Of every precision, kernel and context; one decoder is in memory at a time."""
    import torch

    from lab.measure.ceilings import best_read
    from lab.measure.choice import label, variants
    from lab.measure.curve import WARM_UP, step_times

    torch.set_num_threads(top.threads)
    read = best_read(top, top.buffer_bytes)
    for name, path in weights.items():
        pins = options["kernel"]
        found = variants(path, name, options["device"], pins or {}, others=not pins)
        for kernels, decoder in found:
            done, phase = 0, f"{name} {label(kernels)}"
            total = (options["repeats"] + WARM_UP) * len(options["context"])

            def tell() -> None:
                nonlocal done
                done += 1
                progress(phase, done, total)  # noqa: B023 - called within this turn of the loop

            for context in options["context"]:
                yield from step_times(
                    decoder,
                    precision=name,
                    kernel=label(kernels),
                    context=context,
                    rows=rows,
                    repeats=options["repeats"],
                    read=read,
                    tell=tell,
                )
            del decoder


def _operations_per_s(precision: str, top: Ceilings) -> float:
    """Of its products' arithmetic; rows in integers count for all of them, though the head is bf16."""
    from lab.precision.base import load_precision

    op = load_precision(precision, {}).op
    peaks = {"w4a8": top.int8_gop_per_s, "w8a8": top.int8_gop_per_s}
    exact = top.fp32_gflop_per_s if precision == "fp32" else top.bf16_gflop_per_s
    return (peaks.get(op) or exact) * 1e9


def _document(files: ModelFiles, made: list[Curve], top: Ceilings, options: dict[str, Any]) -> dict[str, Any]:
    from lab.measure.machine import fingerprint
    from lab.reports.curve import document

    return {
        "schema": "lab-curve/1",
        "model": files.name,
        "threads": top.threads,
        "device": options["device"],
        "draft_step": options["draft_step"],
        "depth": options["depth"],
        "ceilings": {
            "read_gb_per_s": top.read_gb_per_s,
            "bf16_gflop_per_s": top.bf16_gflop_per_s,
            "fp32_gflop_per_s": top.fp32_gflop_per_s,
            "int8_gop_per_s": top.int8_gop_per_s,
        },
        "environment": fingerprint(),
        "curves": document(made),
    }


def _write(folder: Path, made: list[Curve], found: dict[str, Any]) -> None:
    from lab.reports.csv_files import write
    from lab.reports.curve import COLUMNS, csv_rows, figure
    from lab.reports.style import LIGHT, png

    folder.mkdir(parents=True)
    (folder / "curve.json").write_text(json.dumps(found, indent=1), encoding="utf-8")
    write(folder / "curve.csv", COLUMNS, csv_rows(made))
    (folder / "curve.png").write_bytes(png(figure(made, LIGHT)))


def _show(console: Any, made: list[Curve], folder: Path, top: Ceilings) -> None:
    from lab.cli.probe import warnings
    from lab.reports.curve import sentence, table

    for one in made:
        console.print(table(one))
        console.print(sentence(one), "")
    for warning in warnings(top):
        console.print(f"warning: {warning}", style="yellow", soft_wrap=True, markup=False)
    console.print(f"The same as CSV, JSON and a figure: {folder}", highlight=False, soft_wrap=True)
