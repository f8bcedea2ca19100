"""Families that print JSON without a closing tag: llama3-json, mistral, phi-4-mini."""

from __future__ import annotations

import re

from lab.scoring.wire.base import (
    Found,
    MalformedError,
    call_from_object,
    decode,
    give_up,
    make_call,
    skip_space,
)

EITHER = ("arguments", "parameters")
NAMED = re.compile(r'\{\s*"name"\s*:')


def _read_list(found: Found, text: str, at: int, keys: tuple[str, ...], stop: str = "]") -> tuple[int, bool]:
    """Collect the calls of the JSON list at `at`; the position behind it, and whether `]` or `stop`
    ended it."""
    position = at + 1
    while True:
        while position < len(text) and (text[position].isspace() or text[position] == ","):
            position += 1
        if position >= len(text):
            return position, False
        if text[position] == "]":
            return position + 1, True
        if text.startswith(stop, position):
            return position, True
        start = position
        try:
            value, position = decode(text, start)
        except MalformedError as reason:
            position = give_up(found, reason, text, start, NAMED.search(text, start + 1))
            continue
        try:
            found.calls.append(call_from_object(value, keys))
        except MalformedError as reason:
            found.bad(reason)


PYTHON_TAG = "<|python_tag|>"
_LLAMA_START = re.compile(r"(<\|python_tag\|>\s*)?\{")
_LLAMA_OBJECT = re.compile(r'\{\s*("|$)')
_LLAMA_CALL = re.compile(r'\{\s*"(?:name|type|arguments|parameters)"\s*:')
_LLAMA_NEXT = re.compile(rf"<\|python_tag\|>|{_LLAMA_CALL.pattern}")


def llama3_json(text: str) -> Found:
    """`{"name": .., "parameters": {..}}`, with an optional `<|python_tag|>`, `; ` between calls.

    A JSON object without a name and parameters is content, unless it follows the tag. What looks like an
    object at the beginning of the text, or like a call anywhere, but is no JSON, is a malformed call.
    """
    found, first = Found(), skip_space(text, 0)
    position = searched = 0
    while match := _LLAMA_START.search(text, searched):
        start, brace = match.start(), match.end() - 1
        tagged = match.group(1) is not None
        at_start = start == first and _LLAMA_OBJECT.match(text, brace)
        if not (tagged or at_start or _LLAMA_CALL.match(text, brace)):
            searched = match.end()
            continue
        try:
            value, end = decode(text, brace)
        except MalformedError as reason:
            found.content.append(text[position:start])
            position = searched = give_up(found, reason, text, brace, _LLAMA_NEXT.search(text, brace + 1))
            continue
        if not ("name" in value and any(key in value for key in EITHER)):
            searched = end
            continue
        found.content.append(text[position:start])
        try:
            found.calls.append(call_from_object(value, EITHER))
        except MalformedError as reason:
            found.bad(reason)
        behind = skip_space(text, end)
        position = searched = behind + 1 if text.startswith(";", behind) else end
    rest = text[position:]
    if rest.rstrip().endswith(PYTHON_TAG):
        found.cut(f"the text ends behind {PYTHON_TAG}")
        rest = rest.rstrip().removesuffix(PYTHON_TAG)
    found.content.append(rest)
    found.outside(PYTHON_TAG)
    return found


_MISTRAL_NAME = re.compile(r"([\w.\-]+)\s*(?:\[CALL_ID\][\w\-]*)?\s*(?:\[ARGS\])?\s*(?=\{)")
_MISTRAL_NEXT = re.compile(r"\[TOOL_CALLS\]")


def mistral(text: str) -> Found:
    """`[TOOL_CALLS] [{"name": .., "arguments": {..}}]`, or `[TOOL_CALLS]name{..}` from tokenizer v11 on."""
    found, position = Found(), 0
    while match := _MISTRAL_NEXT.search(text, position):
        found.content.append(text[position : match.start()])
        start = skip_space(text, match.end())
        if text.startswith("[", start) and not text.startswith("[TOOL_CALLS]", start):
            position, closed = _read_list(found, text, start, ("arguments",))
            if not closed and not found.unfinished:
                found.cut("the list of calls is not closed")
            continue
        try:
            name = _MISTRAL_NAME.match(text, start)
            if name is None:
                raise MalformedError("neither a list nor name{..} follows [TOOL_CALLS]")
            arguments, end = decode(text, name.end())
            found.calls.append(make_call(name.group(1), arguments))
            position = end
        except MalformedError as reason:
            position = give_up(found, reason, text, start, _MISTRAL_NEXT.search(text, start))
    found.content.append(text[position:])
    return found


_PHI_START = re.compile(r"<\|tool_call\|>\s*|functools\s*(?=\[)")
_PHI_END = "<|/tool_call|>"


def phi_4_mini(text: str) -> Found:
    """`<|tool_call|>[..]<|/tool_call|>` or `functools[..]`.

    The closing tag, and the bracket before it, are often left out: neither is a problem when every call in
    the list is complete.
    """
    found, position = Found(), 0
    while match := _PHI_START.search(text, position):
        found.content.append(text[position : match.start()])
        start = match.end()
        if text.startswith("[", start):
            position, closed = _read_list(found, text, start, EITHER, stop=_PHI_END)
            if not closed and not found.unfinished:
                found.unfinished = "the list of calls is not closed"
        else:
            reason = "no list of calls follows the tag"
            position = give_up(found, reason, text, start, _PHI_START.search(text, start))
        behind = skip_space(text, position)
        if text.startswith(_PHI_END, behind):
            position = behind + len(_PHI_END)
    found.content.append(text[position:])
    return found
