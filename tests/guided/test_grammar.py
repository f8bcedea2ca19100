"""What a guided reply can say: everything that is right, and of calls nothing else."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterable
from typing import Any

import pytest
from llguidance import LLMatcher, LLTokenizer

from lab.errors import UserError
from lab.guided.grammar import FAMILIES, lark, require
from lab.guided.schemas import LIMIT, narrowed
from lab.scenarios.library import load_scenario
from lab.scoring import parse
from lab.scoring.schemas import ToolSchema

BYTES = LLTokenizer("byte")
Reads = Callable[[str, str], tuple[str, bool]]


def dumped(name: str, key: str = "arguments", **arguments: object) -> str:
    return json.dumps({"name": name, key: arguments}, ensure_ascii=False)


def tool(name: str, parameters: dict[str, Any]) -> dict[str, Any]:
    return {"type": "function", "function": {"name": name, "parameters": parameters}}


BOOKED = dumped("book_flight", city="Oslo", seat="aisle")
OPENERS = {
    "hermes": "<tool_call>\n",
    "llama3-json": "{",
    "mistral": "[TOOL_CALLS]",
    "phi-4-mini": "<|tool_call|>",
}


def hermes(*calls: str) -> str:
    return "\n".join(f"<tool_call>\n{call}\n</tool_call>" for call in calls)


def matcher(family: str, tools: Iterable[dict[str, Any]]) -> LLMatcher:
    made = LLMatcher(BYTES, lark(family, list(tools), {}), log_level=0)
    assert not made.is_error(), made.get_error()
    return made


@pytest.fixture(scope="module")
def reads(catalog: list[dict[str, Any]]) -> Callable[[str, str], tuple[str, bool]]:
    """`reads(family, text)`: how much of the text the grammar takes, and whether the reply may end there."""
    made = {}

    def read(family: str, text: str) -> tuple[str, bool]:
        if family not in made:
            made[family] = matcher(family, catalog)
        made[family].reset()
        data = text.encode()
        taken = made[family].try_consume_tokens(list(data))
        return data[:taken].decode(errors="replace"), taken == len(data) and made[family].is_accepting()

    return read


def write_at_random(made: LLMatcher, start: str, seed: int, limit: int = 600) -> str | None:
    """A reply that begins with `start` and goes on with random allowed bytes; None if it did not end in time.

    Ends as soon as it may, and prefers the characters that JSON and the marks are made of.
    """
    chance = random.Random(seed)
    made.reset()
    written = bytearray()
    while len(written) < len(start) or not made.is_accepting():
        if len(written) == limit:
            return None
        bits = made.compute_bitmask()
        allowed = [byte for byte in range(256) if bits[byte // 8] >> byte % 8 & 1]
        likely = [byte for byte in allowed if chr(byte) in '"}],:x{[<>/0123456789.eE-']
        byte = chance.choice(likely if likely and chance.random() < 0.9 else allowed)
        if len(written) < len(start):
            byte = ord(start[len(written)])
        assert made.consume_token(byte)
        written.append(byte)
    return written.decode()


GOOD = [
    ("hermes", ""),
    ("hermes", "It is 5 < 7, and a <b>tag</b> or <tool is no call."),
    ("hermes", hermes(BOOKED)),
    ("hermes", hermes(dumped("now"), BOOKED)),
    ("hermes", "One moment, please.\n" + hermes(dumped("book_flight", city="Ås", seat="window", bags=3))),
    ("hermes", "<tool_call>" + BOOKED.replace(" ", "") + "</tool_call>"),
    ("hermes", hermes(dumped("insert", values={"any key": 1, "other": ["a", 2.5]}, weight=-0.5))),
    ("hermes", "<think>\n<tool_call> is what I need\n</think>\n\n" + hermes(dumped("now"))),
    ("hermes", "the prompt had opened this</think>Fine."),
    ("llama3-json", "Wait: " + dumped("now", "parameters")),
    ("llama3-json", dumped("book_flight", "parameters", city="Oslo", seat="aisle")),
    ("llama3-json", "Wait. <|python_tag|>" + dumped("now", "parameters")),
    ("llama3-json", "; ".join([dumped("now", "parameters")] * 2)),
    ("mistral", f"[TOOL_CALLS] [{BOOKED}, {dumped('now')}]"),
    ("mistral", 'So: [TOOL_CALLS]book_flight{"city": "Oslo", "seat": "aisle"}[TOOL_CALLS]now[ARGS]{}'),
    ("phi-4-mini", f"<|tool_call|>[{BOOKED}]<|/tool_call|>"),
]


@pytest.mark.parametrize(("family", "text"), GOOD)
def test_what_is_right_can_be_written_to_its_end(reads: Reads, family: str, text: str) -> None:
    assert reads(family, text) == (text, True)


@pytest.mark.parametrize(("family", "text"), GOOD)
def test_what_can_be_written_parses_and_is_valid(
    family: str, text: str, schemas: dict[str, dict[str, Any]]
) -> None:
    parsed = parse(text, family)
    assert parsed.problems == ()
    assert all(not ToolSchema(c.name, schemas[c.name]).faults(c.arguments) for c in parsed.calls)
    assert bool(parsed.calls) == ("name" in text or "[TOOL_CALLS]" in text)


@pytest.mark.parametrize(
    ("call", "last"),
    [
        (dumped("cancel_flight"), '{"name": "'),
        (dumped("book_flight", seat="aisle"), '"arguments": {"'),
        (dumped("book_flight", city="Oslo"), '"city": "Oslo"'),
        (dumped("book_flight", city="Oslo", seat="floor"), '"seat": "'),
        (dumped("book_flight", city="Oslo", seat="aisle", price=3), '"seat": "aisle", "'),
        (dumped("book_flight", city=5, seat="aisle"), '"city": '),
        (dumped("book_flight", city="Oslo", seat="aisle", bags=4), '"bags": '),
        (dumped("book_flight", city="Oslo", seat="aisle", bags=True), '"bags": '),
        (dumped("book_flight", city="Oslo", seat="aisle", day="2026-02-30"), '"day": "2026-02-'),
        (dumped("book_flight", city="Oslo", seat="aisle", names=[]), '"names": ['),
        (dumped("book_flight", city="Oslo", seat="aisle", names=[1]), '"names": ['),
        (dumped("now", zone="UTC"), '"arguments": {'),
        (dumped("now", "parameters"), '"name": "now", "'),
        (dumped("insert", values={}), '"values": {'),
        ('{"name":  "now"', '"name": '),
    ],
)
def test_a_wrong_call_cannot_be_gone_on_with_where_it_goes_wrong(reads: Reads, call: str, last: str) -> None:
    taken, may_end = reads("hermes", hermes(call))
    assert taken.endswith(last)
    assert not may_end


@pytest.mark.parametrize(
    ("family", "text"),
    [
        *(("hermes", hermes(BOOKED)[:length]) for length in (11, 30, len(BOOKED) + 12, len(BOOKED) + 20)),
        ("llama3-json", '{"name"'),
        ("mistral", f"[TOOL_CALLS] [{BOOKED}"),
        ("phi-4-mini", f"<|tool_call|>[{BOOKED}]"),
        ("hermes", "<think> What now?"),
    ],
)
def test_what_is_begun_has_to_be_closed(reads: Reads, family: str, text: str) -> None:
    assert reads(family, text) == (text, False)


@pytest.mark.parametrize(
    ("family", "text", "taken"),
    [
        ("hermes", "a</tool_call>", "a</tool_call"),
        ("hermes", hermes(BOOKED) + "\nDone.", hermes(BOOKED) + "\n"),
        ("hermes", hermes(BOOKED) + "</think>", hermes(BOOKED) + "<"),
        ("llama3-json", ' {"a": 1}', ' {"'),
        ("llama3-json", "As {that}", "As {"),
        ("phi-4-mini", "functools[", "functool"),
    ],
)
def test_prose_holds_no_mark_that_would_make_the_reply_malformed(
    reads: Reads, family: str, text: str, taken: str
) -> None:
    assert reads(family, text)[0] == taken


@pytest.mark.parametrize("family", FAMILIES)
def test_calls_written_at_random_parse_and_are_valid(
    family: str, catalog: list[dict[str, Any]], schemas: dict[str, dict[str, Any]]
) -> None:
    made, called = matcher(family, catalog), set()
    for seed in range(40):
        if (text := write_at_random(made, OPENERS[family], seed)) is None:
            continue
        parsed = parse(text, family)
        assert parsed.problems == (), text
        assert parsed.calls
        for call in parsed.calls:
            assert not ToolSchema(call.name, schemas[call.name]).faults(call.arguments), text
            called.add(call.name)
    assert called == schemas.keys()


def test_without_tools_there_is_no_call_to_begin() -> None:
    made = matcher("hermes", [])
    assert made.try_consume_tokens(list(b"Hello <tool_call>")) == len("Hello <tool_call")
    made.reset()
    assert made.consume_tokens(list(b"Hello."))
    assert made.is_accepting()


def test_every_recorded_reply_can_be_written() -> None:
    for session in load_scenario("authored").sessions:
        made = matcher("hermes", [t.model_dump() for t in session.tools])
        for call in session.calls:
            message = session.messages[call.at]
            calls = [
                json.dumps({"name": c.function.name, "arguments": json.loads(c.function.arguments)})
                for c in message.tool_calls or ()
            ]
            made.reset()
            assert made.consume_tokens(list((hermes(*calls) or message.content or "").encode()))
            assert made.is_accepting()


def test_marks_that_are_special_tokens_are_written_as_tokens() -> None:
    special = {"<|python_tag|>": 7}
    rules = lark("llama3-json", [tool("now", {})], special)
    assert "behind_prose: PROSE? <[7]>" in rules
    assert "py" not in next(line for line in rules.splitlines() if line.startswith("PROSE:"))


@pytest.mark.parametrize(
    ("value", "taken"),
    [("1e999", False), (f"{LIMIT}", True), (f"{10 * LIMIT}", False), ("0.000001", True), ("[1]", False)],
)
def test_numbers_stay_where_they_can_be_read_back(value: str, taken: bool) -> None:
    made = matcher("hermes", [tool("f", {"properties": {"x": {"type": "number"}}, "required": ["x"]})])
    text = hermes(f'{{"name": "f", "arguments": {{"x": {value}}}}}')
    assert (made.try_consume_tokens(list(text.encode())) == len(text)) is taken


def test_narrowing_closes_objects_and_bounds_what_is_open() -> None:
    inner = {"type": "object", "properties": {"a": True}, "additionalProperties": True}
    made = narrowed("f", {"properties": {"x": inner, "y": {"type": "array"}, "z": {"type": "object"}}})
    assert made["additionalProperties"] is False
    x, y, z = made["properties"].values()
    assert x["additionalProperties"] == x["properties"]["a"] == z["additionalProperties"]
    assert x["properties"]["a"]["items"] == y["items"]
    assert y["items"]["maximum"] == LIMIT
    assert narrowed("f", {}) == {"type": "object", "properties": {}, "additionalProperties": False}


def test_references_reach_their_definitions() -> None:
    parameters = {
        "type": "object",
        "properties": {"to": {"$ref": "#/$defs/place"}},
        "required": ["to"],
        "$defs": {
            "place": {"type": "object", "properties": {"city": {"enum": ["Oslo"]}}, "required": ["city"]}
        },
    }
    made = matcher("hermes", [tool("go", parameters)])
    right = hermes(dumped("go", to={"city": "Oslo"}))
    assert made.consume_tokens(list(right.encode()))
    made.reset()
    assert made.try_consume_tokens(list(hermes(dumped("go", to={"city": "Oslo", "x": 1})).encode())) < len(
        right
    )


@pytest.mark.parametrize(
    ("schema", "got"),
    [({"allOf": [{}]}, "allOf"), ({"type": "number", "multipleOf": 0.01}, "multipleOf 0.01")],
)
def test_a_schema_that_cannot_be_held_to_is_refused_by_name(schema: dict[str, Any], got: str) -> None:
    with pytest.raises(UserError, match=rf"schema of tool 'f': got {got}, expected .*--guided off"):
        narrowed("f", {"properties": {"x": {"type": "array", "items": schema}}})


def test_a_family_without_a_grammar_is_refused_by_name() -> None:
    with pytest.raises(UserError, match=r"got pythonic, expected one of hermes, .*--guided off"):
        require("pythonic")


def test_a_missing_package_is_named_with_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    require("hermes")
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None if name == "llguidance" else name)
    with pytest.raises(UserError, match=r"not installed.*pip install 'specquant-lab\[guided\]'"):
        require("hermes")
