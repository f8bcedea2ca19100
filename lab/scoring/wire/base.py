"""What every wire parser shares: the call, the collector, strict JSON, and where a broken block ends."""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass, field
from typing import Any

# Beyond any real argument; the limits keep a degenerate reply from exhausting the stack.
MAX_DEPTH = 64
MAX_BITS = 4096


class MalformedError(ValueError):
    """One block is not well-formed; the message says why."""


@dataclass(frozen=True, slots=True)
class ParsedCall:
    """One tool call: the function's name and its arguments as JSON values."""

    name: str
    arguments: dict[str, Any]


@dataclass(slots=True)
class Found:
    """What a wire parser collects, in the order of the text.

    `unfinished` is the problem of a block that the end of the text cut off; it is one of `problems`, except
    in a family that usually leaves its blocks open.
    """

    calls: list[ParsedCall] = field(default_factory=list)
    content: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    unfinished: str = ""

    def bad(self, reason: object) -> str:
        """Record a malformed block; the good ones around it stay."""
        self.problems.append(f"block {len(self.calls) + len(self.problems) + 1}: {reason}")
        return self.problems[-1]

    def outside(self, tag: str) -> None:
        """Record a tag that stands in the content, so that no block was read for it."""
        if any(tag in piece for piece in self.content):
            self.bad(f"{tag} belongs to no well-formed call")

    def cut(self, reason: object) -> None:
        """Record a block that the text ends inside of."""
        self.unfinished = self.bad(reason)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        keys = [key for key, _ in pairs]
        raise MalformedError(f"the key {next(key for key in keys if keys.count(key) > 1)!r} repeats")
    return value


def _no_constant(text: str) -> Any:
    raise MalformedError(f"{text} is not JSON")


_JSON = json.JSONDecoder(object_pairs_hook=_unique, parse_constant=_no_constant)


def skip_space(text: str, at: int) -> int:
    """The first position from `at` on that is not white space."""
    while at < len(text) and text[at].isspace():
        at += 1
    return at


def decode(text: str, at: int) -> tuple[Any, int]:
    """The JSON value that starts at `at`, and the position behind it.

    Raises:
        MalformedError: it is not JSON as the standard has it, or a key repeats in an object.
    """
    try:
        return _JSON.raw_decode(text, at)
    except json.JSONDecodeError as error:
        raise MalformedError(f"not valid JSON ({error.msg} at character {error.pos - at})") from None
    except MalformedError:
        raise
    except (ValueError, RecursionError) as error:
        raise MalformedError(f"not usable JSON ({error})") from None


def check_size(value: Any) -> None:
    """Raises MalformedError where a value is nested too deep, or a number in it is too large, to handle."""
    waiting = [(value, 1)]
    while waiting:
        item, depth = waiting.pop()
        if depth > MAX_DEPTH:
            raise MalformedError(f"the arguments are nested deeper than {MAX_DEPTH} levels")
        if isinstance(item, dict | list):
            waiting += [(inner, depth + 1) for inner in (item.values() if isinstance(item, dict) else item)]
        elif isinstance(item, int) and item.bit_length() > MAX_BITS:
            raise MalformedError(f"an integer has more than {MAX_BITS} bits")
        elif isinstance(item, float) and not math.isfinite(item):
            raise MalformedError("a number is out of range")


def make_call(name: object, arguments: object) -> ParsedCall:
    """A call whose parts have been checked.

    Raises:
        MalformedError: the name is no text or empty, the arguments are no object, or too large to handle.
    """
    if not isinstance(name, str) or not name:
        raise MalformedError("the function has no name")
    if not isinstance(arguments, dict):
        raise MalformedError(f"the arguments of {name!r} are not an object")
    check_size(arguments)
    return ParsedCall(name, arguments)


def call_from_object(value: object, keys: tuple[str, ...]) -> ParsedCall:
    """The call in `{"name": .., KEY: {..}}`, where KEY is one of `keys`; raises as `make_call` does."""
    if not isinstance(value, dict) or "name" not in value:
        raise MalformedError("not an object with a name")
    given = [key for key in keys if key in value]
    if len(given) != 1:
        raise MalformedError(f"needs {' or '.join(map(repr, keys))} exactly once")
    return make_call(value["name"], value[given[0]])


def closing(text: str, at: int, quotes: str = '"') -> int | None:
    """The position behind the bracket that closes the first one from `at` on; None if the text ends first."""
    depth, quote, position = 0, "", at
    while position < len(text):
        char = text[position]
        if quote:
            if char == "\\":
                position += 1
            elif char == quote:
                quote = ""
        elif char in quotes:
            quote = char
        elif char in "([{":
            depth += 1
        elif char in ")]}":
            depth -= 1
            if depth <= 0:
                return position + 1
        position += 1
    return None


def give_up(found: Found, reason: object, text: str, start: int, following: re.Match[str] | None) -> int:
    """Record the broken block at `start`; the position to go on from: the `following` block, or else the end
    of this one."""
    end = following.start() if following else closing(text, start)
    if end is None:
        found.cut(f"the text ends inside the call ({reason})")
        return len(text)
    found.bad(reason)
    return end
