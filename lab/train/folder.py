"""A training's folder: what it trains, so that the same command resumes it and no other one does.

training.json           model, configuration and digests of the data
checkpoint.safetensors  the state to resume from
log.jsonl               a line a step
adapter/                the adapter in peft's format
evaluations.jsonl       a line an evaluation
training.png            the curves
merged/                 the model to run; written last: with it the training is finished

A head's training has features/ (what the target said and computed) in place of adapter/, and head/ in place
of merged/.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from lab.errors import UserError
from lab.paths import write_atomically
from lab.session import Session, dump_session
from lab.train.config import AdapterConfig, Eagle3Config

SCHEMA = "lab-training/1"
TRAINING, ADAPTER, PLOT, MERGED = "training.json", "adapter", "training.png", "merged"
FEATURES, HEAD = "features", "head"


@dataclass(frozen=True)
class Training:
    """What decides a training's result; files stand for themselves by their SHA-256.

    Attributes:
        start: of the adapter or head that is trained further, if it is no new one.
    """

    model: str
    config: AdapterConfig | Eagle3Config
    sessions: str
    validation: str
    start: str | None = None

    def facts(self) -> dict[str, Any]:
        """One flat mapping, ready for JSON."""
        data = {"sessions": self.sessions, "validation": self.validation, "start": self.start}
        kind = "adapter" if isinstance(self.config, AdapterConfig) else "eagle3"
        return {"schema": SCHEMA, "kind": kind, "model": self.model, **asdict(self.config), **data}


def read_training(folder: Path) -> Training:
    """What the folder's training is.

    Raises:
        UserError: there is none, or it is of another version of the lab.
    """
    path = folder / TRAINING
    try:
        facts = json.loads(path.read_text(encoding="utf-8"))
        kinds: dict[str, type[AdapterConfig] | type[Eagle3Config]]
        kinds = {"adapter": AdapterConfig, "eagle3": Eagle3Config}
        kind = kinds[facts["kind"]]
        # An option that the lab did not have yet was at its default.
        config = kind(**{field.name: facts[field.name] for field in fields(kind) if field.name in facts})
        return Training(facts["model"], config, facts["sessions"], facts["validation"], facts["start"])
    except OSError as error:
        raise UserError(f"{path}", got=error.strerror, expected="a training's folder") from None
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(
            f"{path}",
            got=f"{type(error).__name__}: {error}",
            expected=SCHEMA,
            hint="It is damaged or another lab's; choose another folder.",
        ) from None


def digest(sessions: Iterable[Session]) -> str:
    """SHA-256 (hex) of the sessions, in order."""
    found = hashlib.sha256()
    for session in sessions:
        found.update(f"{dump_session(session)}\n".encode())
    return found.hexdigest()


def digest_file(path: Path) -> str:
    """SHA-256 (hex) of a file's bytes.

    Raises:
        UserError: it cannot be read.
    """
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise UserError(f"{path}", got=error.strerror, expected="a file that can be read") from None


def refuse_finished(out: Path, result: str) -> None:
    """Refuse to train on where `result` (`MERGED` or `HEAD`) is.

    Raises:
        UserError: the folder's training is finished.
    """
    if (out / result).exists():
        option, what = ("--model", "model") if result == MERGED else ("--draft-head", "head")
        raise UserError(
            f"--out {out}",
            got="a finished training",
            expected="a new folder, or an unfinished training",
            hint=f"Its {what} is {out / result}: `lab run {option} {out / result}`.",
        )


def claim(out: Path, training: Training, result: str) -> bool:
    """Make the folder, or find this very training in it; True if there is a training to resume.

    Raises:
        UserError: the folder cannot be made, holds something else, or another, a finished or a damaged
            training.
    """
    refuse_finished(out, result)
    path = out / TRAINING
    try:
        out.mkdir(parents=True, exist_ok=True)
        there, started = any(out.iterdir()), path.is_file()
    except OSError as error:
        raise UserError(f"--out {out}", got=error.strerror, expected="a folder that can be written") from None
    facts = training.facts()
    if not started:
        if there:
            raise UserError(f"--out {out}", got="a folder with other files", expected="a new or empty folder")
        write_atomically(path, json.dumps(facts, indent=2) + "\n")
        return False
    known = read_training(out).facts()
    differing = [key for key in facts if known.get(key) != facts[key]]
    if differing:
        raise UserError(
            f"--out {out} holds another training",
            got="; ".join(f"{key} {facts[key]!r}" for key in differing),
            expected="; ".join(f"{key} {known.get(key)!r}" for key in differing),
            hint="Give the same options to resume it, or another --out.",
        )
    return True
