"""Making the quantized version of a model, with calibration data, by GPTQModel.

What it writes is a folder of its own, in the format that transformers and vLLM load, too. The folder appears
whole or not at all; what a run that was cut off had finished, layer by layer, the next one takes up.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from lab import __version__
from lab.errors import UserError
from lab.measure import processor
from lab.zoo.pull import MARKER, swap
from lab.zoo.resolve import ModelFiles

# Fewer tokens than numbers in a row of the Hessian make it singular; this is far above any of them.
_FEWEST_TOKENS = 4096


@dataclass(frozen=True)
class GptqConfig:
    """How `gptq-w4` quantizes (GPTQ: arXiv 2210.17323).

    Attributes:
        group: columns that share a scale; -1 for the whole row.
        asymmetric: with a zero point a group.
        act_order: the columns of the largest activations first. Their order is stored, and multiplying
            gathers by it; without, GPTQModel reorders within groups, which costs nothing later.
        damp: added to the Hessian's diagonal, as a share of its mean.
    """

    group: int = 64
    asymmetric: bool = False
    act_order: bool = False
    damp: float = 0.05

    def __post_init__(self) -> None:
        if self.group != -1 and self.group not in (16, 32, 64, 128, 256):
            raise UserError("--group", got=self.group, expected="16, 32, 64, 128, 256, or -1 for whole rows")
        if not 0 < self.damp < 1:
            raise UserError("--damp", got=self.damp, expected="more than 0 and less than 1")


def check_installed() -> None:
    """Refuse to begin without GPTQModel.

    Raises:
        UserError: it is not installed.
    """
    if find_spec("gptqmodel") is None:
        raise UserError("quantizing needs the package gptqmodel", hint="pip install 'specquant-lab[gptq]'")


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
            is not installed.
    """
    check_installed()
    tokens = sum(map(len, calibration))
    if tokens < _FEWEST_TOKENS:
        raise UserError(
            "calibration", got=f"{tokens} tokens", expected=f"at least {_FEWEST_TOKENS}", hint="Give more."
        )
    marker = _marker(files, calibration, config)
    out = out.absolute()
    partial = out.with_name(f".{out.name}.partial")
    work = out.with_name(f".{out.name}.work-{_digest(marker)}")
    shutil.rmtree(partial, ignore_errors=True)
    work.mkdir(parents=True, exist_ok=True)
    try:
        _run(files.path.absolute(), calibration, config, work, partial, tell)
        _forget_paths(partial)
        marker["date"] = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        (partial / MARKER).write_text(json.dumps(marker, indent=2) + "\n", encoding="utf-8")
        swap(partial, out)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    shutil.rmtree(work, ignore_errors=True)
    return out


def _run(
    model: Path,
    calibration: Sequence[list[int]],
    config: GptqConfig,
    work: Path,
    out: Path,
    tell: Callable[[int, int], None],
) -> None:
    # Read when it is imported: one worker a core otherwise waits for more cores than there are.
    os.environ.setdefault("GPTQMODEL_CPU_WORKERS", str(os.cpu_count() or 1))
    # It talks a lot, and a command's standard output belongs to the command; it leaves logs where it runs.
    with contextlib.redirect_stdout(sys.stderr), contextlib.chdir(work):
        import torch
        from gptqmodel import GPTQModel, QuantizeConfig
        from gptqmodel.looper.checkpoint_store import CheckpointConfig

        settings = QuantizeConfig(
            bits=4,
            group_size=config.group,
            sym=not config.asymmetric,
            desc_act=config.act_order,
            act_group_aware=not config.act_order,
            damp_percent=config.damp,
            # Asymmetric zero points do not survive v1.
            format="gptq_v2" if config.asymmetric else "gptq",
            device="cpu",
            offload_to_disk_path=str(work / "offload"),
        )
        # Emulated, bf16 products take seven times as long.
        fast = "bf16" in " ".join(processor.features())
        made: Any = GPTQModel.load(str(model), settings, dtype=torch.bfloat16 if fast else torch.float32)
        layers = int(made.model.config.num_hidden_layers)

        def done(layer_idx: int, submodule_finalized: bool) -> None:
            if submodule_finalized:
                tell(layer_idx + 1, layers)

        made.layer_callback = done
        data = [{"input_ids": ids, "attention_mask": [1] * len(ids)} for ids in calibration]
        made.quantize(data, batch_size=1, checkpoint=CheckpointConfig(path=str(work / "checkpoint")))
        made.save(str(out))
    _narrow(out)


def _narrow(folder: Path) -> None:
    """What was left unquantized, in bf16 whatever it was computed in."""
    import torch
    from safetensors.torch import load_file, save_file

    for path in folder.glob("*.safetensors"):
        held = load_file(path)
        wide = {name for name, tensor in held.items() if tensor.dtype == torch.float32}
        if wide:
            narrowed = {n: t.bfloat16() if n in wide else t for n, t in held.items()}
            save_file(narrowed, path, {"format": "pt"})
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    text = json.dumps(config | {"dtype": "bfloat16"}, indent=2) + "\n"
    (folder / "config.json").write_text(text, encoding="utf-8")


def _forget_paths(folder: Path) -> None:
    """What tells of this machine or of the unquantized model does not belong into the folder."""
    for name in (MARKER, "quant_log.csv"):
        (folder / name).unlink(missing_ok=True)
    for name in ("config.json", "quantize_config.json"):
        path = folder / name
        if not path.is_file():
            continue
        config = json.loads(path.read_text(encoding="utf-8"))
        for owner in (config, config.get("quantization_config") or {}):
            (owner.get("meta") or {}).pop("offload_to_disk_path", None)
        path.write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")


def _marker(files: ModelFiles, calibration: Sequence[list[int]], config: GptqConfig) -> dict[str, Any]:
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
            "by": f"gptqmodel {version('gptqmodel')}",
        },
        "lab": __version__,
    }


def _digest(marker: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(marker, sort_keys=True).encode()).hexdigest()[:12]
