"""A small catalog, a session around one expectation, and replies in the hermes format."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from lab.records import Score
from lab.scoring import score_call
from lab.session import Session, parse_session

CATALOG: dict[str, dict[str, Any]] = {
    "book": {
        "type": "object",
        "properties": {
            "city": {"type": "string"},
            "nights": {"type": "integer", "minimum": 1},
            "price": {"type": "number"},
            "unit": {"type": "string", "enum": ["celsius", "fahrenheit"]},
            "breakfast": {"type": "boolean", "default": False},
            "guests": {"type": "array", "items": {"type": "string"}},
            "room": {"type": "object", "properties": {"floor": {"type": "integer"}}},
            "code": {"anyOf": [{"type": "string"}, {"type": "integer"}]},
        },
        "required": ["city"],
        "additionalProperties": False,
    },
    "note": {
        "type": "object",
        "properties": {"text": {"type": "string"}, "tag": {"type": "string", "default": "none"}},
    },
    "ping": {"type": "object", "properties": {}},
}


def hermes(*calls: tuple[str, dict[str, Any]]) -> str:
    blocks = (
        json.dumps({"name": name, "arguments": arguments}, ensure_ascii=False) for name, arguments in calls
    )
    return "\n".join(f"<tool_call>\n{block}\n</tool_call>" for block in blocks)


def session_of(
    expect: dict[str, Any], catalog: dict[str, dict[str, Any]], visible: list[str] | None
) -> Session:
    tools = [{"type": "function", "function": {"name": n, "parameters": p}} for n, p in catalog.items()]
    line = {
        "schema": "agent-session/1",
        "id": "t/1",
        "source": {"name": "test", "license": "Apache-2.0", "gold": False},
        "tools": tools,
        "messages": [{"role": "user", "content": "go"}, {"role": "assistant", "content": "ok"}],
        "calls": [{"at": 1, "tools_visible": visible, "expect": expect}],
    }
    return parse_session(json.dumps(line), "test")


def _score(
    reply: str | list[tuple[str, dict[str, Any]]],
    expect: dict[str, Any] | list[tuple[str, dict[str, Any]]],
    *,
    finish: str = "stop",
    family: str = "hermes",
    catalog: dict[str, dict[str, Any]] | None = None,
    visible: list[str] | None = None,
    **flags: Any,
) -> Score | None:
    """Score a reply (text, or calls to print as hermes) against an expectation (whole, or its calls)."""
    text = reply if isinstance(reply, str) else hermes(*reply)
    if not isinstance(expect, dict):
        expect = {"kind": "calls", "calls": [{"name": n, "arguments": a} for n, a in expect], **flags}
    session = session_of(expect, CATALOG if catalog is None else catalog, visible)
    return score_call(text, finish, session, session.calls[0], family)  # type: ignore[arg-type]


@pytest.fixture(scope="session")
def score() -> Callable[..., Score | None]:
    return _score


@pytest.fixture(scope="session")
def as_hermes() -> Callable[..., str]:
    return hermes
