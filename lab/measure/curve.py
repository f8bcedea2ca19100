"""Times of one step of a decoder by its number of rows: the raw material of the verification cost curve.

A verify step of n - 1 drafted tokens is a forward of n rows. All row counts, and the reading of a large
buffer, take turns within a repeat, so that what slows the machine for a while slows all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import torch
from torch import Tensor

from lab.measure.ledger import Ledger
from lab.measure.workloads import Workload
from lab.models.cache import KVCache
from lab.models.config import DecoderConfig
from lab.models.decoder import Decoder
from lab.records import StepTimes

# Repeats before the first that counts.
WARM_UP = 2


@torch.inference_mode()
def step_times(
    decoder: Decoder,
    *,
    precision: str,
    kernel: str,
    context: int,
    rows: Sequence[int],
    repeats: int,
    read: Workload | None = None,
    tell: Callable[[], None] = lambda: None,
) -> list[StepTimes]:
    """One record for each of `rows`, of forwards behind `context` cached tokens.

    Args:
        precision, kernel: what the records are called by.
        read: how large buffers are read best here; None not to measure that.
        tell: called after every repeat, those of the warm-up included.
    """
    sync = torch.cuda.synchronize if decoder.device.type == "cuda" else None
    cache = _filled(decoder, context, max(rows))
    generator = torch.Generator().manual_seed(0)
    ids = torch.randint(0, decoder.config.vocabulary, (max(rows),), generator=generator).to(decoder.device)
    inputs = _inputs(decoder, max(rows))

    def timed(run: Callable[[], object]) -> float:
        clock = Ledger(sync)
        run()
        return clock.lap()

    steps: dict[int, list[float]] = {n: [] for n in rows}
    matmuls: dict[int, list[float]] = {n: [] for n in rows}
    reads: list[float] = []
    for repeat in range(WARM_UP + repeats):
        for n in rows:
            step_s = timed(partial(decoder.forward, ids[:n], cache))
            cache.truncate(context)
            matmul_s = timed(partial(_products, decoder, inputs, n))
            if repeat >= WARM_UP:
                steps[n].append(step_s)
                matmuls[n].append(matmul_s)
        if read is not None:
            rate = read.best_rate(timed)
            if repeat >= WARM_UP:
                reads.append(rate)
        tell()
    return [
        StepTimes(
            precision=precision,
            kernel=kernel,
            context=context,
            rows=n,
            step_s=tuple(steps[n]),
            matmul_s=tuple(matmuls[n]),
            bytes_read=decoder.forward_bytes(n) + cache.bytes_read(n),
            operations=operations(decoder.config, context, n),
            reads_per_s=tuple(reads),
        )
        for n in rows
    ]


def operations(config: DecoderConfig, context: int, rows: int) -> int:
    """Of a forward of `rows` tokens behind `context`, its products and attention; a multiply-add is two.

    Attention counts every row as seeing the whole context and all rows, less what a window hides.
    """
    c, q = config, config.heads * config.head_dim
    weights = c.hidden * (2 * q + c.kv_width) + 3 * c.hidden * c.intermediate
    seen = context + rows if c.window is None else min(context + rows, c.window)
    return 2 * rows * (c.layers * (weights + 2 * seen * q) + c.vocabulary * c.hidden)


def _filled(decoder: Decoder, context: int, room: int) -> KVCache:
    """A cache of `context` random tokens."""
    cache = decoder.new_cache()
    cache.reserve(context + room)
    c, like = decoder.config, decoder.embedding
    for layer in range(c.layers):
        rows = torch.randn(2, c.kv_heads, context, c.head_dim, device=like.device).to(like.dtype)
        cache.write(layer, 0, *rows)
    cache.length = context
    return cache


def _inputs(decoder: Decoder, rows: int) -> dict[int, Tensor]:
    """Width -> random rows for every linear layer of that width."""
    c = decoder.config
    like = decoder.embedding
    widths = {c.hidden, c.heads * c.head_dim, c.intermediate}
    return {width: torch.randn(rows, width, device=like.device).to(like.dtype) for width in widths}


def _products(decoder: Decoder, inputs: dict[int, Tensor], rows: int) -> None:
    c = decoder.config
    x, mixed, inner = (inputs[width][:rows] for width in (c.hidden, c.heads * c.head_dim, c.intermediate))
    for layer in decoder.layers:
        layer.qkv(x)
        layer.out(mixed)
        layer.gate_up(x)
        layer.down(inner)
    decoder.head(x)
