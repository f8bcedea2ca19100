from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.guided.prose import without

MARKS = {
    "hermes": ("<think>", "</think>", "<tool_call>", "</tool_call>"),
    "a single character": ("<|python_tag|>", "{"),
    "two first characters": ("<|tool_call|>", "<|/tool_call|>", "functools"),
    "one": ("</think>",),
}
PIECES = sorted(
    {piece for marks in MARKS.values() for mark in marks for piece in (mark, mark[:-1], mark[1:])}
)


@pytest.mark.parametrize("marks", MARKS.values(), ids=MARKS)
@given(text=st.lists(st.sampled_from([*PIECES, *"<{/|f>]\na"]), max_size=6).map("".join))
def test_a_text_matches_if_and_only_if_it_holds_no_mark(marks: tuple[str, ...], text: str) -> None:
    assert bool(re.fullmatch(without(marks), text)) == (not any(mark in text for mark in marks))
