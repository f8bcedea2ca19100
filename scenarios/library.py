"""Scenarios by name: the presets that ship with the lab, or a user's own files.

A preset is a YAML file beside its sessions:

    name: mine
    description: What the agent does all day.
    files: [monday.jsonl, tuesday.jsonl]      # relative to the preset
    sessions: [monday/0003, tuesday/0001]     # optional: these, in this order
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from functools import cached_property
from importlib import resources
from pathlib import Path

import yaml
from pydantic import Field, ValidationError

from lab.errors import UserError, did_you_mean
from lab.session import Session, load_sessions
from lab.strict import Strict, first_problem

PRESETS = "presets"


@dataclass(frozen=True)
class Scenario:
    """A named, ordered set of sessions with ids of their own."""

    name: str
    description: str
    sessions: tuple[Session, ...]

    @cached_property
    def digest(self) -> str:
        """SHA-256 (hex) over the sessions' canonical JSON, in order; the name is not part of it."""
        content = [session.model_dump(mode="json", by_alias=True) for session in self.sessions]
        text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        return hashlib.sha256(text.encode()).hexdigest()


class Preset(Strict):
    """A scenario preset as it is written; `sessions` None takes every session of the files."""

    name: str = Field(min_length=1)
    description: str = ""
    files: tuple[str, ...] = Field(min_length=1)
    sessions: tuple[str, ...] | None = Field(default=None, min_length=1)


def scenario_names() -> list[str]:
    """The presets' names."""
    return sorted(path.stem for path in _presets().glob("*.yaml"))


def load_scenario(name_or_path: str) -> Scenario:
    """A preset by name, a preset `.yaml` by path, or all sessions of a `.jsonl` file.

    Raises:
        UserError: no such scenario, an unreadable file, an unknown key, or an unknown or repeated session id.
    """
    path = Path(name_or_path)
    if name_or_path in scenario_names():
        return _from_preset(_presets() / f"{name_or_path}.yaml")
    if path.suffix == ".jsonl":
        sessions = tuple(load_sessions(path))
        return Scenario(path.stem, f"Every session of {path.name}.", sessions)
    if path.suffix in {".yaml", ".yml"}:
        return _from_preset(path)
    raise UserError(
        "scenario",
        got=repr(name_or_path),
        expected=f"a preset ({', '.join(scenario_names())}) or the path of a .jsonl or .yaml file",
        hint=did_you_mean(name_or_path, scenario_names()),
    )


def _presets() -> Path:
    return Path(str(resources.files("lab.scenarios"))) / PRESETS


def _from_preset(path: Path) -> Scenario:
    preset = _read_preset(path)
    found: dict[str, Session] = {}
    for name in preset.files:
        for session in load_sessions(path.parent / name):
            if session.id in found:
                raise UserError(
                    f"{path.name}: files", got=f"session id {session.id!r} twice", expected="unique ids"
                )
            found[session.id] = session
    ids = preset.sessions if preset.sessions is not None else tuple(found)
    for place, session_id in enumerate(ids):
        if session_id not in found:
            near = did_you_mean(session_id, found)
            raise UserError(
                f"{path.name}: sessions", got=repr(session_id), expected="an id of its files", hint=near
            )
        if session_id in ids[:place]:
            raise UserError(f"{path.name}: sessions", got=f"{session_id!r} twice", expected="each id once")
    return Scenario(preset.name, preset.description, tuple(found[session_id] for session_id in ids))


def _read_preset(path: Path) -> Preset:
    try:
        data = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(f"scenario {path}", got=error.strerror, expected="a readable YAML file") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise UserError(f"{path.name} is not valid YAML", got=" ".join(str(error).split())) from None
    if not isinstance(data, dict):
        raise UserError(
            path.name, got=type(data).__name__, expected="a mapping with name, description and files"
        )
    try:
        return Preset.model_validate({str(key): value for key, value in data.items()})
    except ValidationError as error:
        raise UserError(f"{path.name}: {first_problem(error)}") from None
