"""Which part of a reply each character belongs to: a tool's name, an argument's value, JSON syntax, prose.

A call is a JSON object with a key `name`, whatever marks stand around it: that is how the hermes, llama3-json
and mistral formats write it. Marks, braces, quotes, keys and blanks inside of it are syntax.
"""

from __future__ import annotations

import re

SEGMENTS = ("tool name", "argument", "syntax", "prose")
_NAME, _ARGUMENT, _SYNTAX, _PROSE = range(len(SEGMENTS))

_MARK = re.compile(r"</?tool_call>|\[TOOL_CALLS\]|<\|python_tag\|>")
_STRING = re.compile(r'"(?:[^"\\]|\\.)*"?', re.DOTALL)
_SCALAR = re.compile(r"[^\s,:\[\]{}\"]+")


def segments_of(text: str) -> list[str]:
    """One of `SEGMENTS` for each character of a reply."""
    kinds = [_PROSE] * len(text)
    for mark in _MARK.finditer(text):
        kinds[mark.start() : mark.end()] = [_SYNTAX] * len(mark[0])
    at = text.find("{")
    while at >= 0:
        end, found = _scan(text, at)
        if found is not None:
            kinds[at:end] = found
        at = text.find("{", end)
    return [SEGMENTS[kind] for kind in kinds]


def _scan(text: str, start: int) -> tuple[int, list[int] | None]:
    """Where the object from `start` on ends, and its characters' kinds; None if it has no key `name`."""
    kinds: list[int] = []
    # Of every open container: whether it is an object, and the key whose value comes next.
    stack: list[tuple[bool, str | None]] = []
    named, at = False, start
    while at < len(text):
        character = text[at]
        token = _STRING.match(text, at) or _SCALAR.match(text, at)
        if token is None:
            kinds.append(_SYNTAX)
            at += 1
            if character in "{[":
                stack.append((character == "{", None))
            elif character in "}]":
                stack.pop()
                if not stack:
                    return at, kinds if named else None
            elif character == "," and stack[-1][0]:
                stack[-1] = (True, None)
            continue
        word = token[0]
        is_object, key = stack[-1]
        quoted = word.startswith('"')
        if is_object and key is None:
            stack[-1] = (True, word.strip('"'))
            kinds += [_SYNTAX] * len(word)
        else:
            is_name = len(stack) == 1 and key == "name"
            named |= is_name
            kind = _NAME if is_name else _ARGUMENT
            inside = [kind] * len(word)
            if quoted:
                inside[0] = _SYNTAX
                inside[-1] = _SYNTAX if len(word) > 1 and word.endswith('"') else inside[-1]
            kinds += inside
        at = token.end()
    return at, kinds if named else None
