"""GPTQ by the package GPTQModel."""

from __future__ import annotations

import contextlib
import json
import os
import sys
from collections.abc import Callable, Sequence
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from lab.errors import UserError
from lab.measure import processor
from lab.quantize.base import GptqConfig, Quantizer


def _maker() -> str:
    """Who makes it.

    Raises:
        UserError: the package is not installed.
    """
    if find_spec("gptqmodel") is None:
        raise UserError(
            "--by gptqmodel",
            got="no package gptqmodel",
            hint="pip install 'specquant-lab[gptq]', or leave it to the lab: --by lab.",
        )
    return f"gptqmodel {version('gptqmodel')}"


def _run(
    model: Path,
    calibration: Sequence[list[int]],
    config: GptqConfig,
    work: Path,
    out: Path,
    tell: Callable[[int, int], None],
) -> None:
    """Write the quantized model to `out`; what is finished of it, layer by layer, is kept in `work`."""
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
    _forget_paths(out)


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
    (folder / "quant_log.csv").unlink(missing_ok=True)
    for name in ("config.json", "quantize_config.json"):
        path = folder / name
        if not path.is_file():
            continue
        config = json.loads(path.read_text(encoding="utf-8"))
        for owner in (config, config.get("quantization_config") or {}):
            (owner.get("meta") or {}).pop("offload_to_disk_path", None)
        path.write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")


QUANTIZER = Quantizer(_maker, _run)
