"""A guide's masks, over a model's own kind of tokenizer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch

from lab.errors import UserError
from lab.guided.guide import Guide, Guides
from lab.speculation.tree import ROOT, TokenTree

STOP, VOCABULARY = 257, 264  # wider than the tokenizer, as padded embeddings are
NOW = '{"name": "now", "arguments": {}}'
EMPTY = TokenTree.chain(())


@pytest.fixture
def guides(byte_tokenizer: str) -> Guides:
    return Guides(byte_tokenizer, VOCABULARY, STOP, "hermes")


@pytest.fixture
def start(guides: Guides, catalog: list[dict[str, Any]]) -> Callable[[], Guide]:
    return lambda: guides.start(catalog, {STOP})


@pytest.fixture(scope="session")
def ids(byte_tokenizer: str) -> Callable[[str], list[int]]:
    from tokenizers import Tokenizer

    known = Tokenizer.from_str(byte_tokenizer)
    return lambda text: list(known.encode(text).ids)


def allowed(guide: Guide, output: list[int], tree: TokenTree = EMPTY) -> tuple[TokenTree, list[set[int]]]:
    cut, masks = guide.follow(output, tree)
    assert masks.forbidden.shape == (1 + len(cut), VOCABULARY)
    return cut, [set((row == 0).nonzero().flatten().tolist()) for row in masks.forbidden]


Start = Callable[[], Guide]
Ids = Callable[[str], list[int]]


def test_the_end_of_the_turn_is_allowed_only_where_the_grammar_may_end(start: Start, ids: Ids) -> None:
    whole = f"<tool_call>\n{NOW}\n</tool_call>"
    for length in range(len(whole) + 1):
        _, (row,) = allowed(start(), ids(whole[:length]))
        inside = len("<tool_call>") <= length < len(whole)
        assert (STOP in row) is not inside


def test_a_token_the_tokenizer_does_not_have_is_forbidden(start: Start) -> None:
    _, (row,) = allowed(start(), [])
    assert max(row) == STOP
    assert 256 not in row  # <|im_start|> is no text


def test_every_output_so_far_is_taken_once(start: Start, ids: Ids) -> None:
    text = ids(f"<tool_call>{NOW}")
    stepwise = start()
    for length in (3, 3, 17, len(text)):
        rows = allowed(stepwise, text[:length])
    assert rows == allowed(start(), text)


def test_a_draft_is_cut_where_the_grammar_forbids_it(start: Start, ids: Ids) -> None:
    begun = ids('<tool_call>{"name": "')
    cut, rows = allowed(start(), begun, TokenTree.chain(ids("nox")))
    assert cut == TokenTree.chain(ids("no"))
    assert [row & set(ids("bniow")) for row in rows] == [set(ids("bni")), set(ids("o")), set(ids("w"))]


def test_a_tree_is_walked_branch_by_branch_and_left_as_it_was(start: Start, ids: Ids) -> None:
    begun = ids('<tool_call>{"name": "')
    b, x, n, i, o, w = (ids(letter)[0] for letter in "bxniow")
    tree = TokenTree((b, x, n, o, o, w, i), (ROOT, ROOT, ROOT, 0, 2, 4, 1))
    guide = start()
    before = allowed(guide, begun)
    cut, rows = allowed(guide, begun, tree)
    # x is no name's beginning and takes its child with it; b is followed by o, and n by o and w.
    assert cut == TokenTree((b, n, o, o, w), (ROOT, ROOT, 0, 1, 3))
    assert [row & {b, x, n, i, o, w} for row in rows] == [{b, n, i}, {o}, {o}, {o}, {w}, set()]
    assert allowed(guide, begun) == before


def test_nothing_is_drafted_behind_the_end_of_the_turn(start: Start, ids: Ids) -> None:
    cut, rows = allowed(start(), ids("Fine"), TokenTree.chain([*ids("."), STOP, *ids("No")]))
    assert cut == TokenTree.chain([*ids("."), STOP])
    assert all(rows)


def test_an_end_of_the_turn_too_early_is_cut(start: Start, ids: Ids) -> None:
    cut, _ = allowed(start(), ids("<tool_call>"), TokenTree.chain([STOP]))
    assert cut == EMPTY


def test_forbidden_logits_lose_and_stay_finite(start: Start, ids: Ids) -> None:
    guide = start()
    logits = torch.zeros(1, VOCABULARY)
    logits[0, 5] = 90.0
    guide.follow(ids('<tool_call>{"name": "n'), EMPTY)[1].apply(logits)
    assert logits.argmax() == ids("o")[0]
    assert logits.isfinite().all()
    assert logits.softmax(-1)[0, ids("o")[0]] == 1


def test_a_forbidden_token_in_the_output_is_an_error(start: Start, ids: Ids) -> None:
    with pytest.raises(RuntimeError, match="grammar of the reply failed"):
        start().follow(ids('<tool_call>{"name": "x'), EMPTY)


def test_a_catalog_is_compiled_once_a_session(
    guides: Guides, catalog: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch, ids: Ids
) -> None:
    compiled = []
    original = guides._compile
    monkeypatch.setattr(guides, "_compile", lambda tools: compiled.append(len(tools)) or original(tools))
    guides.start(catalog, {STOP}).follow(ids("<tool_call>"), EMPTY)
    _, (row,) = allowed(guides.start(catalog, {STOP}), [])
    assert STOP in row, "a new reply begins at the beginning"
    guides.start(catalog[:1], {STOP})
    assert compiled == [3, 1]
    guides.reset()
    guides.start(catalog, {STOP})
    assert compiled == [3, 1, 3]


def test_a_schema_that_llguidance_does_not_take_is_refused_with_the_tool_s_name(
    guides: Guides, catalog: list[dict[str, Any]]
) -> None:
    parameters = {"properties": {"x": {"type": "array", "uniqueItems": True}}}
    bad = {"type": "function", "function": {"name": "bad", "parameters": parameters}}
    with pytest.raises(UserError, match=r"schema of tool 'bad': got .*uniqueItems.*--guided off"):
        guides.start([*catalog, bad], {STOP})
