"""Segments of a reply, and verify steps by what they belong to."""

from __future__ import annotations

from itertools import groupby

import pytest

from lab.analysis.acceptance import Emitted, acceptance, token_segments
from lab.analysis.segments import segments_of
from lab.records import CallRecord, Generation, Step


def parts(text: str) -> list[tuple[str, str]]:
    """(segment, text) of every run of characters."""
    kinds = zip(segments_of(text), text, strict=True)
    return [(kind, "".join(c for _, c in run)) for kind, run in groupby(kinds, key=lambda pair: pair[0])]


def test_a_call_is_name_arguments_and_syntax() -> None:
    text = (
        'Sure.\n<tool_call>\n{"name": "pay", "arguments": {"to": "A \\"B\\"", "amount": 12.5}}\n</tool_call>'
    )
    assert parts(text) == [
        ("prose", "Sure.\n"),
        ("syntax", "<tool_call>"),
        ("prose", "\n"),
        ("syntax", '{"name": "'),
        ("tool name", "pay"),
        ("syntax", '", "arguments": {"to": "'),
        ("argument", 'A \\"B\\"'),
        ("syntax", '", "amount": '),
        ("argument", "12.5"),
        ("syntax", "}}"),
        ("prose", "\n"),
        ("syntax", "</tool_call>"),
    ]


@pytest.mark.parametrize(
    ("text", "names", "arguments"),
    [
        ('[TOOL_CALLS][{"name": "a", "arguments": {"x": [1, true]}}]', ["a"], ["1", "true"]),
        ('{"name": "a", "parameters": {"x": {"name": "inner"}}}', ["a"], ["inner"]),
        ('<tool_call>{"name": "a", "arguments": {"x": "cut of', ["a"], ["cut of"]),
        ('<tool_call>{"name": "unfini', ["unfini"], []),
    ],
)
def test_other_formats_nesting_and_cut_replies(text: str, names: list[str], arguments: list[str]) -> None:
    found = parts(text)
    assert [part for kind, part in found if kind == "tool name"] == names
    assert [part for kind, part in found if kind == "argument"] == arguments


def test_braces_that_are_no_call_are_prose() -> None:
    assert parts("Use {braces} and {'x'}.") == [("prose", "Use {braces} and {'x'}.")]
    assert parts('{"city": "Oslo"} is JSON') == [("prose", '{"city": "Oslo"} is JSON')]
    assert segments_of("") == []
    assert segments_of("}]{[") == ["prose"] * 4


def call(text: str, ends: tuple[int, ...], steps: list[tuple[str, int, int]], index: int = 0) -> CallRecord:
    """`steps` are (kind, context, emitted)."""
    made = tuple(
        Step(kind, context, 3, emitted - 1, emitted, 0, 0, 0, 0, 0, 0) for kind, context, emitted in steps
    )
    generation = Generation(tuple(range(len(ends))), text, "stop", (), 1, 0, 0, 0, 0, made, None, ends)
    return CallRecord("c", 1, "s", index, False, 0.0, 1.0, 0.0, generation, None)


def test_verify_steps_belong_to_where_they_begin() -> None:
    text = 'Hi {"name": "pay"}'
    ends = (3, 4, 12, 13, 16, 18)
    first = call(text, ends, [("verify", 100, 2), ("plain", 102, 1), ("verify", 600, 2)])
    assert token_segments(first.generation) == ["prose", "syntax", "syntax", "syntax", "tool name", "syntax"]
    second = call("ok", (2,), [("verify", 5000, 3)], index=1)
    found = acceptance([first, second])
    assert found is not None
    # The second step begins at the third token behind the first, which is the tool's name.
    assert found.segment == {"tool name": Emitted(1, 2), "syntax": Emitted(1, 2)}
    assert found.call == {0: Emitted(2, 4), 1: Emitted(1, 3)}
    assert found.context == {
        "under 512": Emitted(1, 2),
        "under 1024": Emitted(1, 2),
        "4096 or more": Emitted(1, 3),
    }
    assert found.call[1].accepted_length == 3


def test_without_verify_steps_there_is_nothing_and_without_places_no_segments() -> None:
    assert acceptance([call("ok", (2,), [("plain", 1, 1)])]) is None
    found = acceptance([call("ok", (), [("verify", 1, 2)])])
    assert found is not None
    assert found.segment == {}
