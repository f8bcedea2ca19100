from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable

import pytest

from lab.engines.native import NativeEngine
from lab.live import live
from lab.records import CallRecord, OutcomeRecord
from lab.replay import ReplaySettings, replay
from lab.session import Session, World, parse_session

Make = Callable[..., NativeEngine]
SETTINGS = ReplaySettings(wire_family="hermes", max_tokens=12)
LOOKUP = {
    "type": "function",
    "function": {
        "name": "lookup",
        "parameters": {"type": "object", "properties": {"key": {"type": "string"}}},
    },
}


@pytest.fixture(scope="module")
def session() -> Session:
    turns = ["first question", "a reply", "second question", "another", "third question", "the last"]
    line = {
        "schema": "agent-session/1",
        "id": "made-up/1",
        "source": {"name": "test", "license": "Apache-2.0"},
        "tools": [LOOKUP],
        "messages": [{"role": ("user", "assistant")[i % 2], "content": text} for i, text in enumerate(turns)],
        "calls": [
            {"at": 1, "max_tokens": 20, "expect": {"kind": "no_call"}},
            {"at": 3, "max_tokens": 5, "expect": {"kind": "no_call"}},
            {"at": 5, "max_tokens": 20, "expect": {"kind": "any"}},
        ],
    }
    return parse_session(json.dumps(line), "test")


def test_every_call_is_one_record_prompted_with_the_recorded_history(engine: Make, session: Session) -> None:
    made = engine()
    records = list(replay(session, made, SETTINGS, cell_id="cell", round_=2))
    assert [(r.cell_id, r.round, r.session_id, r.call_index) for r in records] == [
        ("cell", 2, "made-up/1", index) for index in range(3)
    ]
    assert [r.cold for r in records] == [True, False, False]
    # The session's own limit where it is lower than the settings'.
    assert [len(r.generation.token_ids) for r in records] == [12, 5, 12]
    for record, call in zip(records, session.calls, strict=True):
        ids = made.tokenizer.encode_prompt(session.history(call), session.catalog(call))
        assert record.generation.prompt_tokens == len(ids)
    first, second, third = (r.generation for r in records)
    assert (first.reused_tokens, second.reused_tokens) == (0, first.prompt_tokens)
    assert third.reused_tokens == second.prompt_tokens
    assert [r.score is None for r in records] == [False, False, True]


def test_live_prompts_hold_the_models_own_replies_until_the_context_is_full(
    engine: Make, session: Session
) -> None:
    goal = session.session.model_copy(update={"world": World(name="bank", initial_state={"serial": 1})})
    made, world = engine("ngram"), session.model_copy(update={"session": goal})
    *calls, outcome = live(world, made, SETTINGS, cell_id="cell", round_=1)
    assert isinstance(outcome, OutcomeRecord)
    # A random model calls no tool, so each of its replies ends one of the three turns.
    assert (outcome.success, outcome.ended, outcome.steps) == (True, "answered", 3)
    first, second, third = (record.generation for record in calls if isinstance(record, CallRecord))
    assert first.reused_tokens == 0
    assert second.reused_tokens >= first.prompt_tokens
    assert third.prompt_tokens > second.prompt_tokens
    turns = (
        {"role": "user", "content": "first question"},
        {"role": "assistant", "content": first.text.strip()},
    )
    history = [*turns, {"role": "user", "content": "second question"}]
    assert second.prompt_tokens == len(
        made.tokenizer.encode_prompt(history, session.catalog(session.calls[0]))
    )

    narrow = dataclasses.replace(made.decoder.config, context=second.prompt_tokens + 11)
    made.decoder.config = narrow
    *calls, outcome = live(world, made, SETTINGS, cell_id="cell", round_=1)
    assert isinstance(outcome, OutcomeRecord)
    assert (outcome.success, outcome.ended, outcome.steps, len(calls)) == (False, "context", 1, 1)


def test_the_wall_holds_the_ledger(engine: Make, session: Session) -> None:
    for record in replay(session, engine("ngram"), SETTINGS, cell_id="cell", round_=1):
        assert 0 < record.generation.ledger_s <= record.wall_s
        assert record.lab_s > 0


@pytest.mark.parametrize("speculation", ["none", "ngram"])
@pytest.mark.parametrize("start", [1, 2])
def test_a_resumed_session_goes_on_as_if_it_had_not_been_interrupted(
    engine: Make, session: Session, speculation: str, start: int
) -> None:
    whole = list(replay(session, engine(speculation), SETTINGS, cell_id="cell", round_=1))
    rest = list(replay(session, engine(speculation), SETTINGS, cell_id="cell", round_=1, start=start))
    assert [r.call_index for r in rest] == list(range(start, 3))
    for resumed, uninterrupted in zip(rest, whole[start:], strict=True):
        assert resumed.generation.token_ids == uninterrupted.generation.token_ids
        assert resumed.generation.reused_tokens == uninterrupted.generation.reused_tokens
        assert resumed.cold is uninterrupted.cold is False


def test_a_session_starts_with_an_empty_cache_whatever_ran_before(engine: Make, session: Session) -> None:
    made = engine()
    runs = [list(replay(session, made, SETTINGS, cell_id="cell", round_=n)) for n in (1, 2)]
    assert [r.generation.reused_tokens for r in runs[0]] == [r.generation.reused_tokens for r in runs[1]]
    assert runs[1][0].generation.reused_tokens == 0


def test_a_call_s_seed_depends_on_the_session_and_the_call_alone(session: Session) -> None:
    seeds = [SETTINGS.decoding(session, index).seed for index in range(3)]
    assert len(set(seeds)) == 3
    assert [SETTINGS.decoding(session, index).seed for index in range(3)] == seeds
    other = ReplaySettings(wire_family="hermes", seed=1)
    assert other.decoding(session, 0).seed != seeds[0]
    assert all(0 <= seed < 2**63 for seed in seeds)
