"""Base model + adapter -> a model folder of its own, that the lab and everything else loads as usual."""

from __future__ import annotations

import json
import os
import shutil
import time
from pathlib import Path
from typing import Any, Literal

import torch

from lab import __version__
from lab.errors import UserError
from lab.zoo.adapter import WEIGHTS, read_adapter_config, write_merged
from lab.zoo.download import sha256_of
from lab.zoo.pull import MARKER, read_marker
from lab.zoo.resolve import read_config, resolve


def merge_adapter(base: Path, adapter: Path, out: Path, *, dtype: Literal["bf16", "fp32"] = "bf16") -> Path:
    """Add the adapter's products to the base's weights (in float32, then rounded once) and write `out`.

    `out` gets safetensors, the base's configuration, tokenizer and chat template, and `lab-model.json` with
    the wire family and what it was made of. It appears in one rename, whole.

    Raises:
        UserError: `out` exists, the base is no complete model folder, or the adapter is missing or unfit.
    """
    if out.exists():
        raise UserError(
            f"--out {out}", got="something there already", expected="a folder that does not exist yet"
        )
    files = resolve(str(base.absolute()))
    read_adapter_config(adapter)
    torch_dtype = torch.bfloat16 if dtype == "bf16" else torch.float32
    partial = out.with_name(f".{out.name}.{os.getpid()}.partial")
    try:
        partial.mkdir(parents=True)
        for path in sorted(base.iterdir()):
            # Copied, not saved anew: a tokenizer must come out with the very same rules.
            weights = path.name.endswith((".safetensors", ".bin", ".pt", ".gguf"))
            if path.is_file() and not weights and path.name != MARKER:
                shutil.copyfile(path, partial / path.name)
        write_merged(base, adapter, partial, torch_dtype)
        config = read_config(base) | {"dtype": str(torch_dtype).removeprefix("torch.")}
        config.pop("torch_dtype", None)  # the old name of `dtype`
        (partial / "config.json").write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
        marker = _marker(base, adapter, partial, out.name, files.wire_family)
        (partial / MARKER).write_text(json.dumps(marker, indent=2) + "\n", encoding="utf-8")
        partial.replace(out)
    except OSError as error:
        raise UserError(f"cannot write {out}", got=error.strerror or str(error)) from None
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return out


def _marker(base: Path, adapter: Path, folder: Path, name: str, wire_family: str) -> dict[str, Any]:
    known = read_marker(base) or {}
    source = {
        key: known[key] for key in ("name", "package", "version", "file", "sha256", "date") if key in known
    }
    digests = {path.name: _digest(path) for path in sorted(base.glob("*.safetensors"))}
    settings = read_adapter_config(adapter)
    kept = ("base_model_name_or_path", "r", "lora_alpha", "target_modules")
    recipe = {key: settings[key] for key in kept if key in settings}
    return {
        "name": name,
        "base": {"name": base.name} | source | {"files": digests},
        "adapter": recipe | {"sha256": _digest(adapter / WEIGHTS)},
        **({"license": known["license"]} if "license" in known else {}),
        "wire_family": wire_family,
        "date": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "lab": __version__,
        "files": {path.name: _digest(path) for path in sorted(folder.iterdir())},
    }


def _digest(path: Path) -> str:
    return sha256_of(path, "verify", lambda _phase, _done, _total: None)
