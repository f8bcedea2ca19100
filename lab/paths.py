"""Where the lab keeps what it downloads, builds and measures."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

from lab.errors import UserError

_APP = "specquant-lab"


def cache_dir() -> Path:
    """The lab's cache folder: `LAB_CACHE` if set, else `specquant-lab` in the user's cache folder.

    That is `XDG_CACHE_HOME` if set, else the platform's own. The folder may not exist yet.
    """
    if chosen := os.environ.get("LAB_CACHE"):
        return Path(chosen).expanduser()
    if base := os.environ.get("XDG_CACHE_HOME"):
        return Path(base) / _APP
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / _APP
    if sys.platform == "win32" and (local := os.environ.get("LOCALAPPDATA")):
        return Path(local) / _APP
    return Path.home() / ".cache" / _APP


def writable_cache_dir(*parts: str) -> Path:
    """The folder `parts` of the cache, made if absent and tried by writing to it.

    Raises:
        UserError: nothing can be written there.
    """
    folder = cache_dir().joinpath(*parts)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise _unwritable(folder, error) from None
    return folder


def write_atomically(path: Path, text: str) -> None:
    """Write `path` so that a reader sees the old content or the new, never a part of it.

    Raises:
        UserError: nothing can be written there.
    """
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        try:
            partial.write_text(text, encoding="utf-8")
            partial.replace(path)
        finally:
            partial.unlink(missing_ok=True)
    except OSError as error:
        raise _unwritable(path.parent, error) from None


def _unwritable(folder: Path, error: OSError) -> UserError:
    return UserError(
        f"cannot write to {folder}",
        got=error.strerror or str(error),
        hint="Make it writable, or set LAB_CACHE to another folder.",
    )
