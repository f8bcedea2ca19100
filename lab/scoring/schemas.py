"""One tool's parameter schema: what is wrong with arguments, what is a default, what a cast gives."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import jsonschema
from referencing import Registry
from referencing.exceptions import Unresolvable

from lab.errors import UserError
from lab.scoring.values import from_json, normal, show

# The keywords that say what kind of value is meant; without one, an untyped value stays text.
_KIND = frozenset({"type", "enum", "const", "anyOf", "oneOf", "allOf", "$ref"})
_WORDS = {"true": True, "false": False, "null": None, "none": None}


class Fault(NamedTuple):
    """One error class and the sentence that explains it."""

    kind: str
    text: str


class ToolSchema:
    """Checks the arguments of one tool by JSON Schema draft 2020-12 (5.0 is an integer, a bool is no number).

    Raises:
        UserError: from every method that validates, where a reference in the schema leads out of it, or
            round in a circle.
    """

    def __init__(self, name: str, schema: Mapping[str, Any]) -> None:
        self.name = name
        # An empty registry: a reference to the network is an error, not a download.
        self._validator = jsonschema.Draft202012Validator(dict(schema), registry=Registry())
        properties = schema.get("properties")
        self._properties: Mapping[str, Any] = properties if isinstance(properties, dict) else {}

    def knows(self, argument: str) -> bool:
        """Whether the schema names the argument."""
        return argument in self._properties

    def default(self, argument: str) -> list[Any]:
        """The argument's default as a list of one, or an empty list where it has none."""
        schema = self._properties.get(argument)
        return [schema["default"]] if isinstance(schema, dict) and "default" in schema else []

    def accepts(self, argument: str, value: Any) -> bool:
        """Whether a value is valid for the argument alone; an argument the schema does not name takes any."""
        return self._valid(value, self._properties.get(argument, True))

    def faults(self, arguments: dict[str, Any]) -> dict[str, Fault]:
        """Argument name -> what the schema has against it ("" for the arguments as a whole)."""
        faults: dict[str, Fault] = {}
        for error in self._errors(arguments):
            for argument, fault in _explain(error, self.name):
                faults.setdefault(argument, fault)
        return faults

    def cast(self, arguments: dict[str, Any]) -> dict[str, Any]:
        """The arguments with every invalid value turned into what the schema asks for, where there is an
        obvious reading: "5" -> 5, "true" -> True, 5 -> "5", "Celsius" -> "celsius" of an enum."""
        return self._cast_members(arguments, self._properties)

    def read_text(self, arguments: dict[str, Any]) -> dict[str, Any]:
        """The arguments of an untyped format: text becomes the JSON value it spells where the schema says of
        what kind the argument is and takes that value; otherwise it stays text."""
        return {name: self._read(text, self._properties.get(name)) for name, text in arguments.items()}

    def _read(self, text: Any, schema: Any) -> Any:
        if isinstance(schema, dict) and _KIND & schema.keys():
            for reading in _readings(text):
                if self._valid(reading, schema):
                    return reading
        return text

    def _cast_members(self, value: dict[str, Any], properties: Mapping[str, Any]) -> dict[str, Any]:
        return {name: self._cast(item, properties.get(name, True)) for name, item in value.items()}

    def _cast(self, value: Any, schema: Any) -> Any:
        if isinstance(schema, dict):
            if isinstance(value, list) and "items" in schema:
                value = [self._cast(item, schema["items"]) for item in value]
            if isinstance(value, dict) and isinstance(schema.get("properties"), dict):
                value = self._cast_members(value, schema["properties"])
        if self._valid(value, schema):
            return value
        readings = _readings(value)
        if isinstance(schema, dict) and isinstance(value, str):
            members = [item for item in schema.get("enum", ()) if isinstance(item, str)]
            readings += [item for item in members if normal(item) == normal(value)]
        return next((reading for reading in readings if self._valid(reading, schema)), value)

    def _valid(self, value: Any, schema: Any) -> bool:
        try:
            return self._validator.evolve(schema=schema).is_valid(value)
        except (Unresolvable, RecursionError) as error:
            raise self._unresolvable(error) from None

    def _errors(self, arguments: dict[str, Any]) -> list[jsonschema.ValidationError]:
        try:
            return list(self._validator.iter_errors(arguments))
        except (Unresolvable, RecursionError) as error:
            raise self._unresolvable(error) from None

    def _unresolvable(self, error: Unresolvable | RecursionError) -> UserError:
        return UserError(
            f"the schema of tool {self.name!r}",
            got="a $ref that leads to itself"
            if isinstance(error, RecursionError)
            else f"a $ref to {error.ref}",
            expected="references to other parts of the same schema",
            hint="Write the referenced schema into the tool's own.",
        )


def _readings(value: Any) -> list[Any]:
    """What a value may have been meant as: the JSON that a text spells, or the text of a scalar."""
    if isinstance(value, str):
        word = value.strip().lower()
        if word in _WORDS:
            return [_WORDS[word]]
        is_json, meant = from_json(value)
        return [meant] if is_json and not isinstance(meant, str) else []
    return [json.dumps(value)] if isinstance(value, bool | int | float) else []


def _unnamed(error: jsonschema.ValidationError) -> list[str]:
    """The keys that `additionalProperties` refuses."""
    instance: Any = error.instance
    schema = error.schema if isinstance(error.schema, dict) else {}
    patterns = list(schema.get("patternProperties", ()))
    known = schema.get("properties", {})
    unnamed = [name for name in instance if name not in known]
    return [name for name in unnamed if not any(re.search(pattern, name) for pattern in patterns)]


def _explain(error: jsonschema.ValidationError, tool: str) -> Iterable[tuple[str, Fault]]:
    path = [str(part) for part in error.absolute_path]
    where = ".".join(path)
    inside = f" inside {where!r}" if path else ""
    if error.validator == "required":
        required: Any = error.validator_value
        instance: Any = error.instance
        for name in required:
            if name not in instance:
                text = f"{tool!r} lacks the required argument {name!r}{inside}"
                yield (path[0] if path else name), Fault("missing_required", text)
    elif error.validator == "additionalProperties":
        for name in _unnamed(error):
            text = f"{tool!r} has no argument {name!r}{inside}"
            yield (path[0] if path else name), Fault("unknown_arg", text)
    elif error.validator == "unevaluatedProperties":
        yield (path[0] if path else ""), Fault("unknown_arg", f"{tool!r}: {error.message[:120]}")
    else:
        kind = "type" if _wrong_type(error) else "value"
        subject = f"argument {where!r} of {tool!r}" if path else f"arguments of {tool!r}"
        # The library's message begins with the whole value, which may be long.
        reason = error.message.removeprefix(repr(error.instance)).strip()
        yield (path[0] if path else ""), Fault(kind, f"{subject}: {show(error.instance)} {reason[:120]}")


def _wrong_type(error: jsonschema.ValidationError) -> bool:
    """Whether a JSON type is at fault; of alternatives, whether one is in every one of them."""
    if error.validator not in ("anyOf", "oneOf"):
        return error.validator == "type"
    branches: dict[Any, bool] = {}
    for inner in error.context or ():
        branch = inner.schema_path[0]
        branches[branch] = branches.get(branch, False) or inner.validator == "type"
    return bool(branches) and all(branches.values())
