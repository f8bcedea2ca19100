"""The rungs, the error classes, and what a session makes of its calls."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import astuple
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lab.errors import UserError
from lab.records import RUNGS, Score
from lab.scoring import ERRORS, first_error, session_success

Scorer = Callable[..., Score]


def book(**arguments: Any) -> tuple[str, dict[str, Any]]:
    return ("book", arguments)


OSLO = book(city="Oslo")
NOTE: tuple[str, dict[str, Any]] = ("note", {"text": "a"})
PING: tuple[str, dict[str, Any]] = ("ping", {})
NO_CALL = {"kind": "no_call"}


def height(score: Score) -> int:
    """How many rungs hold."""
    return sum(getattr(score, rung) for rung in RUNGS)


# reply, expectation, further keywords -> the one error class, the rungs that hold, the lenient score
EXACTLY: list[tuple[str, Any, Any, dict[str, Any], int, bool]] = [
    ("format", "<tool_call>{'name'}</tool_call>", [OSLO], {}, 0, False),
    ("format", "<tool_call>{'name'}</tool_call>", NO_CALL, {}, 0, False),
    ("format", '<tool_call>{"name": "book"', [OSLO], {}, 0, False),
    ("format", '<tool_call>{"na</tool_call> so', [OSLO], {"finish": "length"}, 0, False),
    ("truncated", '<tool_call>{"name": "book", "argum', [OSLO], {"finish": "length"}, 0, False),
    ("truncated", "Now:\n<tool_c", [OSLO], {"finish": "length"}, 0, False),
    ("truncated", "<think>Oslo, so", [OSLO], {"finish": "length"}, 0, False),
    ("truncated", '<tool_call>{"name": "book", "argum', NO_CALL, {"finish": "length"}, 0, False),
    (
        "truncated",
        '<|tool_call|>[{"name": "book", "arguments": {"city": "Oslo"}}',
        [OSLO],
        {"finish": "length", "family": "phi-4-mini"},
        0,
        False,
    ),
    ("missed", "It is booked.", [OSLO], {}, 1, False),
    ("missed", "I will now book a", [OSLO], {"finish": "length"}, 1, False),
    ("spurious", [OSLO], NO_CALL, {}, 1, False),
    ("unknown_tool", [("reserve", {"city": "Oslo"})], [OSLO], {}, 2, False),
    ("unknown_tool", [("note", {"text": "x"})], [OSLO], {"visible": ["book"]}, 2, False),
    ("unknown_tool", [OSLO, ("reserve", {})], [OSLO], {}, 2, False),
    ("unknown_tool", [("reserve", {})], [OSLO], {"order": "strict"}, 2, False),
    ("wrong_tool", [("note", {"text": "Oslo"})], [OSLO], {}, 2, False),
    ("wrong_tool", [PING, OSLO], [OSLO, PING], {"order": "strict"}, 4, False),
    ("wrong_tool", [PING, OSLO, NOTE], [OSLO, PING], {"order": "strict", "extra": "ignore"}, 4, False),
    ("wrong_tool", [NOTE], [OSLO], {"extra": "ignore"}, 2, False),
    ("missing_required", [book(nights=2)], [book(city="Oslo", nights=2)], {}, 3, False),
    ("unknown_arg", [book(city="Oslo", stars=4)], [OSLO], {}, 3, False),
    ("unknown_arg", [("note", {"text": "a", "size": 1})], [NOTE], {}, 4, False),
    ("type", [book(city="Oslo", nights="2")], [book(city="Oslo", nights=2)], {}, 3, True),
    ("type", [book(city=["Oslo"])], [OSLO], {}, 3, False),
    ("type", [book(city="Oslo", code=None)], [book(city="Oslo", code=1)], {}, 3, False),
    (
        "type",
        [book(city="Oslo", room={"floor": "top"})],
        [book(city="Oslo", room={"floor": 1})],
        {},
        3,
        False,
    ),
    ("value", [book(city="Bergen")], [OSLO], {}, 4, False),
    ("value", [book(city="oslo ")], [OSLO], {}, 4, True),
    ("value", [book(city="Oslo", nights=0)], [book(city="Oslo", nights=1)], {}, 3, False),
    ("value", [book(city="Oslo", nights=0)], [book(city="Oslo", nights=0)], {}, 3, False),
    ("value", [book(city="Oslo", nights=3)], [OSLO], {}, 4, False),
    ("value", [OSLO], [book(city="Oslo", nights=3)], {}, 4, False),
    (
        "value",
        [NOTE, ("note", {"text": "b"})],
        [("note", {"text": "b"}), NOTE],
        {"order": "strict"},
        4,
        False,
    ),
    ("extra_call", [OSLO, OSLO], [OSLO], {}, 2, False),
    ("extra_call", [OSLO, ("ping", {})], [OSLO], {"order": "strict"}, 2, False),
    ("missing_call", [OSLO], [OSLO, ("ping", {})], {}, 2, False),
    ("missing_call", [OSLO], [OSLO, OSLO], {"extra": "ignore"}, 2, False),
]


@pytest.mark.parametrize(("error", "reply", "expect", "more", "rungs", "lenient"), EXACTLY)
def test_a_mistake_is_given_exactly_its_class_and_its_rung(
    score: Scorer, error: str, reply: Any, expect: Any, more: dict[str, Any], rungs: int, lenient: bool
) -> None:
    result = score(reply, expect, **more)
    assert result.errors == (error,)
    assert height(result) == rungs
    assert result.lenient_args_ok is lenient
    assert result.detail
    assert "\n" not in result.detail


def test_every_error_class_has_a_test_that_produces_exactly_it() -> None:
    assert {row[0] for row in EXACTLY} == set(ERRORS)


def test_all_mistakes_of_a_reply_are_reported(score: Scorer) -> None:
    reply = [("book", {"nights": "2", "stars": 1}), ("book", {"city": "Bergen"})]
    result = score(reply, [("book", {"city": "Oslo", "nights": 2}), OSLO, ("ping", {})])
    assert result.errors == ("missing_call", "missing_required", "type", "unknown_arg", "value")
    assert result.detail == "did not call 'ping' as often as expected"


def test_mistakes_are_counted_between_the_calls_that_are_closest(score: Scorer) -> None:
    reply = [book(city="Oslo", nights=3), book(city="Bergen", nights=1)]
    result = score(reply, [book(city="Bergen", nights=2), book(city="Oslo", nights=2)])
    assert result.errors == ("value",)
    assert result.detail == "argument 'nights' of 'book' is 1, expected 2"


def test_a_broken_block_beside_a_cut_one_is_both(score: Scorer) -> None:
    result = score('<tool_call>{]</tool_call><tool_call>{"name', [OSLO], finish="length")
    assert result.errors == ("format", "truncated")


@pytest.mark.parametrize("finish", ["stop", "length"])
def test_a_plain_answer_is_right_where_no_call_is_expected_even_when_cut(score: Scorer, finish: str) -> None:
    result = score("The room is", NO_CALL, finish=finish)
    assert astuple(result) == (True,) * 6 + ((), "")


def test_complete_calls_are_not_truncated_by_the_limit(score: Scorer) -> None:
    assert score([OSLO], [OSLO], finish="length").args_ok


def test_an_open_list_that_stopped_by_itself_is_right_in_phi_4_mini(score: Scorer) -> None:
    reply = '<|tool_call|>[{"name": "book", "arguments": {"city": "Oslo"}}'
    assert score(reply, [OSLO], family="phi-4-mini").args_ok


def test_untyped_values_are_cast_by_the_schema_of_the_session(score: Scorer) -> None:
    parameters = "".join(f"<parameter={k}>\n{v}\n</parameter>" for k, v in (("city", 5), ("nights", 2)))
    reply = f"<tool_call><function=book>{parameters}</function></tool_call>"
    assert score(reply, [book(city="5", nights=2)], family="qwen3-coder").args_ok


def test_a_call_of_which_nothing_is_expected_has_no_score(score: Scorer) -> None:
    assert score("<tool_call>", {"kind": "any"}) is None


@pytest.mark.parametrize("reply", [[("note", {"text": "Oslo"})], "Nothing to do.", [OSLO, ("ping", {})]])
def test_any_alternative_is_as_good_as_the_first(score: Scorer, reply: Any) -> None:
    note, book, ping = (
        {"name": n, "arguments": a} for n, a in [("note", {"text": "Oslo"}), OSLO, ("ping", {})]
    )
    assert score(reply, [OSLO], alternatives=[[note], [], [book, ping]]).args_ok


def test_the_alternative_that_gets_furthest_is_the_one_reported(score: Scorer) -> None:
    result = score(
        [("note", {"text": "b"})], [OSLO], alternatives=[[{"name": "note", "arguments": {"text": "a"}}]]
    )
    assert (height(result), result.errors) == (4, ("value",))


def test_one_lenient_alternative_is_enough(score: Scorer) -> None:
    close, lenient = ("note", {"text": " A", "tag": "z"}), ("note", {"text": "a", "tag": "b"})
    alternatives = [[{"name": lenient[0], "arguments": lenient[1]}]]
    result = score([("note", {"text": " A", "tag": "B "})], [close], alternatives=alternatives)
    assert (result.args_ok, result.lenient_args_ok) == (False, True)
    assert "expected 'z'" in result.detail


def test_an_unknown_tool_stands_in_for_a_missing_call_before_a_known_one_does(score: Scorer) -> None:
    assert score([NOTE, ("reserve", {})], [OSLO]).errors == ("extra_call", "unknown_tool")


def test_a_schema_that_refers_out_of_itself_is_a_user_error(score: Scorer) -> None:
    catalog = {"f": {"properties": {"a": {"$ref": "https://example.org/x.json"}}}}
    with pytest.raises(UserError, match=r"tool 'f'.*example\.org"):
        score([("f", {"a": 1})], [("f", {"a": 1})], catalog=catalog)


def test_a_schema_that_refers_to_itself_is_a_user_error(score: Scorer) -> None:
    catalog = {"f": {"properties": {"a": {"$ref": "#/properties/a"}}}}
    with pytest.raises(UserError, match="leads to itself"):
        score([("f", {"a": 1})], [("f", {"a": 1})], catalog=catalog)


names = st.sampled_from(["book", "note", "ping", "reserve"])
values = st.sampled_from(["Oslo", "oslo", "5", 5, 5.0, True, None, ["Oslo"], {"floor": 1}, {"floor": "1"}])
arguments = st.dictionaries(
    st.sampled_from(["city", "nights", "text", "tag", "room", "guests", "stars"]), values, max_size=3
)
made = st.lists(st.tuples(names, arguments), max_size=3)
wanted = st.lists(st.tuples(names.filter(lambda name: name != "reserve"), arguments), min_size=1, max_size=3)
order, extra = st.sampled_from(["any", "strict"]), st.sampled_from(["forbid", "ignore"])


@settings(derandomize=True, deadline=None)
@given(made, wanted, order, extra, st.sampled_from(["", "<tool_call>{"]), st.sampled_from(["stop", "length"]))
def test_a_rung_implies_all_below_it_and_the_lenient_one(
    score: Scorer,
    as_hermes: Callable[..., str],
    got: Any,
    want: Any,
    order: str,
    extra: str,
    tail: str,
    finish: str,
) -> None:
    result = score(as_hermes(*got) + tail, want, finish=finish, order=order, extra=extra)
    held = [getattr(result, rung) for rung in RUNGS]
    assert all(low or not high for low, high in pairwise(held))
    assert result.lenient_args_ok or not result.args_ok
    assert result.name_ok or not result.lenient_args_ok
    assert (result.errors == ()) is result.args_ok is (result.detail == "")
    assert set(result.errors) <= set(ERRORS)
    assert result.errors == tuple(sorted(set(result.errors)))


@settings(derandomize=True, deadline=None)
@given(wanted, order)
def test_a_reply_of_valid_expected_calls_is_right(score: Scorer, want: Any, order: str) -> None:
    result = score(want, want, order=order)
    assert result.args_ok is result.schema_ok
    assert result.name_ok
    if order == "any":
        assert height(score(want[::-1], want)) == height(result)


RIGHT, WRONG = (
    Score(True, True, True, True, True, True),
    Score(True, True, True, True, False, True, ("value",), "x"),
)


@pytest.mark.parametrize(
    ("scores", "success", "first"),
    [
        ([RIGHT, RIGHT], True, None),
        ([None, RIGHT], True, None),
        ([None, RIGHT, WRONG, WRONG], False, 2),
        ([WRONG, RIGHT], False, 0),
        ([None], True, None),
    ],
)
def test_a_session_succeeds_when_every_scored_call_is_right(
    scores: list[Score | None], success: bool, first: int | None
) -> None:
    assert session_success(scores) is success
    assert first_error(scores) == first
