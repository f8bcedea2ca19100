"""Which weights a precision runs with: the model's own, or those of a quantized version of it.

Of a model of the catalogue that version is made when it is first wanted, as the model itself is fetched then.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from filelock import FileLock

from lab.errors import UserError
from lab.paths import cache_dir
from lab.precision import STORED
from lab.precision.base import load_precision
from lab.quantize.base import GPTQ, GptqConfig
from lab.zoo.download import Progress
from lab.zoo.resolve import ModelFiles, read_config


def quantized_dir(files: ModelFiles, precision: str) -> Path:
    """Where `lab models quantize` keeps its version of a model, or would keep it.

    A folder whose weights were written again is another model.
    """
    return cache_dir() / "quantized" / f"{files.path.name}-{identity(files.path)[:12]}" / precision


def identity(folder: Path) -> str:
    """What changes when the weights in a folder are written again (hex); they are not read for it."""
    weights = sorted(folder.glob("*.safetensors"))
    facts = [(path.name, path.stat().st_size, path.stat().st_mtime_ns) for path in weights]
    return hashlib.sha256(repr((str(folder), facts)).encode()).hexdigest()


def quantization(folder: Path) -> dict[str, Any]:
    """What a model folder's config.json says about how its weights were quantized; empty for floats.

    Raises:
        UserError: no readable config.json.
    """
    return dict(read_config(folder).get("quantization_config") or {})


def method(folder: Path) -> str | None:
    """Its `quant_method`; None for floats.

    Raises:
        UserError: no readable config.json.
    """
    found = quantization(folder)
    return str(found.get("quant_method", "?")) if found else None


def version_of(precision: str) -> str:
    """The precision that a model's quantized version is called after: several may multiply the same one."""
    methods = load_precision(precision, {}).methods
    return next((STORED[method] for method in methods if method is not None), precision)


def weights_for(
    files: ModelFiles,
    precision: str,
    given: Mapping[str, str] | None = None,
    progress: Progress | None = None,
) -> Path:
    """The folder whose weights `precision` runs with.

    Args:
        given: version, as `version_of` names it -> its folder.
        progress: told of the layers that are quantized.

    Raises:
        UserError: the folder is none, or of another method; or there is none and it was not given.
    """
    methods = load_precision(precision, {}).methods
    version = version_of(precision)
    if given is not None and version in given:
        folder = Path(given[version]).expanduser()
        if not folder.is_dir():
            raise UserError(f"quantized {version}", got=given[version], expected="an existing folder")
        if (found := method(folder)) not in methods:
            expected = " or ".join(map(str, methods))
            raise UserError(f"quantized {version}: quant_method of {folder}", got=found, expected=expected)
        _check_shape(files, folder)
        return folder.resolve()
    # A checkpoint that it does not load is refused where it is loaded.
    if None in methods or method(files.path) is not None:
        return files.path
    folder = quantized_dir(files, version)
    if (folder / "config.json").is_file():
        return folder
    if files.source == "embedded" and version == GPTQ:
        return _make(files, folder, progress or (lambda _phase, _done, _total: None))
    raise UserError(
        f"precision {precision} of {files.name}",
        got="floating-point weights",
        expected="a version of it that was quantized so",
        hint=f"`lab models quantize {files.name} --precision {version}` makes one, "
        f"or name one with --quantized {version}=FOLDER.",
    )


def _make(files: ModelFiles, folder: Path, tell: Progress) -> Path:
    from lab.quantize.calibration import default_calibration
    from lab.quantize.folder import quantize_gptq

    folder.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(folder.with_name(f".{folder.name}.lock")):
        if (folder / "config.json").is_file():  # another process made it meanwhile
            return folder
        return quantize_gptq(
            files,
            default_calibration(files),
            GptqConfig(),
            folder,
            tell=lambda done, layers: tell("layers", done, layers),
        )


_SHAPE = ("hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads", "vocab_size")


def _check_shape(files: ModelFiles, folder: Path) -> None:
    model, version = read_config(files.path), read_config(folder)
    for key in _SHAPE:
        if version.get(key) != model.get(key):
            raise UserError(
                f"{folder}: {key}",
                got=version.get(key),
                expected=f"{model.get(key)}, as {files.name} has",
                hint="It is another model's quantized version.",
            )
