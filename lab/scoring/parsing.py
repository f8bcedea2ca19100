"""Tool-call text -> calls, the text around them, and a named problem for every malformed block.

The parsers are the lab's own: the response parser of transformers raises on malformed JSON, keeps the last
of repeated keys, and takes more than a second to import.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from lab.errors import UserError, did_you_mean
from lab.scoring.schemas import ToolSchema
from lab.scoring.wire.base import Found, ParsedCall
from lab.scoring.wire.pythonic import pythonic
from lab.scoring.wire.tagged import functiongemma, hermes, qwen3_coder
from lab.scoring.wire.untagged import llama3_json, mistral, phi_4_mini


@dataclass(frozen=True, slots=True)
class Parsed:
    """What a reply says.

    Attributes:
        calls: the well-formed calls, in the order of the text.
        content: the text outside of calls, without reasoning.
        problems: one sentence for each malformed or unclosed block.
        unfinished: why the text ends inside of a call or of its reasoning, or "". It is one of `problems`,
            except where a finished reply may end so too: an open list of complete calls in phi-4-mini, or
            what may be the first characters of a call.
    """

    calls: tuple[ParsedCall, ...]
    content: str
    problems: tuple[str, ...]
    unfinished: str = ""


@dataclass(frozen=True, slots=True)
class _Family:
    """A wire format: its parser, the mark a call begins with, and whether its values are all plain text."""

    read: Callable[[str], Found]
    opener: str
    untyped: bool = False


_FAMILIES = {
    "hermes": _Family(hermes, "<tool_call>"),
    "llama3-json": _Family(llama3_json, "<|python_tag|>"),
    "pythonic": _Family(pythonic, "<|tool_call_start|>"),
    "mistral": _Family(mistral, "[TOOL_CALLS]"),
    "phi-4-mini": _Family(phi_4_mini, "<|tool_call|>"),
    "qwen3-coder": _Family(qwen3_coder, "<tool_call>", untyped=True),
    "functiongemma": _Family(functiongemma, "<start_function_call>"),
}
FAMILIES: tuple[str, ...] = tuple(_FAMILIES)

_THINK, _THOUGHT = "<think>", "</think>"


def _strip_reasoning(text: str) -> tuple[str, bool]:
    """The text without its reasoning, and whether it ends inside of it.

    A prompt may have opened the first block already, so text before a lone `</think>` is reasoning too. The
    tags count wherever they stand, since reasoning may quote a call far more likely than a call the tags.
    """
    head, ended, rest = text.partition(_THOUGHT)
    if ended and _THINK not in head:
        text = rest
    kept, position = [], 0
    while (start := text.find(_THINK, position)) != -1 and (end := text.find(_THOUGHT, start)) != -1:
        kept.append(text[position:start])
        position = end + len(_THOUGHT)
    text = "".join(kept) + text[position:]
    return ("", True) if text.lstrip().startswith(_THINK) else (text, False)


def _ends_in_part_of(opener: str, text: str) -> bool:
    return any(text.endswith(opener[:length]) for length in range(2, len(opener)))


def parse(text: str, family: str, schemas: Mapping[str, Mapping[str, Any]] | None = None) -> Parsed:
    """Read a reply in its declared wire format. No text raises.

    Args:
        text: the reply, special tokens kept.
        family: one of `FAMILIES`.
        schemas: tool name -> its JSON schema of parameters. Only an untyped format (qwen3-coder) needs it:
            its values are text, and become what the schema asks for where they can; without, they stay text.

    Raises:
        UserError: an unknown family.
    """
    if family not in _FAMILIES:
        raise UserError(
            "tool-call format",
            got=family,
            expected=f"one of {', '.join(FAMILIES)}",
            hint=did_you_mean(family, FAMILIES),
        )
    wire = _FAMILIES[family]
    text, open_reasoning = _strip_reasoning(text)
    found = wire.read(text)
    if open_reasoning:
        found.cut("the reasoning is not closed")
    unfinished = found.unfinished
    if not unfinished and found.content and _ends_in_part_of(wire.opener, found.content[-1]):
        unfinished = f"the text ends inside {wire.opener}"
    calls = found.calls
    if wire.untyped and schemas:
        calls = [
            ParsedCall(call.name, ToolSchema(call.name, schemas[call.name]).read_text(call.arguments))
            if call.name in schemas
            else call
            for call in calls
        ]
    return Parsed(tuple(calls), "".join(found.content).strip(), tuple(found.problems), unfinished)
