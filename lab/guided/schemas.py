"""A tool's parameter schema, narrowed to what can be both guided and read back.

A grammar sees JSON one character at a time and cannot do all that a validator does. Where a schema leaves
something open that the lab's own parser refuses (a number beyond every float, lists nested without end), the
narrowed schema allows less; it never allows more.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lab.errors import UserError

# Larger numbers can be written in so many digits that they are no float, or no usable integer, any more.
LIMIT = 10**18
_BOUNDS = {"minimum": -LIMIT, "maximum": LIMIT}
_SCALAR: dict[str, Any] = {"type": ["string", "number", "boolean", "null"], **_BOUNDS}
# What a schema leaves open: one level of lists and objects, of scalars.
_ANY: dict[str, Any] = {
    **_SCALAR,
    "type": [*_SCALAR["type"], "array", "object"],
    "items": _SCALAR,
    "additionalProperties": _SCALAR,
}
_COMBINATORS = frozenset({"anyOf", "oneOf", "$ref"})
# Any of them says what kind of value is meant.
_KINDS = _COMBINATORS | {"type", "enum", "const", "properties"}
_LISTS = ("anyOf", "oneOf", "prefixItems")
_MAPS = ("properties", "patternProperties", "$defs", "definitions")


def narrowed(tool: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """The schema of the arguments that a guided call of `tool` may have.

    Every object with declared properties takes these alone, and so do the arguments as a whole, unless
    `additionalProperties` says otherwise; numbers lie within `LIMIT`; what is left open is a scalar, or a
    list or an object of scalars.

    Raises:
        UserError: a keyword that a grammar could not hold a call to.
    """
    root = {"type": "object", **parameters}
    if not _COMBINATORS & root.keys():
        root.setdefault("properties", {})
    return _object(tool, root)


def _narrow(tool: str, schema: Any) -> Any:
    if schema is True or schema == {}:
        return _ANY
    return _object(tool, schema) if isinstance(schema, dict) else schema


def _object(tool: str, schema: dict[str, Any]) -> dict[str, Any]:
    _refuse(tool, schema)
    made = dict(schema)
    for key in _MAPS:
        if isinstance(inner := schema.get(key), dict):
            made[key] = {name: _narrow(tool, item) for name, item in inner.items()}
    for key in _LISTS:
        if isinstance(inner := schema.get(key), list):
            made[key] = [_narrow(tool, item) for item in inner]
    for key in ("items", "additionalProperties"):
        if key in schema:
            made[key] = _narrow(tool, schema[key])
    if "properties" in schema:
        # Without a type it would take any value that is no object, too.
        made.setdefault("type", "object")
    if not _KINDS & schema.keys():
        made["type"] = _ANY["type"]
    types = made.get("type", [])
    types = [types] if isinstance(types, str) else types
    if {"number", "integer"} & set(types):
        made = {**_BOUNDS, **made}
    if "array" in types:
        made.setdefault("items", _SCALAR)
    if "object" in types:
        closed = "properties" in schema and not _COMBINATORS & schema.keys()
        made.setdefault("additionalProperties", False if closed else _ANY)
    return made


def _refuse(tool: str, schema: dict[str, Any]) -> None:
    step = schema.get("multipleOf")
    if "allOf" in schema:
        got, expected = "allOf", "one schema with all its properties"
    elif isinstance(step, float) and not step.is_integer():
        # A validator divides floats: 0.07 is no multiple of 0.01 to it.
        got, expected = f"multipleOf {step}", "a whole number"
    else:
        return
    raise UserError(
        f"guided decoding: the schema of tool {tool!r}",
        got=got,
        expected=expected,
        hint="Rewrite the schema, or run this scenario with --guided off.",
    )
