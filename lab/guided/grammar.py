"""From a tool catalog and a wire family to a grammar in llguidance's Lark dialect.

Prose is free but for the marks that would begin or end something else. Whatever the lab's parsers take for
the beginning of a call is the beginning of one here too, and a call once begun goes through to its end;
behind it come only another call or the end of the turn. docs/guided.md says what follows from that.

Keys are in the order of the schema, which is how models are trained to write them, and between the parts of
a JSON text stands at most one blank, so that a model cannot lose itself in white space.
"""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lab.errors import UserError
from lab.guided.prose import without
from lab.guided.schemas import narrowed

_THINK, _THOUGHT = "<think>", "</think>"
_JSON = {"whitespace_flexible": False, "item_separator": ", ?", "key_separator": ": ?"}


@dataclass(frozen=True, slots=True)
class Tool:
    """A tool as the grammar needs it; `schema` is narrowed."""

    name: str
    schema: dict[str, Any]


@dataclass(frozen=True, slots=True)
class _Writer:
    """Pieces of Lark for one vocabulary; `special` maps the text of special tokens to their ids."""

    tools: Sequence[Tool]
    special: Mapping[str, int]

    def mark(self, text: str) -> str:
        """The mark as its special token where the vocabulary has one, else as text."""
        return f"<[{self.special[text]}]>" if text in self.special else json.dumps(text)

    def prose(self, *marks: str) -> str:
        """Any text that holds none of the marks; special tokens are in no text."""
        return f"/{without([mark for mark in marks if mark not in self.special])}/"

    def named(self, key: str) -> str:
        """Rules `call`: `{"name": .., KEY: {..}}` of one of the tools."""
        rules = [
            f'call{n}: OPEN{n} {_arguments(tool)} "}}"\n'
            f'OPEN{n}: "{{\\"name\\":" " "? {_quoted(tool.name)} "," " "? {_quoted(key)} ":" " "?'
            for n, tool in enumerate(self.tools)
        ]
        return "\n".join([f"call: {self._each('call')}", *rules])

    def bare(self) -> str:
        """Rules `bare`: `NAME{..}` of one of the tools, with mistral's mark between the two or without."""
        rules = [
            f"bare{n}: {json.dumps(tool.name)} {self.mark('[ARGS]')}? {_arguments(tool)}"
            for n, tool in enumerate(self.tools)
        ]
        return "\n".join([f"bare: {self._each('bare')}", *rules])

    def _each(self, rule: str) -> str:
        return " | ".join(f"{rule}{n}" for n in range(len(self.tools)))


def _hermes(write: _Writer) -> str:
    opener, closer = write.mark("<tool_call>"), write.mark("</tool_call>")
    return f"""
calls: behind_prose body ("\\n"? {opener} body)*
body: "\\n"? call "\\n"? {closer}
{write.named("arguments")}
"""


def _llama3_json(write: _Writer) -> str:
    return f"""
calls: (PROSE | behind_prose)? call (/; ?/ call)*
{write.named("parameters")}
"""


def _mistral(write: _Writer) -> str:
    return f"""
calls: behind_prose (list | bare ({write.mark("[TOOL_CALLS]")} bare)*)
list: " "? "[" call (/, ?/ call)* "]"
{write.named("arguments")}
{write.bare()}
"""


def _phi_4_mini(write: _Writer) -> str:
    return f"""
calls: behind_prose "[" call (/, ?/ call)* "]" {write.mark("<|/tool_call|>")}
{write.named("arguments")}
"""


@dataclass(frozen=True, slots=True)
class _Family:
    """A wire format: the rules of `calls`, the mark that a call begins with, and what else prose has not."""

    calls: Callable[[_Writer], str]
    opener: str
    marks: tuple[str, ...] = ()


_FAMILIES = {
    "hermes": _Family(_hermes, "<tool_call>", ("</tool_call>",)),
    # A call needs no mark there: its brace is one.
    "llama3-json": _Family(_llama3_json, "<|python_tag|>", ("{",)),
    "mistral": _Family(_mistral, "[TOOL_CALLS]"),
    # `functools[` begins a call, too.
    "phi-4-mini": _Family(_phi_4_mini, "<|tool_call|>", ("<|/tool_call|>", "functools")),
}
FAMILIES: tuple[str, ...] = tuple(_FAMILIES)


def require(family: str) -> None:
    """Refuse what cannot be guided, before anything is loaded.

    Raises:
        UserError: a wire family without a grammar, or llguidance is not installed.
    """
    if family not in _FAMILIES:
        raise UserError(
            "guided decoding: the model's tool-call format",
            got=family,
            expected=f"one of {', '.join(FAMILIES)}",
            hint="Run this model with --guided off.",
        )
    if importlib.util.find_spec("llguidance") is None:
        raise UserError(
            "guided decoding",
            got="llguidance is not installed",
            hint="Install it with pip install 'specquant-lab[guided]', or use --guided off.",
        )


def lark(family: str, tools: Sequence[Mapping[str, Any]], special: Mapping[str, int]) -> str:
    """The grammar of a reply.

    Args:
        family: one of `FAMILIES`.
        tools: the catalog in the OpenAI shape; without a tool, a reply is prose.
        special: text of the vocabulary's special tokens -> their ids. They are no text, so prose has none.

    Raises:
        UserError: a schema that a grammar could not hold a call to.
    """
    functions = [tool["function"] for tool in tools]
    known = [Tool(f["name"], narrowed(f["name"], f.get("parameters", {}))) for f in functions]
    wire, write = _FAMILIES[family], _Writer(known, special)
    # As text, mark and prose are one terminal: the lexer does not go back once it has read half a mark.
    behind_prose = f"PROSE? {write.mark(wire.opener)}" if wire.opener in special else "BEHIND_PROSE"
    return f"""
start: REASONING? reply
reply: PROSE{" | calls" if known else ""}
REASONING: (PROSE | {json.dumps(_THINK)} THOUGHT) {json.dumps(_THOUGHT)}
THOUGHT: {write.prose(_THOUGHT)}
PROSE: {write.prose(_THINK, _THOUGHT, wire.opener, *wire.marks)}
BEHIND_PROSE: PROSE {json.dumps(wire.opener)}
behind_prose: {behind_prose}
{wire.calls(write) if known else ""}"""


def _quoted(text: str) -> str:
    """A Lark literal of the text as JSON writes it."""
    return json.dumps(json.dumps(text, ensure_ascii=False), ensure_ascii=False)


def _arguments(tool: Tool) -> str:
    return "%json " + json.dumps({**tool.schema, "x-guidance": _JSON}, ensure_ascii=False)
