"""GPTQ by the lab itself, layer by layer; the whole model is in memory in float32."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from lab import __version__
from lab.errors import UserError
from lab.kernels.w4 import W4Weight
from lab.models.checkpoint import load_decoder, save_whole
from lab.models.config import DecoderConfig
from lab.precision.base import load_precision
from lab.quantize.base import GptqConfig, Quantizer
from lab.quantize.calibrate import Calibration, moment
from lab.quantize.checkpoint import write_checkpoint
from lab.quantize.gptq import quantize


def _maker() -> str:
    """Who makes it."""
    return f"specquant-lab {__version__}"


def _run(
    model: Path,
    calibration: Sequence[list[int]],
    config: GptqConfig,
    work: Path,
    out: Path,
    tell: Callable[[int, int], None],
) -> None:
    """Write the quantized model to `out`; what is finished of it, layer by layer, is kept in `work`.

    Raises:
        UserError: a group that does not divide the model's rows, a sequence longer than its context, or the
            disk is full.
    """
    decoder = load_decoder(model, load_precision("fp32", {"dense": "torch"}), torch.device("cpu"))
    _check_group(decoder.config, config.group)
    _check_length(decoder.config, max(map(len, calibration)))
    states = Calibration(decoder, calibration)
    made: list[dict[str, W4Weight]] = []
    for layer in decoder.layers:
        finished = work / f"{len(made):04}.safetensors"
        known = _read(finished)

        def to_four_bits(
            name: str, weight: Tensor, inputs: Sequence[Tensor], known: dict[str, W4Weight] = known
        ) -> W4Weight:
            if name in known:
                return known[name]
            group = weight.shape[1] if config.group == -1 else config.group
            return quantize(weight, moment(inputs), group, asymmetric=config.asymmetric, damp=config.damp)

        made.append(states.pass_through(layer, to_four_bits))
        if not known:
            _keep(finished, made[-1])
        tell(len(made), decoder.config.layers)
    write_checkpoint(out, model, decoder.config, made, config)


def _check_group(c: DecoderConfig, group: int) -> None:
    for columns in (c.hidden, c.heads * c.head_dim, c.intermediate):
        if group != -1 and columns % group:
            raise UserError("--group", got=group, expected=f"a divisor of the model's rows of {columns}")


def _check_length(c: DecoderConfig, longest: int) -> None:
    if longest > c.context:
        raise UserError(
            "calibration",
            got=f"a sequence of {longest} tokens",
            expected=f"at most the model's {c.context}",
            hint="Leave longer ones out with --length.",
        )


def _keep(path: Path, layer: dict[str, W4Weight]) -> None:
    tensors: dict[str, Tensor] = {}
    for name, weight in layer.items():
        tensors |= {f"{name}.codes": weight.codes, f"{name}.scales": weight.scales}
        tensors |= {} if weight.zeros is None else {f"{name}.zeros": weight.zeros}
    save_whole(tensors, path)


def _read(path: Path) -> dict[str, W4Weight]:
    """The layer that an earlier run finished; empty if none did, or not whole."""
    if not path.is_file():
        return {}
    try:
        held = load_file(path)
    except (OSError, SafetensorError):
        return {}
    names = {name.partition(".")[0] for name in held}
    return {
        name: W4Weight(
            held[f"{name}.codes"],
            held[f"{name}.scales"],
            held[f"{name}.codes"].shape[1] // held[f"{name}.scales"].shape[1],
            held.get(f"{name}.zeros"),
        )
        for name in names
    }


QUANTIZER = Quantizer(_maker, _run)
