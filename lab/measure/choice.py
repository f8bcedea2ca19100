"""Which kernels a model runs with: those whose steps were the fastest here, measured once and cached.

A plain step and a verify step of eight rows are timed with each implementation of the op that multiplies the
layers; the least sum of the two wins. Choices are kept per machine, torch, compiled kernels, shape of model,
precision and pins.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any

import torch

from lab.errors import UserError
from lab.kernels import cpu
from lab.kernels.ops import KERNELS
from lab.measure import machine, processor
from lab.measure.curve import step_times
from lab.models.checkpoint import load_decoder
from lab.models.config import DecoderConfig, read_config
from lab.models.decoder import Decoder
from lab.paths import cache_dir, writable_cache_dir, write_atomically
from lab.precision.base import load_precision

_ROWS = (1, 8)
_CONTEXT = 512
_REPEATS = 3
# Layers enough that their weights do not fit the last-level cache.
_CACHES = 4
# The slow references are there to be right.
_LAST_RESORT = "reference"


@dataclass(frozen=True, slots=True)
class Choice:
    """The kernels to pin, and what was measured.

    Attributes:
        kernels: op -> implementation.
        step_ms: kernels as `label` writes them -> milliseconds of a step of one row and of eight; empty
            where there was nothing to choose between.
        others_busy: processors that others used meanwhile, in the mean; None where unknown or not measured.
    """

    kernels: dict[str, str]
    step_ms: dict[str, list[float]]
    others_busy: float | None = None


def label(kernels: Mapping[str, str]) -> str:
    """As `lab run --kernel` takes them, joined by commas."""
    return ",".join(f"{op}={name}" for op, name in sorted(kernels.items()))


def choose_kernels(
    path: Path,
    precision: str,
    *,
    threads: int,
    device: str = "cpu",
    pins: Mapping[str, str] | None = None,
    tell: Callable[[int, int], None] = lambda _done, _total: None,
) -> Choice:
    """The cached choice for the checkpoint in `path`, or the one measured now.

    A cached one that was measured while others used the processors is measured anew once those are idle.

    Args:
        pins: what is not open to choice.
        tell: called with (candidates measured, candidates).
    """
    config, pins = read_config(path), dict(pins or {})
    file = cache_dir() / "kernels" / f"{machine.machine_key(threads)}-{device}.json"
    known, key = _read(file), _key(config, precision, pins)
    if key in known and not (device == "cpu" and machine.is_overtaken(known[key].others_busy, threads)):
        return known[key]
    candidates = _candidates(path, precision, device, pins)
    if len(candidates) < 2:
        return Choice(candidates[0], {})
    writable_cache_dir("kernels")
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    others = machine.OthersMeter()
    try:
        found = {}
        for done, candidate in enumerate(candidates):
            tell(done, len(candidates))
            found[label(candidate)] = _step_ms(path, config, precision, device, candidate)
        tell(len(candidates), len(candidates))
    finally:
        torch.set_num_threads(before)
    best = min(candidates, key=lambda candidate: sum(found[label(candidate)]))
    choice = Choice(best, found, others.read())
    write_atomically(file, json.dumps({k: asdict(v) for k, v in (known | {key: choice}).items()}, indent=1))
    return choice


def variants(
    path: Path, precision: str, device: str, pins: Mapping[str, str], *, others: bool
) -> Iterator[tuple[dict[str, str], Decoder]]:
    """(kernels that run, decoder) with the pins and the preferred kernels for the rest.

    A decoder is gone from here when the next one is loaded; whoever takes it has to let go of it, too.

    Args:
        others: then also with each other implementation of the layers' products and of the stack.
    """
    device_ = torch.device(device)

    def load(pinned: Mapping[str, str]) -> tuple[dict[str, str], Decoder]:
        made = load_precision(precision, pinned)
        decoder = load_decoder(path, made, device_, kernels=pinned)
        return {**made.kernels, **decoder.kernels}, decoder

    kernels, decoder = load(pins)
    seen = [kernels]
    yield kernels, decoder
    del decoder
    if not others:
        return
    wanted = [*_candidates(path, precision, device, dict(pins)), {**pins, "stack": "torch"}]
    for pinned in wanted:
        if pinned.items() <= kernels.items():
            continue
        found, decoder = load(pinned)
        if found not in seen:
            seen.append(found)
            yield found, decoder
        del decoder


def _candidates(path: Path, precision: str, device: str, pins: dict[str, str]) -> list[dict[str, str]]:
    """The pins with each implementation of the op that multiplies the layers, the preferred first; the pins
    alone where they name one, or where none but the slow reference can."""
    op = load_precision(precision, pins).op
    found = []
    for name in () if op in pins else KERNELS[op]:
        if name == _LAST_RESORT:
            continue
        pinned = pins | {op: name}
        with suppress(UserError):  # not for this machine or these weights
            _load(path, precision, device, pinned, layers=1)
            found.append(pinned)
    return found or [pins]


def _load(
    path: Path, precision: str, device: str, pins: Mapping[str, str], layers: int | None = None
) -> Decoder:
    made = load_precision(precision, pins)
    return load_decoder(path, made, torch.device(device), kernels=pins, layers=layers)


def _step_ms(
    path: Path, config: DecoderConfig, precision: str, device: str, pins: dict[str, str]
) -> list[float]:
    # At least half a byte a weight.
    layer_bytes = config.hidden * (2 * config.heads * config.head_dim + 3 * config.intermediate) // 2
    layers = -(-_CACHES * (processor.last_level_bytes() or 2**25) // layer_bytes)
    decoder = _load(path, precision, device, pins, layers)
    context = min(_CONTEXT, config.context - max(_ROWS))
    times = step_times(
        decoder, precision=precision, kernel=label(pins), context=context, rows=_ROWS, repeats=_REPEATS
    )
    return [median(record.step_s) * 1e3 for record in times]


def _key(config: DecoderConfig, precision: str, pins: dict[str, str]) -> str:
    shape = [config.hidden, config.intermediate, config.heads, config.kv_heads, config.head_dim]
    size = [config.layers, config.vocabulary]
    facts: list[Any] = [precision, *size, *shape, config.quantization, sorted(pins.items()), cpu.build()]
    return json.dumps(facts, separators=(",", ":"))


def _read(file: Path) -> dict[str, Choice]:
    """What is cached; nothing where the file cannot be understood."""
    try:
        return {key: Choice(**value) for key, value in json.loads(file.read_bytes()).items()}
    except (OSError, ValueError, TypeError, AttributeError):
        return {}
