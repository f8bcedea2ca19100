"""Live replay: a scripted engine's calls run in the world, and success is judged by state and statements."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from lab.engines.base import Capabilities, ContextError, Decoding, Prompt
from lab.errors import UserError
from lab.live import gold_state, live
from lab.records import CallRecord, CellSetup, Generation, OutcomeRecord
from lab.replay import ReplaySettings
from lab.scenarios.generate import generate
from lab.scenarios.library import load_scenario
from lab.scenarios.worlds import load_world
from lab.session import Message, Session, parse_session

SETTINGS = ReplaySettings(wire_family="hermes")


def hermes(message: Message) -> str:
    made = [call.function for call in message.tool_calls or ()]
    calls = [f'{{"name": "{each.name}", "arguments": {each.arguments}}}' for each in made]
    return "\n".join(
        filter(None, (message.content, *(f"<tool_call>\n{each}\n</tool_call>" for each in calls)))
    )


def call(name: str, **arguments: Any) -> str:
    return f"<tool_call>\n{json.dumps({'name': name, 'arguments': arguments})}\n</tool_call>"


class Scripted:
    """Answers with the given texts, one after the other, and keeps the prompts it got."""

    def __init__(self, replies: Sequence[str]) -> None:
        self.replies = iter(replies)
        self.prompts: list[Prompt] = []
        self.params: list[Decoding] = []
        self.resets = 0

    def capabilities(self) -> Capabilities:
        return Capabilities(sees_steps=False, sees_logits=False, reuses_prefix=False)

    def setup(self) -> CellSetup:
        return CellSetup(0.0, 0, {}, None, 0)

    def check(self, prompt: Prompt, params: Decoding) -> int:
        return len(prompt.messages) + params.max_tokens

    def generate(self, prompt: Prompt, params: Decoding) -> Generation:
        self.prompts.append(prompt)
        self.params.append(params)
        return Generation((1,), next(self.replies), "stop", (1.0,), 1, 0, 0.0, 0.0, 0.0, (), None)

    def margin_noise(self, prompt: Prompt, params: Decoding, reply: Sequence[int]) -> float | None:
        raise NotImplementedError

    def reset(self) -> None:
        self.resets += 1

    def close(self) -> None:
        pass


def run(
    session: Session, engine: Scripted, step_cap: int | None = None
) -> tuple[list[CallRecord], OutcomeRecord]:
    settings = replace(SETTINGS, step_cap=step_cap)
    *calls, outcome = live(session, engine, settings, cell_id="c", round_=1)
    assert isinstance(outcome, OutcomeRecord)
    assert (outcome.cell_id, outcome.round, outcome.session_id) == ("c", 1, session.id)
    return [record for record in calls if isinstance(record, CallRecord)], outcome


def gold_replies(session: Session) -> list[str]:
    return [hermes(session.messages[call.at]) for call in session.calls]


def one(family: str, index: int = 0) -> Session:
    return list(generate(family, n=index + 1, seed=2))[index]


@pytest.mark.parametrize(
    "family", ["chain", "parallel", "retry", "no-call", "dialogue", "sql", "novel-tools"]
)
def test_gold_replies_succeed_and_see_what_the_recording_shows(family: str) -> None:
    for session in generate(family, n=8, seed=2):
        engine = Scripted(gold_replies(session))
        records, outcome = run(session, engine)
        assert outcome.success
        assert outcome.state_ok
        assert outcome.ended == "answered"
        assert outcome.steps == len(records) == len(session.calls)
        assert [record.call_index for record in records] == list(range(len(records)))
        assert [record.cold for record in records] == [True] + [False] * (len(records) - 1)
        assert all(record.score is None and record.round == 1 for record in records)
        assert engine.resets == 1
        for prompt, recorded in zip(engine.prompts, session.calls, strict=True):
            shown = [(m["role"], m.get("content") or None) for m in prompt.messages]
            assert shown == [(m["role"], m.get("content") or None) for m in session.history(recorded)]
            assert prompt.tools == session.catalog(recorded)


def test_the_sessions_that_ship_for_live_replay_can_succeed() -> None:
    sessions = load_scenario("worlds").sessions
    assert len(sessions) == 8
    for session in sessions:
        assert run(session, Scripted(gold_replies(session)))[1].success, session.id


def writing_session() -> Session:
    return next(
        session
        for session in generate("parallel", n=60, seed=2)
        if gold_state(session) != load_world("bank").from_state(_initial(session)).state()
    )


def _initial(session: Session) -> dict[str, Any]:
    assert session.session.world is not None
    return session.session.world.initial_state


def test_parallel_calls_may_come_in_any_order_and_one_by_one() -> None:
    session = writing_session()
    both, words = gold_replies(session)
    blocks = [f"<tool_call>{part}" for part in both.split("<tool_call>")[1:]]
    for replies in ([*reversed(blocks), words], ["\n".join(reversed(blocks)), words]):
        assert run(session, Scripted(replies))[1].success


def test_a_missing_call_leaves_the_state_wrong() -> None:
    session = writing_session()
    both, words = gold_replies(session)
    first = f"<tool_call>{both.split('<tool_call>')[1]}"
    outcome = run(session, Scripted([first, words]))[1]
    assert (outcome.success, outcome.state_ok, outcome.statements_ok) == (False, False, True)


def test_needless_reading_does_no_harm_but_counts_as_steps() -> None:
    session = one("chain")
    replies = gold_replies(session)
    records, outcome = run(session, Scripted([replies[0], *replies]))
    assert outcome.success
    assert len(records) == len(replies) + 1


def test_last_words_without_the_required_statements_fail() -> None:
    session = one("chain")
    assert session.session.statements
    outcome = run(session, Scripted([*gold_replies(session)[:-1], "Done."]))[1]
    assert (outcome.success, outcome.state_ok, outcome.statements_ok) == (False, True, False)


def test_statements_are_found_whatever_their_case() -> None:
    session = one("chain")
    replies = gold_replies(session)
    assert run(session, Scripted([*replies[:-1], replies[-1].upper()]))[1].success


def test_malformed_calls_and_tools_outside_of_the_catalog_get_an_error_to_read() -> None:
    session = one("chain")
    hidden = next(name for name in load_world("home").tools() if name)
    broken = '<tool_call>\n{"name": "get_balance", "arguments": {"account_id": }}\n</tool_call>'
    engine = Scripted([broken, call(hidden, room="attic"), *gold_replies(session)])
    outcome = run(session, engine)[1]
    assert outcome.success
    assert outcome.tool_errors == 2
    after_broken, after_unknown = engine.prompts[1].messages, engine.prompts[2].messages
    assert after_broken[-2]["content"] == broken
    assert json.loads(after_broken[-1]["content"])["error"]["code"] == "malformed_call"
    assert json.loads(after_unknown[-1]["content"])["error"]["code"] == "unknown_tool"


def test_a_tool_of_the_world_that_the_catalog_does_not_show_is_not_carried_out() -> None:
    session = writing_session()
    world = load_world(session.tags[0])
    hidden = next(
        name for name in world.tools() if name not in {tool.function.name for tool in session.tools}
    )
    engine = Scripted([call(hidden), *gold_replies(session)])
    assert run(session, engine)[1].success
    assert "there is no tool" in engine.prompts[1].messages[-1]["content"]


def test_the_step_cap_ends_a_session_that_does_not_stop() -> None:
    session = one("chain")
    first = gold_replies(session)[0]
    records, outcome = run(session, Scripted([first] * 100), step_cap=5)
    assert len(records) == 5
    assert (outcome.ended, outcome.success) == ("step cap", False)
    records, outcome = run(session, Scripted([first] * 100))
    assert len(records) == outcome.steps == 2 * len(session.calls)


def test_a_turn_answered_with_the_last_allowed_call_is_in_time() -> None:
    session = one("chain")
    assert run(session, Scripted(gold_replies(session)), step_cap=len(session.calls))[1].success


class Narrow(Scripted):
    """A model whose context holds so many messages."""

    def __init__(self, replies: Sequence[str], context: int) -> None:
        super().__init__(replies)
        self.context = context

    def generate(self, prompt: Prompt, params: Decoding) -> Generation:
        if len(prompt.messages) > self.context:
            raise ContextError("prompt", got=f"{len(prompt.messages)} messages")
        return super().generate(prompt, params)


def test_a_prompt_that_outgrows_the_context_ends_the_session_and_is_its_outcome() -> None:
    session = one("chain")
    replies = gold_replies(session)
    records, outcome = run(session, Narrow(replies, context=4))
    assert len(records) == outcome.steps == 2  # system and user; and then a call and its result
    assert (outcome.ended, outcome.success) == ("context", False)
    assert run(session, Narrow(replies, context=99))[1].success


def test_a_lone_surrogate_that_a_model_wrote_reaches_no_prompt() -> None:
    session = one("chain")
    broken = r'<tool_call>{"name": "x\ud800", "arguments": {"a": "\udfff"}}</tool_call>'
    engine = Scripted([broken, *gold_replies(session)])
    assert run(session, engine)[1].success
    shown = engine.prompts[1].messages[-2]["tool_calls"][0]["function"]
    assert shown == {"name": "x?", "arguments": '{"a": "?"}'}


def test_user_turns_come_in_the_recorded_order_whatever_the_answers_are() -> None:
    session = one("dialogue")
    users = [message.content for message in session.messages if message.role == "user"]
    engine = Scripted(["No idea."] * 100)
    outcome = run(session, engine)[1]
    assert outcome.steps == len(users)
    assert [m["content"] for m in engine.prompts[-1].messages if m["role"] == "user"] == users


def test_decoding_is_repeatable_and_differs_by_step() -> None:
    session = one("chain")
    first, second = Scripted(gold_replies(session)), Scripted(gold_replies(session))
    run(session, first)
    run(session, second)
    assert first.params == second.params
    assert len({params.seed for params in first.params}) == len(first.params)
    assert {params.max_tokens for params in first.params} == {max(call.max_tokens for call in session.calls)}


def test_a_session_without_a_world_is_refused() -> None:
    line = {
        "schema": "agent-session/1",
        "id": "plain",
        "source": {"name": "me", "license": "MIT"},
        "tools": [],
        "messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hi"}],
        "calls": [{"at": 1, "expect": {"kind": "no_call"}}],
    }
    session = parse_session(json.dumps(line), "line 1")
    with pytest.raises(UserError, match="lab sessions generate"):
        run(session, Scripted([]))
