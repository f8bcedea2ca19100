"""What every tool world shares: declared tools, validated dispatch, and a state that is one JSON document.

A world knows no clock and no randomness, and touches nothing but its own state: the same calls from the same
state give the same results. What a model wrote reaches a handler only through the allow-list of its world,
after the JSON schema has taken the arguments; it is never evaluated.
"""

from __future__ import annotations

import copy
import json
import re
import zlib
from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, ClassVar

import jsonschema

JSON = dict[str, Any]
Schema = Mapping[str, Any]

STRING: Schema = {"type": "string"}
INTEGER: Schema = {"type": "integer"}
NUMBER: Schema = {"type": "number"}
BOOLEAN: Schema = {"type": "boolean"}
DATE: Schema = {"type": "string", "format": "date"}
_MESSAGE = 160  # characters; a refused value may be of any length
_formats = jsonschema.FormatChecker(formats=("date",))


class ToolError(Exception):
    """A tool's refusal; the model sees its code and message."""

    def __init__(self, code: str, message: str):
        super().__init__(message)
        self.code, self.message = code, message


def text(description: str) -> Schema:
    """A string with a hint on what goes into it."""
    return {"type": "string", "description": description}


def enum(*values: str, default: str | None = None) -> Schema:
    """One of certain strings."""
    schema = {"type": "string", "enum": list(values)}
    return schema if default is None else {**schema, "default": default}


def whole(low: int, high: int, default: int | None = None) -> Schema:
    """An integer within bounds, both included."""
    schema = {"type": "integer", "minimum": low, "maximum": high}
    return schema if default is None else {**schema, "default": default}


def array(items: Schema) -> Schema:
    """A list with at least one item."""
    return {"type": "array", "items": items, "minItems": 1}


def record(required: Mapping[str, Schema], optional: Mapping[str, Schema] | None = None) -> JSON:
    """An object schema."""
    properties = {**required, **(optional or {})}
    return {"type": "object", "properties": properties, "required": list(required)}


@dataclass(frozen=True, eq=False)
class Tool:
    """One tool: the method that carries it out, under the method's own name, and its arguments.

    The handler gets every declared argument by name; an absent optional one is its schema default or None.
    """

    handler: Callable[..., JSON]
    description: str
    required: Mapping[str, Schema] = field(default_factory=dict)
    optional: Mapping[str, Schema] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return self.handler.__name__

    @cached_property
    def parameters(self) -> JSON:
        """The JSON schema the model sees."""
        return record(self.required, self.optional)

    @cached_property
    def _validator(self) -> jsonschema.Draft202012Validator:
        return jsonschema.Draft202012Validator(_closed(self.parameters), format_checker=_formats)

    def checked(self, arguments: object) -> JSON:
        """The arguments with defaults filled in.

        Raises:
            ToolError: they do not fit the schema, or name an argument it does not have.
        """
        problem = next(self._validator.iter_errors(arguments), None)
        if problem is not None:
            where = ".".join(str(part) for part in problem.absolute_path)
            message = f"{where}: {problem.message}" if where else problem.message
            raise ToolError("invalid_arguments", message)
        given: Any = _as_declared(arguments, self.parameters)
        return {name: schema.get("default") for name, schema in self.optional.items()} | dict(given)


def _closed(schema: Any) -> Any:
    # The model's copy does not say so, to stay short: unknown arguments are refused at every depth.
    if not isinstance(schema, Mapping):
        return schema
    closed = {
        key: {name: _closed(inner) for name, inner in value.items()}
        if key == "properties"
        else _closed(value)
        for key, value in schema.items()
    }
    return {**closed, "additionalProperties": False} if "properties" in schema else closed


def _as_declared(value: Any, schema: Any) -> Any:
    # To JSON Schema 5.0 is an integer; to a Python slice it is not.
    if isinstance(value, float) and schema.get("type") == "integer":
        return int(value)
    if isinstance(value, list):
        return [_as_declared(item, schema.get("items", {})) for item in value]
    if isinstance(value, dict):
        properties = schema.get("properties", {})
        return {name: _as_declared(item, properties.get(name, {})) for name, item in value.items()}
    return value


class World:
    """A simulated domain. Subclasses declare `name`, `role` (whose assistant works here) and `TOOLS`.

    The state's `serial` is the residue modulo 8 of every number the world gives out, so that worlds with
    different residues never share an id.
    """

    name: ClassVar[str]
    role: ClassVar[str]
    TOOLS: ClassVar[tuple[Tool, ...]]

    def __init__(self, state: JSON):
        self._state = state

    @classmethod
    def from_state(cls, state: JSON) -> World:
        """A world that starts from a copy of `state`."""
        return cls(copy.deepcopy(state))

    def state(self) -> JSON:
        """A copy of the whole state; `from_state(state())` is the same world."""
        return copy.deepcopy(self._state)

    @classmethod
    def tools(cls) -> Mapping[str, Tool]:
        """The allow-list: tool name -> tool."""
        if "_by_name" not in cls.__dict__:
            cls._by_name = {tool.name: tool for tool in cls.TOOLS}
        return cls._by_name

    _by_name: ClassVar[dict[str, Tool]]

    def call(self, name: str, arguments: object) -> JSON:
        """Carry out one tool call; what is wrong with it comes back as `{"error": {"code", "message"}}`.

        `arguments` is any JSON value. Nothing a model can write raises, and a refused call changes nothing.
        """
        tool = self.tools().get(name)
        if tool is None:
            return error_result("unknown_tool", f"there is no tool {name[:_MESSAGE]!r}")
        try:
            return tool.handler(self, **tool.checked(arguments))
        except ToolError as refusal:
            return error_result(refusal.code, refusal.message)
        except (OverflowError, UnicodeError, RecursionError):
            return error_result("invalid_arguments", "a value is out of range")

    def _find(self, table: str, key: str, what: str) -> Any:
        found = self._state[table].get(key)
        if found is None:
            raise ToolError("not_found", f"no {what} {key!r}")
        return found

    def _new_id(self, prefix: str, taken: Container[str], *content: object) -> str:
        """A five-digit id that depends on the content, not on how many came before it: two new things get
        the same ids in whichever order they are made."""
        basis = zlib.crc32(json.dumps([prefix, *content], sort_keys=True).encode())
        number = (1250 + basis % 11_000) * 8 + int(self._state["serial"])
        while f"{prefix}{number}" in taken:
            number += 8
        return f"{prefix}{number}"


def error_result(code: str, message: str) -> JSON:
    """What a tool answers where it refuses."""
    return {"error": {"code": code, "message": message[:_MESSAGE]}}


def refuse_unless(condition: object, code: str, message: str) -> None:
    """Raises ToolError where the condition does not hold."""
    if not condition:
        raise ToolError(code, message)


def clock(value: str) -> int:
    """Minutes after midnight of `HH:MM`; raises ToolError for anything else."""
    match = re.fullmatch(r"([01]\d|2[0-3]):([0-5]\d)", value, re.ASCII)
    if match is None:
        raise ToolError("invalid_arguments", f"{value!r} is not a time HH:MM")
    return int(match[1]) * 60 + int(match[2])
