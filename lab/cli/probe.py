"""`lab probe`: this machine's read bandwidth and arithmetic ceilings."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

if TYPE_CHECKING:
    from pathlib import Path

    from lab.measure.ceilings import Ceilings

# What deserves a warning: this ratio between passes.
_DRIFT = 1.25

_NAMES = {"read": "read bandwidth", "bf16": "bf16 products", "fp32": "fp32 products", "int8": "int8 products"}
_UNITS = {"read": "GB/s", "bf16": "GFLOP/s", "fp32": "GFLOP/s", "int8": "Gop/s"}


@click.command()
@click.option("--device", default="cpu", show_default=True, metavar="cpu|cuda", help="What to measure.")
@click.option("--threads", type=int, help="CPU threads; by default the usable physical cores.")
@click.option("--refresh", is_flag=True, help="Measure again even if the figures are cached.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document as the last line.")
def probe(device: str, threads: int | None, refresh: bool, as_json: bool) -> None:
    """Measure how fast this machine reads memory and multiplies, and cache the figures.

    Memory-bandwidth utilisation and rooflines are relative to them. Takes about 15 s.
    """
    from dataclasses import asdict

    from lab.measure import ceilings as ceilings_

    columns = (TextColumn("Measuring"), BarColumn(), TimeElapsedColumn())
    screen = Console(stderr=True)
    with Progress(*columns, console=screen, disable=not screen.is_terminal, transient=True) as bars:
        bar = bars.add_task("", total=1.0)
        found = ceilings_.ceilings(
            device, threads, refresh=refresh, progress=lambda done: bars.update(bar, completed=done)
        )
    path = ceilings_.cache_path(device, found.threads)
    _show(found, path)
    if as_json:
        click.echo(json.dumps({"ceilings": asdict(found), "cached_in": str(path)}))


def warnings(found: Ceilings) -> list[str]:
    """Why the figures may be below what the machine can do."""
    said = []
    if found.disturbed:
        said.append(
            f"Others kept {found.others_busy:.1f} of {found.threads} processors busy when this was measured: "
            "the figures may be too low. When the machine is quiet: lab probe --refresh"
        )
    low, high = min(found.read_passes), max(found.read_passes)
    if high > _DRIFT * low:
        said.append(
            f"Read bandwidth went from {low:.0f} to {high:.0f} GB/s between passes: something else "
            "uses this memory. Utilisation is relative to the best pass: it reads low while memory is slow."
        )
    return said


def _show(found: Ceilings, path: Path) -> None:
    figures = {
        "read": found.read_gb_per_s,
        "bf16": found.bf16_gflop_per_s,
        "fp32": found.fp32_gflop_per_s,
        "int8": found.int8_gop_per_s,
    }
    where = f"{found.threads} threads" if found.device == "cpu" else found.device
    table = Table(title=f"ceilings of this machine ({where})", title_justify="left")
    table.add_column("what", no_wrap=True)
    table.add_column("figure", justify="right", no_wrap=True)
    table.add_column("how: the best of all kernels", overflow="fold")
    for kind, figure in figures.items():
        shown = "-" if figure is None else f"{figure:,.4g} {_UNITS[kind]}"
        how = found.best.get(kind, "no kernel for it here")
        if kind == "read":
            how += f", 2 x {found.buffer_bytes / 2**20:.0f} MiB; {len(found.read_passes)} passes"
        table.add_row(_NAMES[kind], shown, how)
    console = Console()
    console.print(table)
    for kernel, reason in found.failed.items():
        console.print(f"left out: {kernel}: {reason}", soft_wrap=True, markup=False)
    when = time.strftime("%Y-%m-%d %H:%M", time.localtime(found.measured_at))
    console.print(f"measured {when} in {found.seconds:.0f} s, cached in {path}", soft_wrap=True, markup=False)
    for warning in warnings(found):
        console.print(f"warning: {warning}", style="yellow", soft_wrap=True, markup=False)
