"""The matrix file, its validation, and its expansion to cells.

A matrix names, for each axis, one or more values; a cell is one combination:

    name: quick
    engine: [native]
    model: [smollm2-135m]
    precision: [bf16, rtn-w4]
    speculation: [none, ngram]
    guided: [off]
    kv: [bf16]
    scenario: [quick]
    rounds: 3

The axes are the same on the command line (`--precision bf16,rtn-w4`). The first value of each makes the
reference arm: list `none`, `off` and `bf16` first.
"""

from __future__ import annotations

import hashlib
import importlib.resources
import itertools
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from lab.engines import ENGINES, GUIDED_ENGINES
from lab.errors import UserError, did_you_mean
from lab.guided import GUIDES
from lab.kernels.ops import KERNELS
from lab.precision import KV_PRECISIONS, PRECISIONS, STORED
from lab.records import REPLAY_MODES, CellRecord, ReplayMode
from lab.speculation import DRAFTERS
from lab.speculation.options import DraftPrecision, parse_tree

AXES = ("engine", "model", "precision", "speculation", "guided", "kv", "scenario")


class Matrix(BaseModel):
    """A validated matrix. Every axis is a tuple; `kernel` pins an op to an implementation.

    `draft_tokens` is the most tokens of a draft that is no tree, `draft_model` the drafter of that name:
    a folder, a hub id, or `layers-N` for the target's own first N layers. `tree` is the shape of a draft
    by `eagle3` (`chain-K` or `tree-DEPTHxTOP_KxNODES`), cut where no path is as likely as
    `draft_confidence`; `draft_head` is its head: a folder or hub id, by default the model's own in the
    catalogue, held as `draft_precision` says; `allow_pickle` lets it be a pickle. `quantized` names the
    folder of a precision's weights, by default what `lab models quantize` made of the model. `quality`
    compares every precision's next-token distributions over the recorded replies with the first one's.
    `max_tokens` caps what the sessions allow per call; `sessions` takes the first so many of the scenario
    and `calls` the first so many of each session; `step_cap` is the most calls of a live session (None:
    twice the recorded ones); `threads` None means the usable cores; `call_timeout_s` is after which a
    silent worker counts as hung.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = "matrix"
    engine: tuple[str, ...] = ("native",)
    model: tuple[str, ...] = ("smollm2-135m",)
    precision: tuple[str, ...] = ("bf16",)
    speculation: tuple[str, ...] = ("none",)
    guided: tuple[str, ...] = ("off",)
    kv: tuple[str, ...] = ("bf16",)
    scenario: tuple[str, ...] = ("authored",)
    replay: ReplayMode = "teacher-forced"
    step_cap: int | None = Field(default=None, ge=1)
    rounds: int = Field(default=3, ge=1)
    sessions: int | None = Field(default=None, ge=1)
    calls: int | None = Field(default=None, ge=1)
    max_tokens: int | None = Field(default=None, ge=1)
    draft_tokens: int = Field(default=8, ge=1, le=63)
    draft_model: str | None = None
    tree: str = "tree-6x8x24"
    draft_confidence: float = Field(default=0.0, ge=0, lt=1)
    draft_head: str | None = None
    draft_precision: DraftPrecision = "auto"
    allow_pickle: bool = False
    temperature: float = Field(default=0.0, ge=0)
    top_p: float = Field(default=1.0, gt=0, le=1)
    top_k: int = Field(default=0, ge=0)
    seed: int = 0
    threads: int | None = Field(default=None, ge=1)
    device: str = "cpu"
    kernel: dict[str, str] = Field(default_factory=dict)
    quantized: dict[str, str] = Field(default_factory=dict)
    quality: bool = False
    call_timeout_s: float = Field(default=600.0, gt=0)

    @field_validator(*AXES, mode="before")
    @classmethod
    def _one_or_more(cls, value: Any) -> Any:
        values = value.split(",") if isinstance(value, str) else value
        if isinstance(values, list | tuple):
            values = [item.strip() if isinstance(item, str) else item for item in values]
            if not values or "" in values:
                raise ValueError(f"got {value!r}, expected at least one value, none of them empty")
            if len(set(values)) != len(values):
                raise ValueError(f"got {value!r}, expected every value once")
        return values

    @field_validator("guided", mode="before")
    @classmethod
    def _off_is_a_word(cls, value: Any) -> Any:
        # YAML reads a bare `off` as false.
        if isinstance(value, list):
            return ["off" if item is False else item for item in value]
        return "off" if value is False else value

    @field_validator("engine", "precision", "speculation", "guided", "kv")
    @classmethod
    def _known(cls, values: tuple[str, ...], info: Any) -> tuple[str, ...]:
        known: Iterable[str] = {
            "engine": ENGINES,
            "precision": PRECISIONS,
            "speculation": ("none", *DRAFTERS),
            "guided": GUIDES,
            "kv": KV_PRECISIONS,
        }[info.field_name]
        for value in values:
            _check_known(value, known)
        return values

    @field_validator("replay", mode="before")
    @classmethod
    def _known_replay(cls, value: Any) -> Any:
        _check_known(value, REPLAY_MODES)
        return value

    @field_validator("step_cap")
    @classmethod
    def _live_only(cls, cap: int | None, info: Any) -> int | None:
        if cap is not None and info.data.get("replay") != "live":
            raise ValueError(f"got {cap}, expected none: only live replay has one. Add `replay: live`.")
        return cap

    @field_validator("guided")
    @classmethod
    def _engines_can_guide(cls, values: tuple[str, ...], info: Any) -> tuple[str, ...]:
        unable = set(info.data.get("engine", ())) - GUIDED_ENGINES
        if unable and set(values) != {"off"}:
            raise ValueError(
                f"got {','.join(values)!r}, expected 'off' for the engine {min(unable)}. "
                f"{', '.join(sorted(GUIDED_ENGINES))} can guide."
            )
        return values

    @field_validator("tree")
    @classmethod
    def _a_shape(cls, tree: str) -> str:
        parse_tree(tree)
        return tree

    @field_validator("kernel")
    @classmethod
    def _known_kernel(cls, pins: dict[str, str]) -> dict[str, str]:
        for op, kernel in pins.items():
            for value, known in ((op, tuple(KERNELS)), (kernel, KERNELS.get(op, ()))):
                _check_known(value, known)
        return pins

    @field_validator("quantized")
    @classmethod
    def _known_quantized(cls, folders: dict[str, str]) -> dict[str, str]:
        for precision in folders:
            _check_known(precision, tuple(STORED.values()))
        return folders

    def cells(self) -> list[Cell]:
        """Every combination of the axes, reference precision and no speculation first."""
        return [Cell(*values) for values in itertools.product(*(getattr(self, axis) for axis in AXES))]

    def digest(self, scenario_digests: Mapping[str, str]) -> str:
        """SHA-256 over the matrix and its scenarios' contents: the identity under which a run resumes."""
        payload = json.dumps([self.model_dump(mode="json"), dict(scenario_digests)], sort_keys=True)
        return hashlib.sha256(payload.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Cell:
    """engine x model x precision x speculation x guided x kv x scenario."""

    engine: str
    model: str
    precision: str
    speculation: str
    guided: str
    kv: str
    scenario: str

    @property
    def cell_id(self) -> str:
        return "/".join(
            (
                *(self.engine, Path(self.model).name, self.precision, self.speculation, self.guided, self.kv),
                Path(self.scenario).stem,
            )
        )

    def record(self) -> CellRecord:
        """The cell as it is stored before anything ran."""
        return CellRecord(
            self.cell_id,
            self.engine,
            self.model,
            self.precision,
            self.speculation,
            self.guided,
            self.kv,
            self.scenario,
            status="pending",
            reason=None,
            setup=None,
        )


def _check_known(value: Any, known: Iterable[str]) -> None:
    if value not in known:
        near = did_you_mean(str(value), known)
        raise ValueError(
            f"got {value!r}, expected one of {', '.join(known)}. {near or ''}".rstrip(". ") + "."
        )


def matrix_names() -> list[str]:
    """The presets' names."""
    folder = importlib.resources.files("lab.scenarios") / "matrices"
    return sorted(Path(item.name).stem for item in folder.iterdir() if item.name.endswith(".yaml"))


def load_matrix(name_or_path: str, overrides: Mapping[str, Any] | None = None) -> Matrix:
    """A preset by name or a YAML file by path, with `overrides` (only keys that are not None) on top.

    Raises:
        UserError: no such matrix, not YAML, an unknown key, or a value out of range; names the field.
    """
    path = Path(name_or_path)
    if path.suffix in {".yaml", ".yml"}:
        where = str(path)
        try:
            text = path.read_text(encoding="utf-8")
        except OSError as error:
            raise UserError(
                f"matrix file {path}", got=error.strerror, expected="a readable YAML file"
            ) from None
    elif name_or_path in matrix_names():
        where = f"matrix {name_or_path!r}"
        text = (importlib.resources.files("lab.scenarios") / "matrices" / f"{name_or_path}.yaml").read_text(
            "utf-8"
        )
    else:
        known = matrix_names()
        raise UserError(
            "matrix",
            got=repr(name_or_path),
            expected=f"a preset ({', '.join(known)}) or the path of a .yaml file",
            hint=did_you_mean(name_or_path, known),
        )
    try:
        data = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise UserError(f"{where} is not valid YAML", got=" ".join(str(error).split())) from None
    if not isinstance(data, dict):
        raise UserError(where, got=type(data).__name__, expected="a mapping of axes and settings")
    data.update({key: value for key, value in (overrides or {}).items() if value is not None})
    try:
        return Matrix.model_validate(data)
    except ValidationError as error:
        raise _usage_error(where, error) from None


def _usage_error(where: str, error: ValidationError) -> UserError:
    problem = error.errors(include_url=False)[0]
    key = ".".join(str(part) for part in problem["loc"])
    if problem["type"] == "extra_forbidden":
        known = list(Matrix.model_fields)
        return UserError(
            f"{where}: unknown key {key!r}",
            hint=did_you_mean(key, known) or f"Known keys: {', '.join(known)}.",
        )
    message = problem["msg"].removeprefix("Value error, ").rstrip(".")
    if message.startswith("got "):
        return UserError(f"{where}: {key}: {message}")
    return UserError(f"{where}: {key}", got=repr(problem["input"]), expected=message)
