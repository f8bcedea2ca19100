"""The wire formats: what each parser reads, what it names as a problem, and that no text breaks it."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lab.errors import UserError
from lab.scoring import FAMILIES, ParsedCall, parse

F = ParsedCall("f", {"a": 1})
G = ParsedCall("g", {})

# The bodies of the calls f(a=1), g() and of a broken one, as the JSON families print them.
F_JSON, X_JSON, G_JSON = (
    '{"name": "f", "arguments": {"a": 1}}',
    '{"name": "x", "arguments": {"a": }}',
    '{"name": "g", "arguments": {}}',
)
F_LLAMA, X_LLAMA, G_LLAMA = (body.replace("arguments", "parameters") for body in (F_JSON, X_JSON, G_JSON))
GEMMA = "<start_function_call>call:{}<end_function_call>"

TWO_CALLS = {
    "hermes": f"<tool_call>\n{F_JSON}\n</tool_call>\n<tool_call>{G_JSON}</tool_call>",
    "llama3-json": f"<|python_tag|>{F_LLAMA}; {G_LLAMA}",
    "pythonic": "[f(a=1), g()]",
    "mistral": f"[TOOL_CALLS] [{F_JSON}, {G_JSON}]",
    "phi-4-mini": f"<|tool_call|>[{F_JSON}, {G_LLAMA}]<|/tool_call|>",
    "qwen3-coder": "<tool_call>\n<function=f>\n<parameter=a>\n1\n</parameter>\n</function>\n</tool_call>\n"
    "<tool_call>\n<function=g>\n</function>\n</tool_call>",
    "functiongemma": GEMMA.format("f{a:1}") + GEMMA.format("g{}"),
}
OTHER_SPELLINGS = [
    ("hermes", f'<tool_call>{{"arguments":{{"a":1}},"name":"f"}}</tool_call><tool_call>{G_JSON}</tool_call>'),
    ("llama3-json", f'{F_LLAMA}\n{{"type": "function", "name": "g", "parameters": {{}}}}'),
    ("pythonic", "<|tool_call_start|>[f(a=1), g()]<|tool_call_end|>"),
    ("pythonic", "```tool_code\n[f(a=1), g()]\n```"),
    ("mistral", '[TOOL_CALLS]f{"a": 1}[TOOL_CALLS]g{}'),
    ("mistral", '[TOOL_CALLS]f[ARGS]{"a": 1}[TOOL_CALLS]g[CALL_ID]x1[ARGS]{}'),
    ("phi-4-mini", f"functools[{F_JSON}, {G_JSON}]"),
    ("phi-4-mini", f"<|tool_call|>[{F_JSON}, {G_JSON}]"),
    ("phi-4-mini", f"<|tool_call|>[{F_JSON}, {G_JSON}"),
    ("phi-4-mini", f"<|tool_call|>[{F_JSON}, {G_JSON}<|/tool_call|>"),
    ("functiongemma", GEMMA.format("f{ a : 1 }") + "\n" + GEMMA.format("g{}")),
]

SCHEMAS = {"f": {"type": "object", "properties": {"a": {"type": "integer"}}}}


def test_the_families_are_those_of_the_formats_table() -> None:
    assert set(FAMILIES) == set(TWO_CALLS)


@pytest.mark.parametrize(("family", "text"), [*TWO_CALLS.items(), *OTHER_SPELLINGS])
def test_parallel_calls_are_read_in_the_order_of_the_text(family: str, text: str) -> None:
    parsed = parse(text, family, SCHEMAS)
    assert parsed.calls == (F, G)
    assert parsed.problems == ()
    assert parsed.content.strip("`\n") in ("", "tool_code")


@pytest.mark.parametrize(("family", "text"), TWO_CALLS.items())
def test_text_before_a_call_is_content(family: str, text: str) -> None:
    parsed = parse(f"Let me look.\n{text}", family, SCHEMAS)
    assert (parsed.calls, parsed.content, parsed.problems) == ((F, G), "Let me look.", ())


@pytest.mark.parametrize("family", FAMILIES)
def test_an_answer_in_plain_text_has_no_calls_and_no_problems(family: str) -> None:
    text = 'It is {"temperature": 3} in [Oslo](x), f(a=1) or {so}.'
    parsed = parse(text, family)
    assert (parsed.calls, parsed.content, parsed.problems, parsed.unfinished) == ((), text, (), "")


BROKEN_BETWEEN = [
    ("hermes", "".join(f"<tool_call>{body}</tool_call>" for body in (F_JSON, X_JSON, G_JSON))),
    ("hermes", f"<tool_call>{F_JSON}</tool_call><tool_call>{X_JSON[:20]}<tool_call>{G_JSON}</tool_call>"),
    ("llama3-json", f"{F_LLAMA}; {X_LLAMA}; {G_LLAMA}"),
    ("llama3-json", f"{F_LLAMA}; {X_LLAMA[:-1]}; {G_LLAMA}"),
    ("pythonic", "[f(a=1), x(a=), g()]"),
    ("pythonic", "<|tool_call_start|>[f(a=1), x(a='), g()]<|tool_call_end|>"),
    (
        "pythonic",
        "<|tool_call_start|>[f(a=1)]<|tool_call_end|><|tool_call_start|>[x(a="
        "<|tool_call_start|>[g()]<|tool_call_end|>",
    ),
    ("mistral", f"[TOOL_CALLS] [{F_JSON}, {X_JSON}, {G_JSON}]"),
    ("mistral", '[TOOL_CALLS]f{"a":1}[TOOL_CALLS]x{"a":[TOOL_CALLS]g{}'),
    ("mistral", '[TOOL_CALLS]f{"a":1}[TOOL_CALLS]x[TOOL_CALLS]g{}'),
    ("phi-4-mini", f"functools[{F_JSON}, {X_JSON}, {G_JSON}]"),
    ("phi-4-mini", f"<|tool_call|>[{F_JSON}]<|tool_call|>what<|tool_call|>[{G_JSON}]"),
    (
        "qwen3-coder",
        "<tool_call><function=f><parameter=a>1</parameter></function></tool_call>"
        "<tool_call><function=x><parameter=a>1</function></tool_call>"
        "<tool_call><function=g></function></tool_call>",
    ),
    ("functiongemma", "".join(GEMMA.format(body) for body in ("f{a:1}", "x{a:}", "g{}"))),
]


@pytest.mark.parametrize(("family", "text"), BROKEN_BETWEEN)
def test_a_malformed_block_is_named_and_does_not_swallow_the_good_ones(family: str, text: str) -> None:
    parsed = parse(text, family, SCHEMAS)
    assert parsed.calls == (F, G)
    assert len(parsed.problems) == 1
    assert parsed.problems[0].startswith("block 2: ")
    assert parsed.unfinished == ""


UNCLOSED = [
    ("hermes", '<tool_call>{"name":"f","arguments":{"a":1}}'),
    ("hermes", '<tool_call>{"name":"f","argu'),
    ("hermes", "<tool_call>"),
    ("llama3-json", '{"name":"f","parameters":{"a":1}'),
    ("llama3-json", '<|python_tag|>{"na'),
    ("llama3-json", "<|python_tag|>"),
    ("pythonic", "[f(a=1), g(b='x"),
    ("pythonic", "<|tool_call_start|>[f(a=1)]"),
    ("mistral", '[TOOL_CALLS] [{"name":"f","arguments":{"a":1}}'),
    ("mistral", '[TOOL_CALLS]f{"a":'),
    ("mistral", "[TOOL_CALLS]"),
    ("phi-4-mini", '<|tool_call|>[{"name":"f","argume'),
    ("phi-4-mini", "<|tool_call|>"),
    ("qwen3-coder", "<tool_call><function=f><parameter=a>1"),
    ("qwen3-coder", "<tool_call><function=f></function>"),
    ("functiongemma", "<start_function_call>call:f{a:<escape>x"),
    ("functiongemma", "<start_function_call>call:f{a:1}"),
]


@pytest.mark.parametrize(("family", "text"), UNCLOSED)
def test_an_unclosed_block_is_a_problem_and_unfinished(family: str, text: str) -> None:
    parsed = parse(text, family)
    assert len(parsed.problems) == 1
    assert parsed.unfinished == parsed.problems[0]


def test_an_open_list_of_complete_calls_is_usual_in_phi_4_mini_only() -> None:
    calls = '[{"name": "f", "arguments": {"a": 1}}'
    phi, mistral = parse(f"<|tool_call|>{calls}", "phi-4-mini"), parse(f"[TOOL_CALLS] {calls}", "mistral")
    assert (phi.problems, bool(phi.unfinished)) == ((), True)
    assert (len(mistral.problems), bool(mistral.unfinished)) == (1, True)


@pytest.mark.parametrize(
    ("family", "text"),
    [
        ("hermes", "Sure.\n<tool_"),
        ("mistral", "[TOOL_"),
        ("functiongemma", "<start_f"),
        ("pythonic", "[get_weat"),
    ],
)
def test_text_that_may_be_the_beginning_of_a_call_is_unfinished_but_no_problem(
    family: str, text: str
) -> None:
    parsed = parse(text, family)
    assert parsed.problems == ()
    assert parsed.unfinished


REPEATED = [
    ("hermes", '<tool_call>{"name":"f","arguments":{"a":1,"a":1}}</tool_call>'),
    ("hermes", '<tool_call>{"name":"f","name":"f","arguments":{}}</tool_call>'),
    ("llama3-json", '{"name":"f","parameters":{"a":{"b":1,"b":2}}}'),
    ("pythonic", "[f(a=1, a=1)]"),
    ("pythonic", '[f(a={"b": 1, "b": 2})]'),
    ("mistral", '[TOOL_CALLS]f{"a":1,"a":2}'),
    ("phi-4-mini", 'functools[{"name":"f","arguments":{"a":1,"a":2}}]'),
    (
        "qwen3-coder",
        "<tool_call><function=f><parameter=a>1</parameter><parameter=a>2</parameter></function></tool_call>",
    ),
    ("functiongemma", "<start_function_call>call:f{a:1,a:1}<end_function_call>"),
]


@pytest.mark.parametrize(("family", "text"), REPEATED)
def test_a_repeated_key_is_a_problem(family: str, text: str) -> None:
    parsed = parse(text, family)
    assert parsed.calls == ()
    assert len(parsed.problems) == 1
    assert "repeat" in parsed.problems[0]


NOT_A_CALL = [
    ("hermes", '<tool_call>{"name":"f","arguments":"{}"}</tool_call>'),
    ("hermes", '<tool_call>{"name":"f"}</tool_call>'),
    ("hermes", '<tool_call>{"name":"","arguments":{}}</tool_call>'),
    ("hermes", '<tool_call>{"name":"f","arguments":{}}}</tool_call>'),
    ("hermes", '<tool_call>{"name":"f","arguments":{"a":NaN}}</tool_call>'),
    ("hermes", '<tool_call>{"name":"f","arguments":{"a":1e999}}</tool_call>'),
    ("hermes", '{"name":"f","arguments":{}}</tool_call>'),
    ("hermes", '<tool_call>{"name":"f","arguments":{"a":' + "[" * 70 + "]" * 70 + "}}</tool_call>"),
    ("hermes", '<tool_call>{"name":"f","arguments":{"a":' + "9" * 5000 + "}}</tool_call>"),
    ("llama3-json", "<|python_tag|>f.call(a=1)"),
    ("llama3-json", '<|python_tag|>{"a": 1}'),
    ("llama3-json", '{"name":"f","parameters":[1]}'),
    ("pythonic", "[f(1)]"),
    ("pythonic", "[f(**x)]"),
    ("pythonic", "[f(a=b)]"),
    ("pythonic", "[f(a=1j)]"),
    ("pythonic", "[f(a=b'x')]"),
    ("pythonic", "[f(a={1: 2})]"),
    ("pythonic", "[f(a=__import__('os').getcwd())]"),
    ("pythonic", "[f(a=1) for x in y]"),
    ("pythonic", "[f(a=-True)]"),
    ("pythonic", "[f(a=0x" + "f" * 2000 + ")]"),
    ("mistral", "[TOOL_CALLS] I cannot (yet)"),
    ("mistral", '[TOOL_CALLS] [{"name":"f","parameters":{}}]'),
    ("qwen3-coder", "<function=f></function>"),
    ("qwen3-coder", "<tool_call><function=f><parameter=a>1<parameter=b>2</parameter></function></tool_call>"),
    ("functiongemma", "<start_function_call>call:f{a:x}<end_function_call>"),
    ("functiongemma", '<start_function_call>call:f{a:"x"}<end_function_call>'),
    ("functiongemma", "<start_function_call>call:f{a:" + "[" * 200 + "<end_function_call>"),
]  # fmt: skip


@pytest.mark.parametrize(("family", "text"), NOT_A_CALL)
def test_what_is_not_a_call_in_the_declared_format_is_one_problem(family: str, text: str) -> None:
    parsed = parse(text, family)
    assert parsed.calls == ()
    assert len(parsed.problems) == 1


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize(
    "reasoning",
    [
        "<think>{draft}</think>",
        "{draft}</think>\n",
        "<think>one</think>\n<think>{draft}</think>",
        "<think></think>",
    ],
)
def test_reasoning_is_stripped_before_calls_are_read(family: str, reasoning: str) -> None:
    draft = TWO_CALLS[family]
    parsed = parse(reasoning.replace("{draft}", draft) + draft, family, SCHEMAS)
    assert (parsed.calls, parsed.content, parsed.problems) == ((F, G), "", ())


def test_reasoning_between_calls_is_stripped() -> None:
    one, two = f"<tool_call>{F_JSON}</tool_call>", f"<tool_call>{G_JSON}</tool_call>"
    parsed = parse(f"{one}<think>a <tool_call> next</think>{two}", "hermes")
    assert (parsed.calls, parsed.content, parsed.problems) == ((F, G), "", ())


def test_reasoning_that_never_ends_is_unfinished() -> None:
    parsed = parse("<think>I could call <tool_call>", "hermes")
    assert (parsed.calls, parsed.content) == ((), "")
    assert parsed.problems == (parsed.unfinished,)
    assert "reasoning" in parsed.unfinished


VALUES = [
    (
        "pythonic",
        r"[m.f(a=-1.5, b=[1, ('x', None)], c={'k': true}, d='it\'s, g(x)')]",
        ParsedCall("m.f", {"a": -1.5, "b": [1, ["x", None]], "c": {"k": True}, "d": "it's, g(x)"}),
    ),
    ("pythonic", r"[f(a='\d')]", ParsedCall("f", {"a": r"\d"})),
    (
        "functiongemma",
        GEMMA.format("f{a:<escape>x, {y}<escape>,b:[1,true,{<escape>k<escape>:null}],c:None,d:-2.5e3}"),
        ParsedCall("f", {"a": "x, {y}", "b": [1, True, {"k": None}], "c": None, "d": -2500.0}),
    ),
    (
        "qwen3-coder",
        "<tool_call><function=f><parameter=a>\n\n x\ny <b>\n\n</parameter></function></tool_call>",
        ParsedCall("f", {"a": "\n x\ny <b>\n"}),
    ),
    (
        "hermes",
        '<tool_call>{"name":"f","arguments":{"a":"</tool_call> <tool_call>"}}</tool_call>',
        ParsedCall("f", {"a": "</tool_call> <tool_call>"}),
    ),
]


@pytest.mark.parametrize(("family", "text", "call"), VALUES)
def test_values_are_read_as_the_format_has_them(family: str, text: str, call: ParsedCall) -> None:
    parsed = parse(text, family)
    assert (parsed.calls, parsed.problems) == ((call,), ())


@pytest.mark.parametrize(
    ("schema", "text", "value"),
    [
        ({"type": "integer"}, "5", 5),
        ({"type": "integer"}, "five", "five"),
        ({"type": "number"}, "2.5", 2.5),
        ({"type": "boolean"}, "True", True),
        ({"type": "string"}, "5", "5"),
        ({"type": "string"}, "null", "null"),
        ({"type": ["string", "null"]}, "null", None),
        ({"type": ["string", "integer"]}, "0123", "0123"),
        ({"type": "array", "items": {"type": "integer"}}, "[1, 2]", [1, 2]),
        ({"type": "object"}, '{"k": "5"}', {"k": "5"}),
        ({"type": "object"}, '{"k": 1, "k": 2}', '{"k": 1, "k": 2}'),
        ({"enum": [1, 2]}, "2", 2),
        ({"$ref": "#/$defs/n"}, "7", 7),
        ({}, "5", "5"),
    ],
)
def test_untyped_values_become_what_the_schema_asks_for(
    schema: dict[str, Any], text: str, value: object
) -> None:
    reply = f"<tool_call><function=f><parameter=a>\n{text}\n</parameter></function></tool_call>"
    schemas = {"f": {"type": "object", "properties": {"a": schema}, "$defs": {"n": {"type": "integer"}}}}
    (call,) = parse(reply, "qwen3-coder", schemas).calls
    assert call.arguments == {"a": value}
    assert type(call.arguments["a"]) is type(value)
    assert parse(reply, "qwen3-coder").calls[0].arguments == {"a": text}


def test_an_unknown_family_is_a_user_error_with_the_nearest_name() -> None:
    with pytest.raises(UserError, match="Did you mean 'hermes'"):
        parse("", "hermess")


# The reasoning tags are the one thing an argument cannot carry: they are stripped first, wherever they stand.
texts = st.text().filter(lambda text: "think>" not in text)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)
tags = st.sampled_from(["</tool_call>", "<tool_call>", '"}}</tool_call>'])
calls = st.lists(
    st.tuples(texts.filter(bool), st.dictionaries(texts, json_values | tags, max_size=3)), max_size=4
)


@settings(derandomize=True, deadline=None)
@given(calls, st.booleans())
def test_hermes_calls_survive_a_round_trip(
    as_hermes: Callable[..., str], made: list[Any], plain: bool
) -> None:
    text = as_hermes(*made)
    if plain:
        text = f"Well, then:\n{text}"
    parsed = parse(text, "hermes")
    assert parsed.problems == ()
    assert [(call.name, json.dumps(call.arguments)) for call in parsed.calls] == [
        (n, json.dumps(a)) for n, a in made
    ]
    assert parsed.content == ("Well, then:" if plain else "")


TAGS = """<tool_call> </tool_call> <think> </think> <|python_tag|> [TOOL_CALLS] [ARGS] [CALL_ID] <|tool_call|>
<|/tool_call|> functools[ <function=f> </function> <parameter=a> </parameter> <start_function_call> call:f{
<end_function_call> <escape> <|tool_call_start|> <|tool_call_end|> {"name": [f(a=1), f( g()] e9999 NaN null"""
PIECES = [*TAGS.split(), F_JSON, F_LLAMA, F_LLAMA[:-3], *"{}[](),;:-1a\"'\\\n \x00"]


@settings(derandomize=True, deadline=None)
@given(st.lists(st.sampled_from(PIECES) | st.text(max_size=3), max_size=25).map("".join))
def test_no_text_raises_in_any_family(text: str) -> None:
    for family in FAMILIES:
        parsed = parse(text, family, SCHEMAS)
        assert all(isinstance(call, ParsedCall) for call in parsed.calls)
        assert len(parsed.content) <= len(text)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize(
    "unit", ["[", "{", '{"a":', "(", "-", "<think>", '"', "a.", "\ud800", "<tool_call>", "f(a="]
)
def test_long_degenerate_text_raises_in_no_family(family: str, unit: str) -> None:
    for prefix in (
        "",
        "[f(a=",
        "<tool_call>",
        "[TOOL_CALLS]f{",
        "<|tool_call|>[",
        "<start_function_call>call:f{a:",
    ):
        parse(prefix + unit * 2000, family)
