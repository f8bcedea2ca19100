"""Scenarios by name: the presets that ship with the lab, a user's own files, or generated test sessions.

A preset is a YAML file beside its sessions:

    name: mine
    description: What the agent does all day.
    files: [monday.jsonl, tuesday.jsonl]      # relative to the preset
    generate: ["chain:20", "sql:10:7"]        # FAMILY:N[:SEED], as many sessions of the test split
    sessions: [monday/0003, tuesday/0001]     # optional: these, in this order
    calls: 2                                  # optional: the first calls of each
    max_tokens: 64                            # optional: a cap on each call's tokens
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from importlib import resources
from itertools import chain
from pathlib import Path

import yaml
from pydantic import Field, ValidationError, model_validator

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
    """A scenario preset as it is written.

    `sessions` None takes every session of the files and families; `calls` and `max_tokens` cut each of them.
    """

    name: str = Field(min_length=1)
    description: str = ""
    files: tuple[str, ...] = ()
    generate: tuple[str, ...] = ()
    sessions: tuple[str, ...] | None = Field(default=None, min_length=1)
    calls: int | None = Field(default=None, ge=1)
    max_tokens: int | None = Field(default=None, ge=1)

    @model_validator(mode="after")
    def _has_sessions(self) -> Preset:
        if not self.files and not self.generate:
            raise ValueError("nothing to replay; expected `files`, `generate`, or both")
        return self


def scenario_names() -> list[str]:
    """The presets' names."""
    return sorted(path.stem for path in _presets().glob("*.yaml"))


def load_scenario(name_or_path: str) -> Scenario:
    """A preset by name, a preset `.yaml` by path, all sessions of a `.jsonl` file, or `FAMILY:N[:SEED]`.

    Raises:
        UserError: no such scenario or family, an unreadable file, an unknown key, or an unknown or repeated
            session id.
    """
    path = Path(name_or_path)
    if name_or_path in scenario_names():
        return _from_preset(_presets() / f"{name_or_path}.yaml")
    if path.suffix == ".jsonl":
        sessions = tuple(load_sessions(path))
        return Scenario(path.stem, f"Every session of {path.name}.", sessions)
    if path.suffix in {".yaml", ".yml"}:
        return _from_preset(path)
    if ":" in name_or_path:
        return Scenario(name_or_path, "Generated test sessions.", tuple(_generated(name_or_path)))
    raise UserError(
        "scenario",
        got=repr(name_or_path),
        expected=f"a preset ({', '.join(scenario_names())}), the path of a .jsonl or .yaml file, or FAMILY:N",
        hint=did_you_mean(name_or_path, scenario_names()),
    )


def _presets() -> Path:
    return Path(str(resources.files("lab.scenarios"))) / PRESETS


def _generated(spec: str) -> Iterable[Session]:
    """The first N test sessions of a family, from `FAMILY:N` or `FAMILY:N:SEED` (0 if not given)."""
    from lab.scenarios.generate import check, generate  # Only what is generated needs the worlds.

    family, *numbers = spec.split(":")
    split = check(family, "test")
    whole = [int(number) for number in numbers if number.isascii() and number.isdecimal()]
    if len(whole) != len(numbers) or len(whole) not in (1, 2) or whole[0] == 0:
        raise UserError("generated sessions", got=repr(spec), expected="FAMILY:N or FAMILY:N:SEED")
    n, seed = (*whole, 0)[:2]
    return generate(family, n=n, seed=seed, split=split)


def _from_preset(path: Path) -> Scenario:
    preset = _read_preset(path)
    found: dict[str, Session] = {}
    sources = [load_sessions(path.parent / name) for name in preset.files]
    for session in chain(*sources, *map(_generated, preset.generate)):
        if session.id in found:
            raise UserError(
                f"{path.name}: files and generate",
                got=f"session id {session.id!r} twice",
                expected="unique ids",
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
    sessions = tuple(_cut(found[session_id], preset.calls, preset.max_tokens) for session_id in ids)
    return Scenario(preset.name, preset.description, sessions)


def _cut(session: Session, calls: int | None, max_tokens: int | None) -> Session:
    kept = session.calls[:calls]
    if max_tokens is not None:
        capped = ({"max_tokens": min(call.max_tokens, max_tokens)} for call in kept)
        kept = tuple(call.model_copy(update=cap) for call, cap in zip(kept, capped, strict=True))
    return session.model_copy(update={"calls": kept})


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
