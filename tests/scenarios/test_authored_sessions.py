"""The sessions that ship with the lab keep what they promise: sizes, variety, and answers that are right."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import jsonschema
import pytest

from lab.scenarios.library import load_scenario
from lab.scoring import score_call
from lab.session import Call, Matcher, Message, Session

AUTHORED = load_scenario("authored").sessions
IDS = [session.id for session in AUTHORED]
CALLS = [(session, call) for session in AUTHORED for call in session.calls]
SITUATIONS = {"chain", "parallel", "retry", "multi-turn", "clarify", "refusal"}

each_session = pytest.mark.parametrize("session", AUTHORED, ids=IDS)


def hermes(message: Message) -> str:
    """The recorded reply as a model of the hermes family would write it."""
    made = [call.function for call in message.tool_calls or ()]
    calls = [f'{{"name": "{one.name}", "arguments": {one.arguments}}}' for one in made]
    blocks = [f"<tool_call>\n{call}\n</tool_call>" for call in calls]
    return "\n".join(filter(None, (message.content, *blocks)))


def right(text: str, session: Session, call: Call) -> bool:
    score = score_call(text, "stop", session, call, "hermes")
    assert score is not None
    return score.args_ok


def arguments(message: Message) -> list[tuple[str, dict[str, Any]]]:
    return [(made.function.name, json.loads(made.function.arguments)) for made in message.tool_calls or ()]


def leaves(value: Any) -> Iterator[str]:
    """Every string and number inside a JSON value, as text."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        for item in value:
            yield from leaves(item)
    elif not isinstance(value, bool):
        yield str(value)


def fed_forward(session: Session) -> int:
    """How many calls use a value that only an earlier tool result could have told."""
    count = 0
    for call in session.calls:
        before = session.messages[: call.at]
        told = " ".join(message.content or "" for message in before if message.role == "tool")
        said = " ".join(message.content or "" for message in before if message.role in {"system", "user"})
        known = said + json.dumps(session.catalog(call))
        used = [leaf for _, given in arguments(session.messages[call.at]) for leaf in leaves(given)]
        names = [leaf.rpartition("/")[2] for leaf in used]
        count += any(len(name) > 1 and name in told and name not in known for name in names)
    return count


def failed(message: Message) -> bool:
    return message.role == "tool" and (message.content or "").startswith(('{"error"', '{"healthy":false'))


def retries(session: Session) -> int:
    """Failed tool calls after which the model called a tool again."""
    calls = [index for index, message in enumerate(session.messages) if message.tool_calls]
    return sum(failed(message) and index < max(calls) for index, message in enumerate(session.messages))


def prompt_characters(session: Session) -> list[int]:
    return [len(json.dumps([session.catalog(call), session.history(call)])) for call in session.calls]


def test_there_are_24_sessions_three_in_each_of_eight_domains() -> None:
    domains = [session.id.split("/")[0] for session in AUTHORED]
    assert len(AUTHORED) == 24
    assert {domains.count(domain) for domain in domains} == {3}
    assert all(session.tags[0] == domain for session, domain in zip(AUTHORED, domains, strict=True))


@each_session
def test_a_session_has_its_size_and_its_source(session: Session) -> None:
    assert 3 <= len(session.calls) <= 8
    assert 4 <= len(session.tools) <= 12
    assert (session.source.name, session.source.license) == ("specquant-lab", "Apache-2.0")
    assert session.source.gold
    assert set(session.tags[1:]) <= SITUATIONS


@each_session
def test_prompts_stay_small_enough_for_a_laptop(session: Session) -> None:
    assert len(json.dumps(session.catalog(session.calls[0]))) < 1100 * 4
    assert max(prompt_characters(session)) < 2000 * 4


@each_session
def test_every_assistant_message_is_a_call_and_the_session_ends_with_one(session: Session) -> None:
    replies = [index for index, message in enumerate(session.messages) if message.role == "assistant"]
    assert [call.at for call in session.calls] == replies
    assert replies[-1] == len(session.messages) - 1


@each_session
def test_every_tool_call_is_answered_before_the_next_turn(session: Session) -> None:
    open_ids: set[str] = set()
    for message in session.messages:
        if message.role == "tool":
            open_ids.remove(str(message.tool_call_id))
        else:
            assert not open_ids
        open_ids |= {made.id for made in message.tool_calls or ()}
    assert not open_ids


@each_session
def test_the_recorded_reply_is_right(session: Session) -> None:
    for call in session.calls:
        reply = session.messages[call.at]
        score = score_call(hermes(reply), "stop", session, call, "hermes")
        assert score is not None
        assert score.args_ok, score.detail
        assert (call.expect.kind == "calls") == bool(reply.tool_calls)
        assert len(call.expect.calls) == len(reply.tool_calls or ())


@each_session
def test_recorded_arguments_fit_the_schema_formats_included(session: Session) -> None:
    schemas: dict[str, Any] = {tool.function.name: tool.function.parameters for tool in session.tools}
    for call in session.calls:
        for name, given in arguments(session.messages[call.at]):
            assert given.keys() <= schemas[name]["properties"].keys()
            jsonschema.validate(given, schemas[name], format_checker=jsonschema.FormatChecker())


@each_session
def test_repeating_an_earlier_reply_is_not_right(session: Session) -> None:
    for other, call in itertools.combinations(session.calls, 2):
        text, gold = (hermes(session.messages[at]) for at in (other.at, call.at))
        both_in_words = call.expect.kind == other.expect.kind == "no_call"
        if text != gold and not both_in_words:
            assert not right(text, session, call), f"the reply at {other.at} passes at {call.at}"


@each_session
def test_required_arguments_are_expected_and_compared(session: Session) -> None:
    for call in session.calls:
        for expected in call.expect.calls:
            schema: Any = next(
                t.function.parameters for t in session.tools if t.function.name == expected.name
            )
            matchers = expected.matchers()
            for name in schema["required"]:
                matcher = matchers[str(name)]
                assert not matcher.optional
                assert not matcher.ignore


@each_session
def test_identifiers_in_arguments_were_named_before(session: Session) -> None:
    for call in session.calls:
        before = json.dumps([session.catalog(call), session.history(call)], ensure_ascii=False)
        for _, given in arguments(session.messages[call.at]):
            for leaf in leaves(given):
                is_identifier = re.fullmatch(r"[\w./@-]*[A-Za-z/@][\w./@-]*\d[\w./@-]*", leaf)
                assert not is_identifier or leaf in before, leaf


@each_session
def test_one_limit_holds_for_all_calls_and_pauses_are_plausible(session: Session) -> None:
    for call in session.calls:
        reply = hermes(session.messages[call.at])
        assert call.max_tokens == 128
        assert len(reply) / 4 < call.max_tokens
        assert (call.timing.tool_ms is not None) == (call.expect.kind == "calls")


@each_session
def test_tags_name_the_situations_that_occur(session: Session) -> None:
    tags = set(session.tags)
    assert ("chain" in tags) == (fed_forward(session) > 0)
    assert ("parallel" in tags) == any(len(message.tool_calls or ()) > 1 for message in session.messages)
    assert ("retry" in tags) == (retries(session) > 0)
    assert ("multi-turn" in tags) == (sum(message.role == "user" for message in session.messages) > 1)
    questions = [
        (session.messages[call.at].content or "").rstrip().endswith("?") and call is not session.calls[-1]
        for call in session.calls
    ]
    assert "clarify" not in tags or any(questions)
    assert "refusal" not in tags or session.calls[-1].expect.kind == "no_call"


@pytest.mark.parametrize(
    ("tag", "least"),
    [("chain", 20), ("parallel", 10), ("retry", 8), ("multi-turn", 12), ("clarify", 3), ("refusal", 3)],
)
def test_every_situation_occurs_often_enough(tag: str, least: int) -> None:
    assert sum(tag in session.tags for session in AUTHORED) >= least


@pytest.mark.parametrize(
    "uses",
    [
        lambda m: m.any_of is not None and len(m.any_of) > 1,
        lambda m: m.regex is not None,
        lambda m: m.approx is not None,
        lambda m: m.type_only is not None,
        lambda m: m.optional,
        lambda m: m.cmp == "set",
        lambda m: m.cmp == "string_norm",
    ],
    ids=["any_of", "regex", "approx", "type_only", "optional", "set", "string_norm"],
)
def test_every_kind_of_matcher_occurs_but_exact_values_prevail(uses: Callable[[Matcher], bool]) -> None:
    matchers = [m for _, call in CALLS for made in call.expect.calls for m in made.matchers().values()]
    share = sum(map(uses, matchers)) / len(matchers)
    assert 0 < share < 0.25


def test_alternatives_parallel_calls_and_answers_in_words_occur() -> None:
    assert any(call.expect.alternatives for _, call in CALLS)
    assert sum(call.expect.kind == "no_call" for _, call in CALLS) >= len(AUTHORED)
    assert sum(len(call.expect.calls) > 1 and call.expect.order == "any" for _, call in CALLS) >= 10


def test_no_two_sessions_are_near_copies() -> None:
    words = {
        session.id: set(
            re.findall(r"\w+", " ".join(m.content or hermes(m) for m in session.messages).lower())
        )
        for session in AUTHORED
    }
    for one, two in itertools.combinations(words, 2):
        shared = len(words[one] & words[two]) / len(words[one] | words[two])
        assert shared < 0.35, (one, two, shared)
