"""Recorded agent sessions: the `agent-session/1` format, its loader and its validator.

A session is one multi-call agent run: a tool catalog, the messages as they were recorded (in the shapes of
the OpenAI chat-completions API), and what was expected of the model at each of its calls. One session is one
line of a JSONL file.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, Literal

import jsonschema
from pydantic import AfterValidator, Field, JsonValue, ValidationError, model_validator

from lab.errors import UserError
from lab.strict import Strict, first_problem, nearest

SCHEMA = "agent-session/1"
MATCHER_KEYS = frozenset({"any_of", "regex", "approx", "type_only"})
MATCHER_FLAGS = frozenset({"optional", "ignore", "cmp"})


class Source(Strict):
    """Where a session comes from. `gold=False` marks a recording that is an observation, not ground truth."""

    name: str
    version: str = "1"
    license: str
    ref: str = ""
    gold: bool = True


class Function(Strict):
    """One callable function of the catalog; `parameters` is a JSON schema of type `object`."""

    name: str = Field(min_length=1)
    description: str = ""
    parameters: dict[str, JsonValue]


class Tool(Strict):
    """One entry of the tool catalog, in the OpenAI shape."""

    type: Literal["function"]
    function: Function


class FunctionCall(Strict):
    """The name and the JSON-encoded arguments of a recorded call."""

    name: str
    arguments: str


class ToolCall(Strict):
    """One tool call of a recorded assistant message."""

    id: str
    type: Literal["function"] = "function"
    function: FunctionCall


class Message(Strict):
    """One chat message in the OpenAI shape."""

    role: Literal["system", "user", "assistant", "tool"]
    content: str | None = None
    tool_calls: tuple[ToolCall, ...] | None = None
    tool_call_id: str | None = None

    @model_validator(mode="after")
    def _check_shape(self) -> Message:
        if self.role == "tool" and self.tool_call_id is None:
            raise ValueError("a tool message needs tool_call_id")
        if self.tool_calls is not None and self.role != "assistant":
            raise ValueError(f"tool_calls belong to an assistant message, not to role {self.role!r}")
        if self.content is None and not self.tool_calls:
            raise ValueError("a message needs content or tool_calls")
        return self


class Approx(Strict):
    """A number that may differ by a relative or absolute tolerance."""

    value: float
    rel: float = 1e-6
    abs: float = 0.0


class Matcher(Strict):
    """How one expected argument is compared: exactly one of the four kinds, with optional flags."""

    any_of: tuple[JsonValue, ...] | None = Field(default=None, min_length=1)
    regex: str | None = None
    approx: Approx | None = None
    type_only: Literal[True] | None = None
    optional: bool = False
    ignore: bool = False
    cmp: Literal["string_norm", "string_exact", "set", "json"] | None = None

    @model_validator(mode="after")
    def _exactly_one(self) -> Matcher:
        given = [key for key in sorted(MATCHER_KEYS) if getattr(self, key) is not None]
        if len(given) != 1 and not (self.ignore and not given):
            raise ValueError(f"a matcher needs exactly one of {sorted(MATCHER_KEYS)}, got {given}")
        if self.regex is not None:
            try:
                re.compile(self.regex)
            except re.error as error:
                raise ValueError(f"regex {self.regex!r} cannot be compiled ({error})") from None
        return self


def as_matcher(value: JsonValue | Matcher) -> Matcher:
    """The matcher of an expected argument; a plain value is `any_of` with that value alone.

    An object with one of the matcher kinds among its keys, or with flags only, is a matcher; a plain object
    that looks like one is written `{"any_of": [{...}]}`.
    """
    if isinstance(value, Matcher):
        return value
    return Matcher.model_validate(value) if _is_matcher(value) else Matcher(any_of=(value,))


def _is_matcher(value: JsonValue) -> bool:
    if not isinstance(value, dict) or not value:
        return False
    return bool(value.keys() & MATCHER_KEYS) or value.keys() <= MATCHER_FLAGS


def _check_arguments(arguments: dict[str, JsonValue]) -> dict[str, JsonValue]:
    for name, value in arguments.items():
        try:
            as_matcher(value)
        except ValidationError as error:
            raise ValueError(f"argument {name!r}: {first_problem(error)}") from None
    return arguments


class ExpectedCall(Strict):
    """One expected tool call; `arguments` maps each name to a plain value or a matcher (`matchers()`)."""

    name: str
    arguments: Annotated[dict[str, JsonValue], AfterValidator(_check_arguments)] = Field(default_factory=dict)

    def matchers(self) -> dict[str, Matcher]:
        """Argument name -> matcher."""
        return {name: as_matcher(value) for name, value in self.arguments.items()}


class Expectation(Strict):
    """What a model call should produce: certain tool calls, none, or anything.

    `alternatives` are further complete lists of calls, each as good as `calls`. `extra="ignore"` lets calls
    beyond the expected ones pass.
    """

    kind: Literal["calls", "no_call", "any"]
    order: Literal["any", "strict"] = "any"
    extra: Literal["forbid", "ignore"] = "forbid"
    calls: tuple[ExpectedCall, ...] = ()
    alternatives: tuple[tuple[ExpectedCall, ...], ...] = ()

    @model_validator(mode="after")
    def _calls_match_kind(self) -> Expectation:
        if self.kind == "calls" and not self.calls:
            raise ValueError("kind 'calls' goes with at least one call")
        if self.kind != "calls" and (self.calls or self.alternatives):
            raise ValueError(f"kind {self.kind!r} goes with no calls and no alternatives")
        return self


class Timing(Strict):
    """Recorded pauses around a call, in milliseconds; None where unknown."""

    think_ms: float | None = Field(default=None, ge=0)
    tool_ms: float | None = Field(default=None, ge=0)


class Call(Strict):
    """One model request: its prompt is `messages[:at]`, its recorded reply `messages[at]`."""

    at: int = Field(ge=1)
    tools_visible: tuple[str, ...] | None = None
    max_tokens: int = Field(default=256, ge=1)
    timing: Timing = Timing()
    expect: Expectation


class World(Strict):
    """The tool world a live replay runs in, and the state it starts from."""

    name: str
    initial_state: dict[str, JsonValue] = Field(default_factory=dict)


class Goal(Strict):
    """When the whole session counts as a success; a live replay's last words must hold every statement."""

    success: Literal["all_calls", "world_state"] = "all_calls"
    statements: tuple[str, ...] = ()
    world: World | None = None


class Session(Strict):
    """One recorded multi-call agent run."""

    schema_: Literal["agent-session/1"] = Field(alias="schema")
    id: str = Field(min_length=1)
    tags: tuple[str, ...] = ()
    source: Source
    tools: tuple[Tool, ...]
    messages: tuple[Message, ...]
    calls: tuple[Call, ...] = Field(min_length=1)
    session: Goal = Goal()

    @model_validator(mode="after")
    def _consistent(self) -> Session:
        names = [tool.function.name for tool in self.tools]
        if len(set(names)) != len(names):
            raise ValueError(f"tool names repeat: {sorted({n for n in names if names.count(n) > 1})}")
        schemas = {tool.function.name: tool.function.parameters for tool in self.tools}
        for name, schema in schemas.items():
            if problem := _schema_problem(json.dumps(schema)):
                raise ValueError(f"tool {name!r}: not a JSON schema ({problem})")
        previous = 0
        for index, call in enumerate(self.calls):
            where = f"calls[{index}]"
            if call.at >= len(self.messages) or self.messages[call.at].role != "assistant":
                raise ValueError(f"{where}.at = {call.at} does not point at an assistant message")
            if call.at <= previous:
                raise ValueError(f"{where}.at = {call.at} does not come after the call before it")
            previous = call.at
            for visible in call.tools_visible or ():
                if visible not in schemas:
                    raise ValueError(f"{where}.tools_visible names an unknown tool {visible!r}")
            for expected in (*call.expect.calls, *(c for alt in call.expect.alternatives for c in alt)):
                if expected.name not in schemas:
                    near = nearest(expected.name, schemas)
                    raise ValueError(f"{where} expects the unknown tool {expected.name!r} ({near})")
                if self.source.gold:
                    _check_names(expected, schemas[expected.name], where)
        self._check_tool_ids()
        return self

    def _check_tool_ids(self) -> None:
        open_ids: set[str] = set()
        for index, message in enumerate(self.messages):
            for tool_call in message.tool_calls or ():
                open_ids.add(tool_call.id)
            if message.role == "tool":
                if message.tool_call_id not in open_ids:
                    unknown = message.tool_call_id
                    raise ValueError(f"messages[{index}] answers the unknown tool call {unknown!r}")
                open_ids.discard(str(message.tool_call_id))

    def catalog(self, call: Call) -> list[dict[str, Any]]:
        """The tools that are visible at `call`, in the OpenAI shape."""
        return [
            _api_shape(tool)
            for tool in self.tools
            if call.tools_visible is None or tool.function.name in call.tools_visible
        ]

    def history(self, call: Call) -> list[dict[str, Any]]:
        """The recorded messages before `call`, in the OpenAI shape."""
        return [_api_shape(message) for message in self.messages[: call.at]]


@lru_cache(maxsize=4096)  # Sessions share their tools, and a check takes about a millisecond.
def _schema_problem(schema: str) -> str | None:
    try:
        jsonschema.Draft202012Validator.check_schema(json.loads(schema))
    except jsonschema.SchemaError as error:
        return error.message
    return None


def _check_names(expected: ExpectedCall, schema: dict[str, JsonValue], where: str) -> None:
    # A misspelt argument or matcher would otherwise be an expectation that no reply can meet.
    properties = schema.get("properties")
    if not isinstance(properties, dict):
        return
    for name, value in expected.arguments.items():
        argument = f"argument {name!r} of {expected.name!r}"
        if name not in properties:
            raise ValueError(f"{where} expects the unknown {argument} ({nearest(name, properties)})")
        declared = properties[name]
        kind = declared.get("type") if isinstance(declared, dict) else None
        if isinstance(value, dict) and isinstance(kind, str) and kind != "object" and not _is_matcher(value):
            near = nearest(next(iter(value), ""), MATCHER_KEYS)
            raise ValueError(
                f"{where}: {argument} takes {kind}, and the object expected is no matcher ({near})"
            )


def _api_shape(value: Any) -> Any:
    # What the API knows: without absent fields and without our own x_* keys.
    if isinstance(value, Strict):
        fields = {name: getattr(value, name) for name in type(value).model_fields}
        return {name: _api_shape(field) for name, field in fields.items() if field is not None}
    return [_api_shape(item) for item in value] if isinstance(value, tuple) else value


def dump_session(session: Session) -> str:
    """One JSONL line, without the line break; absent fields are left out."""
    data = session.model_dump(mode="json", by_alias=True, exclude_none=True)
    return json.dumps(data, ensure_ascii=False, separators=(",", ":"))


def parse_session(line: str, where: str) -> Session:
    """One session from one JSONL line.

    Raises:
        UserError: the line is no JSON, or no valid session; names `where`, the key and the nearest valid one.
    """
    try:
        data = json.loads(line)
    except json.JSONDecodeError as error:
        raise UserError(
            f"{where} is not valid JSON",
            got=f"{error.msg} at column {error.colno}",
            expected="one session object a line",
            hint="Mend that line; `lab sessions validate FILE` checks a whole file.",
        ) from None
    if not isinstance(data, dict) or data.get("schema") != SCHEMA:
        got = data.get("schema") if isinstance(data, dict) else type(data).__name__
        raise UserError(f"{where}: schema", got=got or "no schema", expected=SCHEMA)
    try:
        return Session.model_validate(data)
    except ValidationError as error:
        raise UserError(
            f"{where} (session {data.get('id', '?')!r}): {first_problem(error)}",
            hint="The session format is described in docs/sessions.md.",
        ) from None


def parse_sessions(lines: Iterable[str], name: str) -> Iterator[Session]:
    """Every session of a JSONL stream; blank lines are skipped, a repeated id is an error."""
    seen: dict[str, int] = {}
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        session = parse_session(line, f"{name} line {number}")
        if session.id in seen:
            raise UserError(
                f"{name} line {number}: id",
                got=session.id,
                expected="an id of its own for every session",
                hint=f"Line {seen[session.id]} has the same id.",
            )
        seen[session.id] = number
        yield session


def read_sessions(lines: Iterable[bytes], name: str) -> list[Session]:
    """All sessions of a JSONL stream of bytes, which messages call `name`.

    Raises:
        UserError: the stream holds no session, or is malformed; names the line.
    """
    sessions = list(parse_sessions(_decoded(lines, name), name))
    if not sessions:
        raise UserError(name, got="no session", expected="at least one line")
    return sessions


def _decoded(lines: Iterable[bytes], name: str) -> Iterator[str]:
    for number, line in enumerate(lines, start=1):
        try:
            yield line.decode("utf-8")
        except UnicodeDecodeError as error:
            got = f"bytes that are not UTF-8 ({error.reason})"
            raise UserError(f"{name} line {number}", got=got, expected="UTF-8 text") from None


def load_sessions(path: Path) -> list[Session]:
    """All sessions of one JSONL file.

    Raises:
        UserError: the file is missing, empty or malformed.
    """
    try:
        with path.open("rb") as file:
            return read_sessions(file, path.name)
    except OSError as error:
        got = error.strerror or str(error)
        raise UserError(f"session file {path}", got=got, expected="a readable JSONL file") from None
