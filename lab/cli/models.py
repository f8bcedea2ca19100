"""`lab models`: the catalogue, fetching from it, and what is inside a model."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console
from rich.table import Table

from lab.cli.models_quantize import quantize
from lab.cli.options import quantized_option
from lab.cli.progress import progress_bar
from lab.zoo.catalog import CATALOG, find
from lab.zoo.pull import is_pulled, model_dir, pull, read_marker

if TYPE_CHECKING:
    from lab.zoo.headers import TensorGroup
    from lab.zoo.resolve import ModelFiles

_json_option = click.option(
    "--json", "as_json", is_flag=True, help="Print one JSON document instead of a table."
)


@click.group()
def models() -> None:
    """The models the lab can run: list, pull, quantize, inspect."""


models.add_command(quantize)


@models.command("list")
@_json_option
def list_(as_json: bool) -> None:
    """Show the catalogue."""
    rows: list[dict[str, Any]] = [
        {
            "name": entry.name,
            "parameters": entry.parameters,
            "license": entry.license,
            "download_bytes": entry.wheel.bytes,
            "model_bytes": entry.model_bytes,
            "wire_family": entry.wire_family,
            "source": entry.source,
            "description": entry.description,
            "path": str(model_dir(entry.name)) if is_pulled(entry) else None,
        }
        for entry in CATALOG.values()
    ]
    if as_json:
        click.echo(json.dumps(rows))
        return
    table = Table("model", "parameters", "licence", "download", "on disk", "tool calls", "pulled")
    for row in rows:
        sizes = (_size(row["download_bytes"]), _size(row["model_bytes"]))
        pulled = "yes" if row["path"] else "no"
        table.add_row(
            row["name"], _count(row["parameters"]), row["license"], *sizes, row["wire_family"], pulled
        )
    console = Console()
    console.print(table)
    for row in rows:
        where = row["path"] or f"fetch it with: lab models pull {row['name']}"
        console.print(f"{row['name']}: {row['description']}\n  {row['source']} -> {where}", soft_wrap=True)
    console.print(
        "A local folder or a Hugging Face id (org/name) works wherever a model is named.", soft_wrap=True
    )


@models.command("pull")
@click.argument("name")
@click.option("--force", is_flag=True, help="Convert again even if the model is there.")
def pull_(name: str, force: bool) -> None:
    """Fetch a model of the catalogue and convert it, unless that is done."""
    entry = find(name)
    with progress_bar() as progress:
        path = pull(entry, progress=progress, force=force)
    click.echo(f"{name} is in {path}")


@models.command("inspect")
@click.argument("model")
@click.option(
    "--precision", help="Load it so, and show what each layer takes and which kernel multiplies it."
)
@quantized_option
@_json_option
def inspect(model: str, precision: str | None, quantized: dict[str, str] | None, as_json: bool) -> None:
    """Show a model's architecture and its tensors, without loading them unless a precision is asked for.

    MODEL is a name of the catalogue (pulled if absent), a local folder, or a Hugging Face id.
    """
    from lab.zoo.headers import group_tensors
    from lab.zoo.resolve import read_config, resolve

    with progress_bar() as progress:
        files = resolve(model, progress=progress)
    config = read_config(files.path)
    groups = group_tensors(files.path)
    facts = _architecture(config) | {"wire_family": files.wire_family}
    totals = {"elements": sum(g.elements for g in groups), "bytes": sum(g.bytes for g in groups)}
    provenance = _provenance(files)
    stored = None if precision is None else _stored(files, precision, quantized)
    if as_json:
        document = {
            "model": model,
            "architecture": facts,
            "tensors": [asdict(group) for group in groups],
            "totals": totals,
            "provenance": provenance,
        }
        click.echo(json.dumps(document | ({} if stored is None else {"precision": stored})))
        return
    console = Console()
    console.print(_facts_table(f"{model}: architecture", facts))
    console.print(_tensor_table(groups, totals))
    if stored is not None:
        console.print(_stored_table(stored))
    console.print(_facts_table("where the weights come from", provenance))


def _architecture(config: dict[str, Any]) -> dict[str, Any]:
    heads, hidden = config.get("num_attention_heads"), config.get("hidden_size")
    rope = config.get("rope_parameters") or config.get("rope_scaling") or {}
    return {
        "architecture": next(iter(config.get("architectures") or []), config.get("model_type")),
        "layers": config.get("num_hidden_layers"),
        "hidden_size": hidden,
        "intermediate_size": config.get("intermediate_size"),
        "heads": heads,
        "kv_heads": config.get("num_key_value_heads", heads),
        "head_dim": config.get("head_dim") or (hidden // heads if hidden and heads else None),
        "vocabulary": config.get("vocab_size"),
        "tied_embeddings": config.get("tie_word_embeddings"),
        "rope_theta": rope.get("rope_theta", config.get("rope_theta")),
        "rope_type": rope.get("rope_type") or rope.get("type") or "default",
        "context": config.get("max_position_embeddings"),
        "quantization": (config.get("quantization_config") or {}).get("quant_method"),
    }


def _provenance(files: ModelFiles) -> dict[str, Any]:
    marker = read_marker(files.path) or {}
    kept = ("package", "version", "file", "license", "date", "adapter_sha256")
    known = {key: marker[key] for key in kept if key in marker}
    shared = {
        "source": files.source,
        "path": str(files.path),
        "revision": files.revision,
        "sha256": files.sha256,
    }
    return shared | known | ({"gguf_sha256": marker["sha256"]} if "sha256" in marker else {})


def _stored(files: ModelFiles, precision: str, quantized: dict[str, str] | None) -> dict[str, Any]:
    """What the model takes in a precision, product by product; layers that are alike are counted together."""
    import torch

    from lab.models.checkpoint import load_decoder
    from lab.precision.base import load_precision
    from lab.quantize.weights import weights_for

    made = load_precision(precision, {})
    with progress_bar() as progress:
        weights = weights_for(files, precision, quantized, progress)
        decoder = load_decoder(
            weights, made, torch.device("cpu"), lambda done, total: progress("load", done, total)
        )
    c = decoder.config
    shapes = {
        "qkv": (c.heads * c.head_dim + c.kv_width, c.hidden),
        "out": (c.hidden, c.heads * c.head_dim),
        "gate_up": (2 * c.intermediate, c.hidden),
        "down": (c.hidden, c.intermediate),
    }
    found = [
        (f"layers.*.{n}", getattr(layer, n), shape) for layer in decoder.layers for n, shape in shapes.items()
    ]
    found.append(("head", decoder.head, (c.vocabulary, c.hidden)))
    counts = Counter((n, linear.matmul.kernel, linear.stored_bytes, *shape) for n, linear, shape in found)
    return {
        "name": precision,
        "op": made.op,
        **decoder.kernels,
        "bytes": decoder.stored_bytes,
        "products": [
            {
                "name": name,
                "kernel": kernel,
                "out": rows,
                "in": columns,
                "count": count,
                "bytes": count * size,
                "bits_per_weight": 8 * size / (rows * columns),
            }
            for (name, kernel, size, rows, columns), count in counts.items()
        ],
    }


def _stored_table(stored: dict[str, Any]) -> Table:
    title = f"in {stored['name']}: {_size(stored['bytes'])} in all, kernel of stack: {stored['stack']}"
    table = Table(title=title, title_justify="left")
    table.add_column("product")
    table.add_column("kernel")
    for head in ("out x in", "count", "size", "bits a weight"):
        table.add_column(head, justify="right", no_wrap=True)
    for product in stored["products"]:
        table.add_row(
            product["name"],
            product["kernel"],
            f"{product['out']} x {product['in']}",
            str(product["count"]),
            _size(product["bytes"]),
            f"{product['bits_per_weight']:.2f}",
        )
    return table


def _facts_table(title: str, facts: dict[str, Any]) -> Table:
    table = Table(title=title, title_justify="left", show_header=False)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for key, value in facts.items():
        shown = f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)
        table.add_row(key.replace("_", " "), "-" if value is None else shown)
    return table


def _tensor_table(groups: list[TensorGroup], totals: dict[str, int]) -> Table:
    table = Table(title="tensors as stored", title_justify="left", show_footer=True)
    table.add_column("tensor (* = every layer)", "total", overflow="fold")
    table.add_column("type")
    table.add_column("shape", no_wrap=True)
    table.add_column("count", str(sum(group.tensors for group in groups)), justify="right")
    table.add_column("elements", f"{totals['elements']:,}", justify="right", no_wrap=True)
    table.add_column("size", _size(totals["bytes"]), justify="right", no_wrap=True)
    for group in groups:
        shape = " x ".join(str(size) for size in group.shape)
        table.add_row(
            group.name.removeprefix("model.").removesuffix(".weight"),
            group.dtype,
            shape,
            str(group.tensors),
            f"{group.elements:,}",
            _size(group.bytes),
        )
    return table


def _size(size: int) -> str:
    for unit, scale in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if size >= scale:
            return f"{size / scale:.1f} {unit}"
    return f"{size} B"


def _count(parameters: int) -> str:
    return f"{parameters / 1e6:.1f} M" if parameters < 1e9 else f"{parameters / 1e9:.2f} B"
