"""Validated models for hand-written files: an unknown key is an error that names the nearest one."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pydantic import BaseModel, ConfigDict, ModelWrapValidatorHandler, ValidationError, model_validator

from lab.errors import did_you_mean


def nearest(got: str, known: Iterable[str]) -> str:
    """`Did you mean 'x'?`, or all known words where none is near."""
    return did_you_mean(got, known) or f"known: {', '.join(sorted(known))}"


class Strict(BaseModel):
    """A frozen model that refuses unknown keys by name and keeps `x_*` keys."""

    model_config = ConfigDict(frozen=True, extra="allow")

    @model_validator(mode="wrap")
    @classmethod
    def _refuse_unknown_keys(cls, data: Any, handler: ModelWrapValidatorHandler[Strict]) -> Strict:
        if isinstance(data, dict):
            known = {field.alias or name for name, field in cls.model_fields.items()}
            for key in data:
                if key not in known and not key.startswith("x_"):
                    raise ValueError(f"unknown key {key!r} ({nearest(key, known)})")
        return handler(data)


def first_problem(error: ValidationError) -> str:
    """`where.it[0].is: what is wrong`, for the first problem pydantic found."""
    problem = error.errors(include_url=False, include_context=False)[0]
    where = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in problem["loc"])
    message = problem["msg"].removeprefix("Value error, ")
    return f"{where.lstrip('.')}: {message}" if where else message
