"""The matching rules, one by one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from lab.records import Score
from lab.scoring.matching import assign

Scorer = Callable[..., Score]

ANY = {"type": "object", "properties": {"a": {}}}


def any_of(*golds: Any, **flags: Any) -> dict[str, Any]:
    return {"any_of": list(golds), **flags}


def note(text: Any) -> tuple[str, dict[str, Any]]:
    return ("note", {"text": text})


# expected argument, the model's value -> strict, lenient; under a schema that takes anything
VALUES: list[tuple[Any, Any, bool, bool]] = [
    # numbers
    (5, 5.0, True, True),
    (5.0, 5, True, True),
    (5, 6, False, False),
    (1, True, False, False),
    (True, 1, False, False),
    (0, False, False, False),
    (False, False, True, True),
    (1.5, 1.5 + 1e-7, True, True),
    (1.5, 1.5 + 1e-5, False, False),
    (0.1 + 0.2, 0.3, True, True),
    (12345678, 12345679, False, False),
    (12345678, 12345679.0, False, False),
    (10**400, 10**400 + 1, False, False),
    (10**400, 1.5, False, False),
    (5, "5", False, False),
    (None, None, True, True),
    (None, False, False, False),
    # strings
    ("Oslo", "Oslo", True, True),
    ("Oslo", "oslo", False, True),
    ("Oslo", " Oslo\n", False, True),
    ("Oslo", "Ｏｓｌｏ", False, True),
    (any_of("Oslo", cmp="string_norm"), " ＯSLO ", True, True),
    (any_of("Straße", cmp="string_norm"), "STRASSE", True, True),
    (any_of("2024-05-01", cmp="string_norm"), "20240501", False, False),
    (any_of("a.b", cmp="string_norm"), "ab", False, False),
    (any_of("a/b", cmp="string_norm"), "a b", False, False),
    (any_of("Oslo", cmp="string_exact"), "oslo", False, False),
    (any_of("Oslo", "Bergen"), "Bergen", True, True),
    ("5", 5, False, False),
    # lists
    ([1, 2], [1.0, 2], True, True),
    ([1, 2], [2, 1], False, False),
    ([1, 2], [1, 2, 2], False, False),
    (any_of([1, 2], cmp="set"), [2, 1], True, True),
    (any_of([1, 2], cmp="set"), [2, 1, 1.0], True, True),
    (any_of([1, 2], cmp="set"), [1], False, False),
    (any_of([1, 2], cmp="set"), [1, 2, 3], False, False),
    (any_of(["A"], cmp="set"), ["a"], False, True),
    (any_of([1], cmp="set"), [True], False, False),
    (["A"], ["a"], False, True),
    # objects
    ({"x": 1, "y": [2.0]}, {"y": [2], "x": 1}, True, True),
    ({"x": 1}, {"x": 1, "y": None}, False, False),
    ({"x": 1}, {"x": True}, False, False),
    ({"x": "A"}, {"x": "a"}, False, True),
    (any_of('{"x": 1, "y": 2}', cmp="json"), '{"y":2,"x":1.0}', True, True),
    (any_of('{"x": 1}', cmp="json"), '{"x": 2}', False, False),
    (any_of("plain", cmp="json"), "plain", True, True),
    ('{"x": 1}', '{"x":1}', False, False),
    # matchers
    ({"regex": r"\d{4}"}, "2024", True, True),
    ({"regex": r"\d{4}"}, "2024-05", False, False),
    ({"regex": r"\d{4}"}, 2024, False, False),
    ({"regex": "oslo"}, "Oslo", False, True),
    ({"regex": "oslo", "cmp": "string_norm"}, "Oslo ", True, True),
    ({"regex": "oslo", "cmp": "string_exact"}, "Oslo", False, False),
    ({"approx": {"value": 100, "rel": 0.01}}, 99.5, True, True),
    ({"approx": {"value": 100, "rel": 0.01}}, 98, False, False),
    ({"approx": {"value": 0, "abs": 0.5}}, 0.4, True, True),
    ({"approx": {"value": 1}}, True, False, False),
    ({"approx": {"value": 1}}, "1", False, False),
    ({"type_only": True}, "anything", True, True),
    ({"ignore": True}, "anything", True, True),
]


@pytest.mark.parametrize(("gold", "value", "strict", "lenient"), VALUES)
def test_two_values_are_the_same_by_the_rules(
    score: Scorer, gold: Any, value: Any, strict: bool, lenient: bool
) -> None:
    result = score([("f", {"a": value})], [("f", {"a": gold})], catalog={"f": ANY})
    assert result.schema_ok
    assert (result.args_ok, result.lenient_args_ok) == (strict, lenient)
    assert result.errors == (() if strict else ("value",))


# schema of the argument, value -> whether the schema takes it
SCHEMAS: list[tuple[dict[str, Any], Any, bool]] = [
    ({"type": "integer"}, 5.0, True),
    ({"type": "integer"}, 5.5, False),
    ({"type": "integer"}, True, False),
    ({"type": "number"}, 5, True),
    ({"type": "number"}, False, False),
    ({"enum": [1]}, True, False),
    ({"enum": [5]}, 5.0, True),
    ({"type": "string"}, None, False),
]


@pytest.mark.parametrize(("schema", "value", "valid"), SCHEMAS)
def test_schemas_take_whole_floats_as_integers_and_bools_as_no_number(
    score: Scorer, schema: dict[str, Any], value: Any, valid: bool
) -> None:
    catalog = {"f": {"properties": {"a": schema}}}
    result = score([("f", {"a": value})], [("f", {"a": {"ignore": True}})], catalog=catalog)
    assert result.schema_ok is result.args_ok is valid


# schema of the argument, gold, the model's value -> lenient
CASTS: list[tuple[dict[str, Any], Any, Any, bool]] = [
    ({"type": "integer"}, 5, "5", True),
    ({"type": "integer"}, 5, " 5.0 ", True),
    ({"type": "integer"}, 5, "6", False),
    ({"type": "integer"}, 5, "five", False),
    ({"type": "boolean"}, True, "true", True),
    ({"type": "boolean"}, True, "True", True),
    ({"type": "boolean"}, True, 1, False),
    ({"type": "string"}, "5", 5, True),
    ({"type": "string"}, "true", True, True),
    ({"type": "string", "enum": ["celsius"]}, "celsius", "Celsius", True),
    ({"type": "string", "enum": ["celsius"]}, "celsius", "kelvin", False),
    ({"type": "array", "items": {"type": "integer"}}, [1, 2], ["1", 2], True),
    ({"type": "array", "items": {"type": "integer"}}, [1, 2], "[1, 2]", True),
    ({"type": "object", "properties": {"n": {"type": "integer"}}}, {"n": 1}, {"n": "1"}, True),
    ({"type": "integer"}, {"type_only": True}, "7", True),
    ({"type": ["integer", "null"]}, any_of(None), "null", True),
]


@pytest.mark.parametrize(("schema", "gold", "value", "lenient"), CASTS)
def test_the_lenient_score_casts_by_the_schema(
    score: Scorer, schema: dict[str, Any], gold: Any, value: Any, lenient: bool
) -> None:
    result = score([("f", {"a": value})], [("f", {"a": gold})], catalog={"f": {"properties": {"a": schema}}})
    assert (result.args_ok, result.lenient_args_ok) == (False, lenient)


TAGGED = {"properties": {"a": {"type": "string", "default": "x"}, "b": {"type": "integer"}}}
ABSENCE: list[tuple[dict[str, Any], dict[str, Any], bool]] = [
    ({"a": "x"}, {}, True),
    ({"a": any_of("w", "x")}, {}, True),
    ({"a": "w"}, {}, False),
    ({"b": 1}, {}, False),
    ({"b": any_of(1, optional=True)}, {}, True),
    ({"b": any_of(1, optional=True)}, {"b": 2}, False),
    ({"b": {"ignore": True}}, {}, True),
    ({"b": {"type_only": True}}, {}, False),
    ({"b": {"type_only": True, "optional": True}}, {}, True),
    ({}, {"a": "x"}, True),
    ({}, {"a": "w"}, False),
    ({}, {"b": 1}, False),
    ({}, {"c": 1}, False),
]


@pytest.mark.parametrize(("gold", "arguments", "right"), ABSENCE)
def test_absent_arguments_count_as_their_default_and_surplus_ones_must_equal_it(
    score: Scorer, gold: dict[str, Any], arguments: dict[str, Any], right: bool
) -> None:
    assert score([("f", arguments)], [("f", gold)], catalog={"f": TAGGED}).args_ok is right


def test_matching_succeeds_where_the_first_that_fits_would_not(score: Scorer) -> None:
    # The first expected call takes both replies, the second only the first one.
    want = [note(any_of("a", "b")), note("a")]
    assert score([note("a"), note("b")], want).args_ok


def test_equal_calls_are_matched_as_a_multiset(score: Scorer) -> None:
    a, b = note("a"), note("b")
    assert score([a, b, a], [a, a, b]).args_ok
    assert score([a, b, b], [a, a, b]).errors == ("value",)


def test_assignment_is_maximum() -> None:
    edges = {0: {0, 1}, 1: {0}, 2: {1, 2}, 3: {2}}
    partners = assign(4, 3, lambda e, g: g in edges[e])
    assert sum(partner is not None for partner in partners) == 3
    assert all(partner in edges[e] for e, partner in enumerate(partners) if partner is not None)
    assert assign(3, 3, lambda e, g: g in edges[e]) == [1, 0, 2]


def test_strict_order_takes_the_calls_in_the_order_expected(score: Scorer) -> None:
    a, b, ping = note("a"), note("b"), ("ping", dict[str, Any]())
    assert score([a, ping, b], [a, ping, b], order="strict").args_ok
    assert not score([b, ping, a], [a, ping, b], order="strict").args_ok
    assert score([b, ping, a], [a, ping, b], order="any").args_ok


def test_ignored_extra_calls_may_be_anything_anywhere(score: Scorer) -> None:
    a, ping = note("a"), ("ping", dict[str, Any]())
    extras = [("reserve", {"x": 1}), ("note", {"text": 5}), ("book", {})]
    assert score([*extras, a, ping], [a], extra="ignore").args_ok
    assert score([extras[0], a, extras[1], ping], [a, ping], extra="ignore", order="strict").args_ok
    assert not score([extras[1]], [a], extra="ignore").schema_ok
    assert not score([*extras, a], [a], extra="forbid").name_ok


def test_an_argument_that_fails_the_schema_is_not_counted_as_a_value_too(score: Scorer) -> None:
    result = score([("book", {"city": 5, "nights": "x"})], [("book", {"city": "Oslo", "nights": 1})])
    assert result.errors == ("type",)


def test_the_detail_is_one_short_sentence_even_for_long_values(score: Scorer) -> None:
    result = score([("book", {"city": ["x" * 5000]})], [("book", {"city": "y" * 5000})])
    assert "argument 'city' of 'book'" in result.detail
    assert len(result.detail) < 250
    assert len(score([("n" * 5000, {})], [("book", {})]).detail) < 250
