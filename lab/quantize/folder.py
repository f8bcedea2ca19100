"""The folder of a model's quantized version.

It is in the format that transformers and vLLM load, too, and appears whole or not at all; what a run that was
cut off had finished, layer by layer, the next one takes up.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from lab import __version__
from lab.errors import UserError
from lab.quantize.base import GptqConfig, load_quantizer
from lab.zoo.pull import MARKER, swap
from lab.zoo.resolve import ModelFiles

# Fewer tokens than numbers in a row of the Hessian make it singular; this is far above any of them.
_FEWEST_TOKENS = 4096


def quantize_gptq(
    files: ModelFiles,
    calibration: Sequence[list[int]],
    config: GptqConfig,
    out: Path,
    *,
    tell: Callable[[int, int], None] = lambda _done, _layers: None,
) -> Path:
    """Quantize the linear layers of the decoder's blocks to 4 bits; embedding, norms and head stay.

    Args:
        calibration: token ids of texts that the model is to be right about.
        out: the folder to write; one that is there is replaced by the finished new one.
        tell: called with (layers done, layers).

    Returns:
        `out`.

    Raises:
        UserError: too little to calibrate on, a group that does not divide the model's rows, or GPTQModel
            is wanted and not installed.
    """
    quantizer = load_quantizer(config.by)
    by = quantizer.maker()
    tokens = sum(map(len, calibration))
    if tokens < _FEWEST_TOKENS:
        raise UserError(
            "calibration", got=f"{tokens} tokens", expected=f"at least {_FEWEST_TOKENS}", hint="Give more."
        )
    marker = _marker(files, calibration, config, by)
    out = out.absolute()
    partial = out.with_name(f".{out.name}.partial")
    work = out.with_name(f".{out.name}.work-{_digest(marker)}")
    shutil.rmtree(partial, ignore_errors=True)
    work.mkdir(parents=True, exist_ok=True)
    try:
        quantizer.run(files.path.absolute(), calibration, config, work, partial, tell)
        marker["date"] = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        (partial / MARKER).write_text(json.dumps(marker, indent=2) + "\n", encoding="utf-8")
        swap(partial, out)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    shutil.rmtree(work, ignore_errors=True)
    return out


def _marker(
    files: ModelFiles, calibration: Sequence[list[int]], config: GptqConfig, by: str
) -> dict[str, Any]:
    """What the folder's content follows from."""
    return {
        "name": f"{files.name} in gptq-w4",
        "wire_family": files.wire_family,
        "quantized": {
            "from": {"name": files.name, "revision": files.revision, "sha256": files.sha256},
            "config": asdict(config),
            "calibration": {
                "sequences": len(calibration),
                "tokens": sum(map(len, calibration)),
                "sha256": hashlib.sha256(json.dumps([list(ids) for ids in calibration]).encode()).hexdigest(),
            },
            "by": by,
        },
        "lab": __version__,
    }


def _digest(marker: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(marker, sort_keys=True).encode()).hexdigest()[:12]
