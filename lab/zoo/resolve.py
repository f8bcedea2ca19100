"""From what the user calls a model to the files that hold it."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from lab.errors import UserError, did_you_mean
from lab.zoo.catalog import CATALOG
from lab.zoo.download import Progress
from lab.zoo.pull import package_folder, pull, read_marker

# What the hub's own checkpoints of an architecture are trained to write; fine-tunes may differ: override.
WIRE_FAMILIES = {"llama": "llama3-json", "qwen2": "hermes", "qwen3": "hermes", "mistral": "mistral"}

_HUB_ID = re.compile(r"[\w.-]+/[\w.-]+")
_HUB_FILES = [
    "*.safetensors",
    "*.safetensors.index.json",
    "*.json",
    "*.jinja",
    "tokenizer.model",
    "merges.txt",
]


@dataclass(frozen=True, slots=True)
class ModelFiles:
    """A model on this machine.

    Attributes:
        name: as the user gave it.
        wire_family: the tool-call wire format the model writes.
        source: `embedded` (the catalogue), `local` (a folder) or `hub`.
        revision: the hub's commit, or the version of the catalogue's package; None for a folder.
        sha256: of model.safetensors (catalogue) or of its index file; None where there is no index.
    """

    name: str
    path: Path
    wire_family: str
    source: Literal["embedded", "local", "hub"]
    revision: str | None
    sha256: str | None


def resolve(model: str, *, progress: Progress | None = None, wire_family: str | None = None) -> ModelFiles:
    """The files of a catalogue name (pulled if absent), of a local folder, or of a hub id `org/name`.

    Args:
        wire_family: overrides the family declared for the model.

    Raises:
        UserError: unknown name, incomplete folder, a download that failed, or no known wire family.
    """
    if model in CATALOG:
        entry = CATALOG[model]
        path = pull(entry, progress=progress)
        marker = read_marker(path) or {}
        family = wire_family or entry.wire_family
        return ModelFiles(
            model, path, family, "embedded", marker["version"], marker["files"]["model.safetensors"]
        )
    folder = Path(model).expanduser()
    if folder.is_dir():
        return _files(model, folder.resolve(), wire_family, "local", None)
    if _HUB_ID.fullmatch(model) and not model.startswith("."):
        path = _snapshot(model)
        return _files(model, path, wire_family, "hub", path.name)
    raise UserError(
        "model",
        got=model,
        expected=f"a name of the catalogue ({', '.join(CATALOG)}), an existing folder, or a hub id org/name",
        hint=did_you_mean(model, CATALOG) or "`lab models list` shows the catalogue.",
    )


def resolve_head(model: ModelFiles, head: str | None, *, allow_pickle: bool = False) -> Path:
    """The folder of an EAGLE-3 head: of a local folder, a hub id, or by default the catalogue's for `model`.

    Args:
        allow_pickle: fetch pickled weights too.

    Raises:
        UserError: there is none, or a download that failed.
    """
    if head is None:
        entry = CATALOG.get(model.name)
        if entry is None or entry.draft_head is None:
            raise UserError(
                f"speculation eagle3 with {model.name}",
                got="no draft head of its own",
                expected="one that was trained for it",
                hint="Give it with --draft-head, a folder or a hub id; `lab train eagle3` trains one. "
                "--speculation none,ngram needs none.",
            )
        return package_folder() / entry.draft_head
    folder = Path(head).expanduser()
    if folder.is_dir():
        return folder.resolve()
    if _HUB_ID.fullmatch(head) and not head.startswith("."):
        return _snapshot(head, ["*.bin"] if allow_pickle else [])
    raise UserError("draft head", got=head, expected="an existing folder, or a hub id org/name")


def read_config(folder: Path) -> dict[str, Any]:
    """The folder's config.json.

    Raises:
        UserError: it is missing or no JSON object.
    """
    try:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(f"model folder {folder}", got="no config.json", expected=_EXPECTED) from None
    except (OSError, ValueError) as error:
        raise UserError(f"{folder / 'config.json'}", got=str(error), expected="a JSON object") from None
    if not isinstance(config, dict):
        raise UserError(f"{folder / 'config.json'}", got=type(config).__name__, expected="a JSON object")
    return config


_EXPECTED = "config.json and *.safetensors"


def _files(
    model: str, path: Path, wire_family: str | None, source: Literal["local", "hub"], revision: str | None
) -> ModelFiles:
    config = read_config(path)
    if not any(path.glob("*.safetensors")):
        pickled = any(path.glob("*.bin")) or any(path.glob("*.pt"))
        raise UserError(
            f"model folder {path}",
            got="pickled weights only" if pickled else "no *.safetensors",
            expected=_EXPECTED,
            hint="Pickles can run code when they are read; convert them to safetensors." if pickled else None,
        )
    kind = config.get("model_type")
    family = wire_family or (read_marker(path) or {}).get("wire_family") or WIRE_FAMILIES.get(str(kind))
    if family is None:
        raise UserError(
            f"tool-call wire format of {model}",
            got=f"model_type {kind!r}",
            expected=f"a model_type with a known default ({', '.join(WIRE_FAMILIES)})",
            hint="Declare it with `wire_family`; it is never guessed from the text.",
        )
    index = path / "model.safetensors.index.json"
    digest = hashlib.sha256(index.read_bytes()).hexdigest() if index.is_file() else None
    return ModelFiles(model, path, family, source, revision, digest)


def _snapshot(model: str, more: Sequence[str] = ()) -> Path:
    from huggingface_hub import errors, snapshot_download

    try:
        return Path(snapshot_download(model, allow_patterns=[*_HUB_FILES, *more]))
    except errors.GatedRepoError:
        got, hint = "access not granted", "Ask for access on its page, then run `hf auth login`."
    except errors.RepositoryNotFoundError:
        got, hint = "no such model", "Check the spelling; a private model needs `hf auth login`."
    except (errors.OfflineModeIsEnabled, errors.LocalEntryNotFoundError):
        got, hint = "not in the hub's cache, and the hub is out of reach", "Connect, or give a local folder."
    except Exception as error:  # noqa: BLE001 - the hub's HTTP library, and so its errors, change with its version
        got, hint = (str(error) or type(error).__name__).splitlines()[0], "Try again, or give a local folder."
    raise UserError(f"cannot fetch {model} from the model hub", got=got, hint=hint)
