from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from lab.errors import UserError
from lab.session import Matcher, Session, as_matcher, load_sessions, parse_session, read_sessions

GOOD: dict[str, Any] = {
    "schema": "agent-session/1",
    "id": "weather/0001",
    "source": {"name": "me", "license": "Apache-2.0"},
    "tools": [
        {
            "type": "function",
            "function": {
                "name": "get_weather",
                "description": "Weather of a city.",
                "parameters": {
                    "type": "object",
                    "properties": {
                        "city": {"type": "string"},
                        "days": {"type": "integer", "default": None},
                        "unit": {"type": "object"},
                    },
                    "required": ["city"],
                },
            },
        }
    ],
    "messages": [
        {"role": "user", "content": "Oslo?"},
        {
            "role": "assistant",
            "tool_calls": [
                {
                    "id": "c1",
                    "type": "function",
                    "function": {"name": "get_weather", "arguments": '{"city": "Oslo"}'},
                }
            ],
        },
        {"role": "tool", "tool_call_id": "c1", "content": "4 °C"},
        {"role": "assistant", "content": "4 °C."},
    ],
    "calls": [
        {
            "at": 1,
            "max_tokens": 64,
            "timing": {"think_ms": None, "tool_ms": 120},
            "expect": {
                "kind": "calls",
                "calls": [{"name": "get_weather", "arguments": {"city": {"any_of": ["Oslo"]}}}],
            },
        },
        {"at": 3, "max_tokens": 64, "expect": {"kind": "no_call"}},
    ],
    "session": {"success": "all_calls", "world": {"name": "weather", "initial_state": {"any": "thing"}}},
}
Path_ = tuple[str | int, ...]


def changed(path: Path_, value: Any) -> dict[str, Any]:
    """GOOD with the value at `path` replaced."""
    data = copy.deepcopy(GOOD)
    target: Any = data
    for key in path[:-1]:
        target = target[key]
    target[path[-1]] = value
    return data


def problem(data: object) -> str:
    with pytest.raises(UserError) as caught:
        parse_session(json.dumps(data), "my.jsonl line 7")
    return str(caught.value)


def test_a_session_survives_the_round_trip_through_json() -> None:
    session = parse_session(json.dumps(GOOD), "line 1")
    dumped = session.model_dump(mode="json", by_alias=True)
    assert Session.model_validate(dumped) == session
    assert session.model_dump(mode="json", by_alias=True, exclude_unset=True) == GOOD


def test_absent_keys_take_the_documented_defaults() -> None:
    data = copy.deepcopy(GOOD)
    del data["session"], data["calls"][1]["max_tokens"]
    session = parse_session(json.dumps(data), "line 1")
    assert session.source.gold is True
    assert session.calls[1].max_tokens == 256
    assert session.calls[1].timing.tool_ms is None
    assert session.session.success == "all_calls"
    assert session.session.world is None
    assert (session.calls[0].expect.order, session.calls[0].expect.extra) == ("any", "forbid")


@pytest.mark.parametrize(
    ("path", "where", "nearest"),
    [
        (("mesages",), "", "messages"),
        (("source", "licence"), "source: ", "license"),
        (("tools", 0, "typ"), "tools[0]: ", "type"),
        (("tools", 0, "function", "descripton"), "tools[0].function: ", "description"),
        (("messages", 0, "contents"), "messages[0]: ", "content"),
        (("messages", 1, "tool_calls", 0, "idd"), "messages[1].tool_calls[0]: ", "id"),
        (
            ("messages", 1, "tool_calls", 0, "function", "argument"),
            "messages[1].tool_calls[0].function: ",
            "arguments",
        ),
        (("calls", 0, "max_token"), "calls[0]: ", "max_tokens"),
        (("calls", 0, "timing", "tools_ms"), "calls[0].timing: ", "tool_ms"),
        (("calls", 1, "expect", "knd"), "calls[1].expect: ", "kind"),
        (("calls", 0, "expect", "calls", 0, "nam"), "calls[0].expect.calls[0]: ", "name"),
        (("session", "sucess"), "session: ", "success"),
        (("session", "world", "initial_sate"), "session.world: ", "initial_state"),
    ],
)
def test_an_unknown_key_is_refused_with_line_place_and_nearest_key(
    path: Path_, where: str, nearest: str
) -> None:
    text = problem(changed(path, 1))
    assert text.startswith(f"my.jsonl line 7 (session 'weather/0001'): {where}unknown key {path[-1]!r}")
    assert f"Did you mean {nearest!r}?" in text


def test_an_unknown_key_that_resembles_nothing_lists_the_known_ones() -> None:
    assert "(known: license, " not in problem(changed(("source", "licence"), 1))
    assert "(known: gold, license, name, ref, version)" in problem(changed(("source", "zzz"), 1))


@pytest.mark.parametrize(
    ("path", "key"),
    [
        (("x_note",), "x_note"),
        (("calls", 0, "x_note"), "x_note"),
        (("messages", 0, "x_note"), "x_note"),
        (("tools", 0, "function", "x_note"), "x_note"),
        (("calls", 0, "expect", "calls", 0, "arguments", "city", "x_note"), "x_note"),
    ],
)
def test_keys_that_begin_with_x_are_kept(path: Path_, key: str) -> None:
    data = changed(path, {"by": "me"})
    session = parse_session(json.dumps(data), "line 1")
    assert session.model_dump(mode="json", by_alias=True, exclude_unset=True) == data
    assert key in session.model_dump_json()


def test_the_prompt_has_the_api_shape_without_own_keys_and_absent_fields() -> None:
    data = changed(("messages", 1, "x_note"), "mine")
    data["tools"][0]["function"]["x_note"] = "mine"
    session = parse_session(json.dumps(data), "line 1")
    assert session.history(session.calls[1]) == GOOD["messages"][:3]
    assert session.catalog(session.calls[1]) == GOOD["tools"]


def test_the_catalog_of_a_call_is_what_is_visible_to_it() -> None:
    session = parse_session(json.dumps(changed(("calls", 0, "tools_visible"), [])), "line 1")
    assert session.catalog(session.calls[0]) == []
    assert len(session.catalog(session.calls[1])) == 1


@pytest.mark.parametrize("at", [2, 4, 99])
def test_at_must_point_at_an_assistant_message(at: int) -> None:
    assert f"calls[1].at = {at} does not point at an assistant message" in problem(
        changed(("calls", 1, "at"), at)
    )


def test_at_must_grow_from_call_to_call() -> None:
    assert "calls[1].at = 1 does not come after the call before it" in problem(changed(("calls", 1, "at"), 1))


def test_at_zero_leaves_no_prompt() -> None:
    assert "calls[0].at: " in problem(changed(("calls", 0, "at"), 0))


def test_an_expected_tool_must_be_in_the_catalog() -> None:
    text = problem(changed(("calls", 0, "expect", "calls", 0, "name"), "get_wether"))
    assert "calls[0] expects the unknown tool 'get_wether' (Did you mean 'get_weather'?)" in text


def test_the_tools_of_alternatives_are_checked_too() -> None:
    text = problem(changed(("calls", 0, "expect", "alternatives"), [[{"name": "read_sky"}]]))
    assert "the unknown tool 'read_sky'" in text


def test_a_visible_tool_must_be_in_the_catalog() -> None:
    assert "unknown tool 'sky'" in problem(changed(("calls", 0, "tools_visible"), ["sky"]))


def test_a_tool_message_must_answer_an_open_call() -> None:
    text = problem(changed(("messages", 2, "tool_call_id"), "c9"))
    assert "messages[2] answers the unknown tool call 'c9'" in text


def test_a_call_is_answered_once() -> None:
    data = copy.deepcopy(GOOD)
    data["messages"].insert(3, data["messages"][2])
    data["calls"][1]["at"] = 4
    assert "messages[3] answers the unknown tool call 'c1'" in problem(data)


def test_a_tool_message_needs_its_id() -> None:
    data = copy.deepcopy(GOOD)
    del data["messages"][2]["tool_call_id"]
    assert "messages[2]: a tool message needs tool_call_id" in problem(data)


def test_only_an_assistant_calls_tools() -> None:
    assert "messages[1]: tool_calls belong to an assistant message" in problem(
        changed(("messages", 1, "role"), "user")
    )


def test_a_message_without_content_and_calls_is_refused() -> None:
    assert "messages[0]: a message needs content or tool_calls" in problem(
        changed(("messages", 0), {"role": "user"})
    )


def test_tool_names_are_unique() -> None:
    assert "tool names repeat: ['get_weather']" in problem(changed(("tools",), GOOD["tools"] * 2))


def test_tool_parameters_must_be_a_json_schema() -> None:
    text = problem(changed(("tools", 0, "function", "parameters", "type"), "dict"))
    assert "tool 'get_weather': not a JSON schema" in text


def test_an_expected_argument_must_be_one_of_the_tools() -> None:
    data = changed(("calls", 0, "expect", "calls", 0, "arguments"), {"citty": "Oslo"})
    assert "unknown argument 'citty' of 'get_weather' (Did you mean 'city'?)" in problem(data)


def test_an_observation_may_hold_arguments_that_the_tool_does_not_have() -> None:
    data = changed(("calls", 0, "expect", "calls", 0, "arguments"), {"citty": "Oslo"})
    data["source"]["gold"] = False
    assert parse_session(json.dumps(data), "line 1").calls[0].expect.calls[0].arguments == {"citty": "Oslo"}


ARGUMENT: Path_ = ("calls", 0, "expect", "calls", 0, "arguments", "city")


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"any_of": ["Oslo"], "optinal": True}, "unknown key 'optinal' (Did you mean 'optional'?)"),
        (
            {"any_off": ["Oslo"]},
            "argument 'city' of 'get_weather' takes string, and the object expected is no matcher",
        ),
        ({"any_off": ["Oslo"]}, "Did you mean 'any_of'?"),
        ({"any_of": ["Oslo"], "regex": "O.*"}, "exactly one of ['any_of', 'approx', 'regex', 'type_only']"),
        ({"optional": True}, "exactly one of"),
        ({"any_of": []}, "any_of"),
        ({"type_only": False}, "type_only"),
        ({"regex": "("}, "regex '(' cannot be compiled"),
        ({"any_of": ["Oslo"], "cmp": "fuzzy"}, "cmp"),
        ({"approx": {"value": 1, "relative": 0.1}}, "approx: unknown key 'relative'"),
        ({"approx": {}}, "approx.value"),
    ],
)
def test_a_malformed_matcher_is_refused(value: object, message: str) -> None:
    text = problem(changed(ARGUMENT, value))
    assert message in text
    assert "'city'" in text


@pytest.mark.parametrize("plain", ["Oslo", 3, 1.5, True, None, ["a"], {}, {"value": 3, "unit": "K"}])
def test_a_plain_value_matches_itself_alone(plain: Any) -> None:
    assert as_matcher(plain) == Matcher(any_of=(plain,))


def test_an_object_with_a_matcher_key_is_a_matcher_unless_it_is_wrapped() -> None:
    assert as_matcher({"regex": "^a"}).regex == "^a"
    assert as_matcher({"any_of": [{"regex": "^a"}]}).any_of == ({"regex": "^a"},)


def test_ignore_may_stand_alone() -> None:
    assert as_matcher({"ignore": True}).ignore is True
    with pytest.raises(ValueError, match="exactly one"):
        as_matcher({"ignore": False})


@pytest.mark.parametrize(
    ("expect", "message"),
    [
        ({"kind": "calls"}, "kind 'calls' goes with at least one call"),
        ({"kind": "no_call", "calls": [{"name": "get_weather"}]}, "kind 'no_call' goes with no calls"),
        ({"kind": "any", "alternatives": [[{"name": "get_weather"}]]}, "kind 'any' goes with no calls"),
        ({"kind": "call"}, "kind"),
    ],
)
def test_the_kind_of_an_expectation_goes_with_its_calls(expect: object, message: str) -> None:
    assert message in problem(changed(("calls", 0, "expect"), expect))


def test_negative_pauses_are_refused() -> None:
    assert "calls[0].timing.tool_ms" in problem(changed(("calls", 0, "timing", "tool_ms"), -1))


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{", "my.jsonl line 3 is not valid JSON"),
        ("[]", "my.jsonl line 3: schema: got list, expected agent-session/1"),
        ("{}", "got no schema"),
        ('{"schema":"agent-session/2"}', "got agent-session/2, expected agent-session/1"),
    ],
)
def test_a_line_that_is_no_session_is_refused(line: str, message: str) -> None:
    with pytest.raises(UserError) as caught:
        parse_session(line, "my.jsonl line 3")
    assert message in str(caught.value)


def write(path: Path, *lines: bytes) -> Path:
    path.write_bytes(b"\n".join(lines))
    return path


def test_a_file_is_read_in_order_with_blank_lines_and_any_line_end(tmp_path: Path) -> None:
    one, two = json.dumps(GOOD).encode(), json.dumps(changed(("id",), "weather/0002")).encode()
    sessions = load_sessions(write(tmp_path / "my.jsonl", one + b"\r", b"", two, b""))
    assert [session.id for session in sessions] == ["weather/0001", "weather/0002"]


def test_a_repeated_id_names_both_lines(tmp_path: Path) -> None:
    line = json.dumps(GOOD).encode()
    with pytest.raises(UserError, match=r"my.jsonl line 3: id: got weather/0001.*Line 1 has the same id"):
        load_sessions(write(tmp_path / "my.jsonl", line, b"", line))


def test_bytes_that_are_not_utf8_name_the_line(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"my.jsonl line 2: got bytes that are not UTF-8"):
        load_sessions(write(tmp_path / "my.jsonl", json.dumps(GOOD).encode(), b'{"id": "\xff"}'))


def test_an_empty_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"my.jsonl: got no session, expected at least one line"):
        load_sessions(write(tmp_path / "my.jsonl", b"", b" "))


def test_a_missing_file_is_a_user_error(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="No such file"):
        load_sessions(tmp_path / "none.jsonl")


def test_a_stream_is_named_in_its_errors() -> None:
    with pytest.raises(UserError, match="standard input line 1 is not valid JSON"):
        read_sessions([b"{"], "standard input")


def test_the_documented_example_is_valid_and_its_documented_error_is_real() -> None:
    page = (Path(__file__).parents[1] / "docs" / "sessions.md").read_text(encoding="utf-8")
    example = json.loads(page.split("```json\n")[1].split("```")[0])
    assert len(parse_session(json.dumps(example), "line 1").calls) == 3
    example["calls"][0]["expect"]["knd"] = "calls"
    with pytest.raises(UserError) as caught:
        parse_session(json.dumps(example), "my.jsonl line 1")
    assert str(caught.value) in page
