"""Families that put every call between an opening and a closing tag: hermes, qwen3-coder, functiongemma."""

from __future__ import annotations

from collections.abc import Callable

from lab.scoring.wire.base import (
    MAX_DEPTH,
    Found,
    MalformedError,
    ParsedCall,
    call_from_object,
    decode,
    make_call,
    skip_space,
)

Body = Callable[[str, int], tuple[ParsedCall, int]]


def _read(text: str, opener: str, closer: str, body: Body, strays: tuple[str, ...]) -> Found:
    """All blocks of the text; `body` reads one call from the position behind the opener."""
    found, position = Found(), 0
    while (start := text.find(opener, position)) != -1:
        found.content.append(text[position:start])
        inside = start + len(opener)
        try:
            call, end = body(text, inside)
            end = skip_space(text, end)
            if not text.startswith(closer, end):
                raise MalformedError(f"{closer} does not follow the call")
            found.calls.append(call)
            position = end + len(closer)
        except MalformedError as reason:
            close, again = text.find(closer, inside), text.find(opener, inside)
            if close != -1 and (again == -1 or close < again):
                found.bad(reason)
                position = close + len(closer)
            elif again != -1:
                found.bad(reason)
                position = again
            else:
                found.cut(f"the text ends before {closer} ({reason})")
                position = len(text)
    found.content.append(text[position:])
    for stray in strays:
        found.outside(stray)
    return found


def _hermes_body(text: str, at: int) -> tuple[ParsedCall, int]:
    value, end = decode(text, skip_space(text, at))
    return call_from_object(value, ("arguments",)), end


def hermes(text: str) -> Found:
    """`<tool_call>{"name": .., "arguments": {..}}</tool_call>`, repeated."""
    return _read(text, "<tool_call>", "</tool_call>", _hermes_body, ("</tool_call>",))


def _tag(text: str, at: int, mark: str) -> tuple[str, int]:
    """The name in `<mark=NAME>` at `at`, and the position behind the tag."""
    opener = f"<{mark}="
    end = text.find(">", at)
    name = text[at + len(opener) : end].strip()
    if not text.startswith(opener, at) or end == -1 or not name or "\n" in name:
        raise MalformedError(f"{opener}NAME> is missing")
    return name, end + 1


def _qwen3_coder_body(text: str, at: int) -> tuple[ParsedCall, int]:
    name, position = _tag(text, skip_space(text, at), "function")
    arguments: dict[str, str] = {}
    position = skip_space(text, position)
    while text.startswith("<parameter", position):
        parameter, position = _tag(text, position, "parameter")
        end = text.find("</parameter>", position)
        value = text[position:end]
        if end == -1 or any(mark in value for mark in ("<parameter=", "</function>", "</tool_call>")):
            raise MalformedError(f"the parameter {parameter!r} is not closed")
        if parameter in arguments:
            raise MalformedError(f"the key {parameter!r} repeats")
        # The format puts one line break before and one behind the value; any further one belongs to it.
        arguments[parameter] = value.removeprefix("\n").removesuffix("\n")
        position = skip_space(text, end + len("</parameter>"))
    if not text.startswith("</function>", position):
        raise MalformedError(f"</function> is missing behind {name!r}")
    return make_call(name, arguments), position + len("</function>")


def qwen3_coder(text: str) -> Found:
    """`<tool_call><function=N><parameter=K>V</parameter></function></tool_call>`; every value is text."""
    return _read(text, "<tool_call>", "</tool_call>", _qwen3_coder_body, ("<function=", "</tool_call>"))


ESCAPE = "<escape>"


def _escaped(text: str, at: int) -> tuple[str, int]:
    start = at + len(ESCAPE)
    end = text.find(ESCAPE, start)
    if end == -1:
        raise MalformedError(f"{ESCAPE} is not closed")
    return text[start:end], end + len(ESCAPE)


def _gemma_key(text: str, at: int) -> tuple[str, int]:
    if text.startswith(ESCAPE, at):
        key, end = _escaped(text, at)
    else:
        end = at
        while end < len(text) and (text[end].isalnum() or text[end] in "_-.$"):
            end += 1
        key = text[at:end]
    end = skip_space(text, end)
    if not key or not text.startswith(":", end):
        raise MalformedError("a key and a colon are missing")
    return key, skip_space(text, end + 1)


def _gemma_items(text: str, at: int, closer: str, depth: int) -> tuple[list[tuple[str, object]], int]:
    """The items of an object or a list (whose keys are empty), from behind its opening bracket."""
    items: list[tuple[str, object]] = []
    position = skip_space(text, at)
    while not text.startswith(closer, position):
        if items:
            if not text.startswith(",", position):
                raise MalformedError(f"',' or {closer!r} is missing")
            position = skip_space(text, position + 1)
        key = ""
        if closer == "}":
            key, position = _gemma_key(text, position)
        value, position = _gemma_value(text, position, depth + 1)
        items.append((key, value))
        position = skip_space(text, position)
    return items, position + 1


def _gemma_value(text: str, at: int, depth: int) -> tuple[object, int]:
    if depth > MAX_DEPTH:
        raise MalformedError(f"the arguments are nested deeper than {MAX_DEPTH} levels")
    if text.startswith(ESCAPE, at):
        return _escaped(text, at)
    if text.startswith("None", at):  # the chat template prints a null argument as Python does
        return None, at + len("None")
    opener = text[at : at + 1]
    if opener == "[":
        items, end = _gemma_items(text, at + 1, "]", depth)
        return [value for _, value in items], end
    if opener == "{":
        items, end = _gemma_items(text, at + 1, "}", depth)
        value = dict(items)
        if len(value) != len(items):
            raise MalformedError("a key repeats")
        return value, end
    if opener == '"':
        raise MalformedError(f"a text is not between {ESCAPE} marks")
    return decode(text, at)


def _functiongemma_body(text: str, at: int) -> tuple[ParsedCall, int]:
    start = skip_space(text, at)
    brace = text.find("{", start)
    if not text.startswith("call:", start) or brace == -1:
        raise MalformedError("call:NAME{..} is missing")
    arguments, end = _gemma_value(text, brace, 1)
    return make_call(text[start + len("call:") : brace].strip(), arguments), end


def functiongemma(text: str) -> Found:
    """`<start_function_call>call:N{k:<escape>v<escape>}<end_function_call>`, repeated."""
    opener, closer = "<start_function_call>", "<end_function_call>"
    return _read(text, opener, closer, _functiongemma_body, (closer,))
