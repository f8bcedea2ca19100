"""`lab curve` on a tiny model: what is timed, and what the command prints and writes."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from dataclasses import replace
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
import torch
from click.testing import CliRunner, Result
from rich.console import Console
from torch import Tensor

from lab.analysis.curve import Curve as AnalysedCurve
from lab.analysis.curve import Point
from lab.analysis.stats import Interval
from lab.cli.curve import curve
from lab.kernels import cpu
from lab.measure import ceilings as ceilings_module
from lab.measure.curve import WARM_UP, operations, step_times
from lab.measure.workloads import Workload
from lab.models.checkpoint import load_decoder
from lab.models.decoder import Decoder
from lab.precision.base import load_precision
from lab.reports.curve import table

REPEATS, CONTEXT = 2, 20


@pytest.fixture
def decoder(model_folder: Path) -> Decoder:
    return load_decoder(model_folder, load_precision("fp32", {}), torch.device("cpu"))


def test_row_counts_take_turns_behind_the_same_context(
    decoder: Decoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[int, int]] = []
    forward: Callable[..., Tensor] = Decoder.forward

    def noting(self: Decoder, tokens: Tensor, cache: Any, **options: Any) -> Tensor:
        seen.append((len(tokens), cache.length))
        return forward(self, tokens, cache, **options)

    monkeypatch.setattr(Decoder, "forward", noting)
    told: list[None] = []
    buffers: list[None] = []
    read = Workload("read", "buffer", 1000, lambda: buffers.append(None), lambda _: True)
    found = step_times(
        decoder,
        precision="fp32",
        kernel="dense=torch",
        context=CONTEXT,
        rows=(1, 3),
        repeats=REPEATS,
        read=read,
        tell=lambda: told.append(None),
    )
    assert seen == [(1, CONTEXT), (3, CONTEXT)] * (WARM_UP + REPEATS)
    assert len(told) == WARM_UP + REPEATS
    assert len(buffers) == 3 * len(told)  # for the best of three
    assert [record.rows for record in found] == [1, 3]
    for record in found:
        assert len(record.step_s) == len(record.matmul_s) == len(record.reads_per_s) == REPEATS
        assert all(part > 0 for part in (*record.step_s, *record.matmul_s, *record.reads_per_s))
    # Two rows more of embedding, keys and values.
    c = decoder.config
    assert found[1].bytes_read - found[0].bytes_read == 2 * 4 * (c.hidden + c.layers * c.kv_width)


def test_operations_are_those_of_the_weights_and_of_attention(decoder: Decoder) -> None:
    c = replace(
        decoder.config, hidden=32, heads=4, kv_heads=2, head_dim=8, intermediate=48, layers=2, vocabulary=96
    )
    weights = 2 * (64 * 32 + 32 * 32 + 96 * 32 + 32 * 48) + 96 * 32
    # Queries times keys and weights times values, over 20 + 3 positions, 32 wide, in two layers.
    assert operations(c, 20, 3) == 2 * 3 * (weights + 2 * 2 * 23 * 32)
    assert operations(replace(c, window=5), 20, 3) == 2 * 3 * (weights + 2 * 2 * 5 * 32)


@pytest.fixture
def run(
    model_folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    known_ceilings: Callable[..., Any],
) -> Callable[..., Result]:
    """The command on the tiny model, on a machine whose ceilings are known."""
    known = known_ceilings(
        read_gb_per_s=20.0, bf16_gflop_per_s=100.0, fp32_gflop_per_s=100.0, best={"read": "dot fp32"}
    )
    monkeypatch.setattr(ceilings_module, "ceilings", lambda *_, **__: known)

    def call(*options: str) -> Result:
        where = [
            "--model",
            str(model_folder),
            "--out",
            str(tmp_path / "out"),
            "--rows",
            "2,4",
            "--repeats",
            "2",
        ]
        return CliRunner().invoke(curve, [*where, "--context", "8,16", *options])

    return call


def test_every_point_is_in_the_document_the_table_and_the_files(
    run: Callable[..., Result], tmp_path: Path
) -> None:
    result = run("--precision", "fp32", "--json")
    assert result.exit_code == 0, result.output
    document = json.loads(result.stdout.splitlines()[-1])
    assert document["schema"] == "lab-curve/1"
    assert set(document["ceilings"]) >= {"read_gb_per_s", "bf16_gflop_per_s", "int8_gop_per_s"}
    # The plain step is measured without being asked for: it is what the others cost.
    assert [(point["context"], point["n"]) for point in document["curves"]] == [
        (context, n) for context in (8, 16) for n in (1, 2, 4)
    ]
    for point in document["curves"]:
        assert (point["precision"], point["kernel"]) == (
            "fp32",
            "dense=torch,stack=torch,tree_attention=torch",
        )
        assert point["step_ms"]["low"] <= point["step_ms"]["median"] <= point["step_ms"]["high"]
        over = point["over_roofline"]
        assert 0 < over["low"] <= over["median"] <= over["high"]
        assert point["matmul_ms"] > 0
        assert point["roofline_ms"] > 0
    (folder,) = (tmp_path / "out").iterdir()
    with (folder / "curve.csv").open() as file:
        written = list(csv.DictReader(file))
    for column in ("cost", "over_roofline"):
        assert [float(row[column]) for row in written] == [
            point[column]["median"] for point in document["curves"]
        ]
    assert json.loads((folder / "curve.json").read_text()) == document
    assert (folder / "curve.png").read_bytes().startswith(b"\x89PNG")
    assert "A plain step takes" in result.stderr
    # No column is cut short in a terminal of 80.
    assert "…" not in result.stderr


def test_the_widest_figures_fit_into_80_columns_and_no_step_pays_below_one_token() -> None:
    wide = Interval(14.75, 12.31, 18.2)
    point = Point(
        4, Interval(0.675, 0.6, 0.7), wide, 0.0512, 0.0031, Interval(208, 200, 300), "memory", 0.932, 0.941
    )
    console = Console(width=80, file=StringIO(), force_terminal=False)
    console.print(table(AnalysedCurve("fp32", "dense=torch", 16, (point,))))
    shown = console.file.getvalue()  # type: ignore[attr-defined]
    assert "…" not in shown
    assert shown.split()[-2:] == ["1.00", "1.00"]


@pytest.mark.skipif(cpu.library() is None, reason="installed without a C++ compiler")
def test_other_kernels_are_measured_beside_the_preferred_ones(run: Callable[..., Result]) -> None:
    result = run("--precision", "bf16", "--json")
    kernels = {point["kernel"] for point in json.loads(result.stdout.splitlines()[-1])["curves"]}
    assert "dense=torch,stack=torch,tree_attention=cpu" in kernels
    assert len(kernels) > 1


def test_pinned_kernels_are_measured_alone(run: Callable[..., Result]) -> None:
    result = run("--precision", "bf16", "--kernel", "dense=torch", "--json")
    kernels = {point["kernel"] for point in json.loads(result.stdout.splitlines()[-1])["curves"]}
    assert kernels == {"dense=torch,stack=torch,tree_attention=cpu"}


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--precision", "bf17"), "bf17"),
        (("--rows", "0,2"), "whole numbers of at least 1"),
        (("--context", "some"), "whole numbers of at least 0"),
        (("--kernel", "w4"), "expected OP=KERNEL"),
        (("--kernel", "w4=no"), "got 'no'"),
        (("--context", "639"), "context of 640"),
        # The second precision cannot be had: the tiny model's rows are shorter than a group.
        (("--precision", "fp32,rtn-w4"), "4-bit group"),
        (("--precision", "fp32", "--kernel", "dense=cpu"), "kernel dense=cpu"),
    ],
    ids=str,
)
def test_a_mistake_is_told_before_anything_is_measured(
    run: Callable[..., Result], tmp_path: Path, options: tuple[str, ...], said: str
) -> None:
    result = run(*options)
    assert result.exit_code != 0
    assert said in result.output + str(result.exception)
    assert not list(tmp_path.glob("out/*"))
