"""Guidance changes what may be said, and nothing else about how it is decoded."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch

from lab.engines import native
from lab.engines.base import Decoding, EngineConfig, Prompt
from lab.engines.native import NativeEngine
from lab.errors import UserError
from lab.records import Generation
from lab.scoring import parse
from lab.scoring.schemas import ToolSchema
from lab.speculation.tree import TokenTree

Make = Callable[..., NativeEngine]
STOP = 257
SCHEMAS: dict[str, dict[str, Any]] = {
    "open": {
        "type": "object",
        "properties": {
            "door": {"type": "string", "enum": ["front", "back", "garage"]},
            "width": {"type": "integer", "minimum": 1, "maximum": 99},
        },
        "required": ["door"],
    },
    "stop": {"type": "object", "properties": {"now": {"type": "boolean"}}},
}
TOOLS = [
    {"type": "function", "function": {"name": name, "parameters": schema}} for name, schema in SCHEMAS.items()
]


@pytest.fixture
def guided(engine: Make) -> Make:
    """`guided(speculation)`: a fresh guided engine whose random model knows the end of a turn."""

    def make(speculation: str = "none", **options: object) -> NativeEngine:
        made = engine(speculation, **{"guided": "schema", "wire_family": "hermes"} | options)
        made.tokenizer.stop_ids = frozenset({STOP})
        return made

    return make


@pytest.fixture
def eager(monkeypatch: pytest.MonkeyPatch) -> Callable[[NativeEngine], NativeEngine]:
    """`eager(engine)`: its model writes a call's opening mark, and is random from there on.

    A random model would not come upon eleven bytes in a row. The end of the turn is likely, but for where a
    call could begin.
    """

    def make(made: NativeEngine) -> NativeEngine:
        opener = made.tokenizer.encode("<tool_call>")
        forward, begun = made.decoder.forward, 0
        original = made.generate

        def generate(prompt: Prompt, params: Decoding) -> Generation:
            nonlocal begun
            begun = len(made.tokenizer.encode_prompt(prompt.messages, prompt.tools))
            return original(prompt, params)

        def pushed(tokens: torch.Tensor, cache: Any, **options: Any) -> torch.Tensor:
            start = cache.length
            depths = options.get("depths")
            logits = forward(tokens, cache, **options)
            places = torch.arange(len(tokens)) if depths is None else depths
            for row, place in zip(logits, places[-len(logits) :].tolist(), strict=True):
                at = start + place + 1 - begun
                row[STOP] += 20.0
                if 0 <= at < len(opener):
                    row[opener[at]] += 1000.0
            return logits

        monkeypatch.setattr(made.decoder, "forward", pushed)
        monkeypatch.setattr(made, "generate", generate)
        return made

    return make


def ask(text: str) -> Prompt:
    return Prompt([{"role": "user", "content": text}], TOOLS)


def assert_valid(generation: Generation) -> int:
    """Every call is valid, and only the token limit leaves one open; the number of calls."""
    parsed = parse(generation.text, "hermes")
    assert len(parsed.problems) == (1 if parsed.unfinished else 0), generation.text
    assert generation.finish_reason == "length" or not parsed.unfinished
    for call in parsed.calls:
        assert not ToolSchema(call.name, SCHEMAS[call.name]).faults(call.arguments)
    return len(parsed.calls)


QUESTIONS = ["hello", "open the garage", "stop! stop! stop!", "x" * 30]


def test_every_call_that_a_random_model_completes_is_valid(
    guided: Make, eager: Callable[[NativeEngine], NativeEngine]
) -> None:
    made, calls = eager(guided()), 0
    for seed, text in enumerate(QUESTIONS * 3):
        made.reset()
        generation = made.generate(ask(text), Decoding(120, temperature=1.0 if seed > 3 else 0.0, seed=seed))
        calls += assert_valid(generation)
    assert calls > 8


def test_without_guidance_the_same_model_completes_none(
    engine: Make, eager: Callable[[NativeEngine], NativeEngine]
) -> None:
    made = engine()
    made.tokenizer.stop_ids = frozenset({STOP})
    generation = eager(made).generate(ask("hello"), Decoding(120))
    assert generation.text.startswith("<tool_call>")
    assert parse(generation.text, "hermes").calls == ()


def test_ngram_drafting_leaves_guided_greedy_replies_as_they_are(
    guided: Make, eager: Callable[[NativeEngine], NativeEngine]
) -> None:
    accepted = 0
    for text in QUESTIONS:
        question = ask(f'{text} <tool_call>{{"name": "open", "arguments": {{"door": "back"}}}}</tool_call>')
        expected = eager(guided()).generate(question, Decoding(120))
        got = eager(guided("ngram")).generate(question, Decoding(120))
        assert (got.token_ids, got.finish_reason) == (expected.token_ids, expected.finish_reason)
        assert got.margins == pytest.approx(expected.margins, abs=1e-3)
        accepted += sum(step.accepted for step in got.steps)
    assert accepted > 20


def test_a_sampled_speculative_reply_is_valid(
    guided: Make, eager: Callable[[NativeEngine], NativeEngine]
) -> None:
    made, calls = eager(guided("ngram")), 0
    for seed in range(8):
        made.reset()
        params = Decoding(120, temperature=1.3, top_p=0.95, top_k=40, seed=seed)
        calls += assert_valid(made.generate(ask("open open open"), params))
    assert calls > 3


class Fixed:
    """Drafts a chain of certain tokens at every step."""

    bytes_read = 0
    taps = ()
    trained_context = None
    most = 8

    def __init__(self, tokens: Sequence[int]):
        self._tokens = tokens

    def prime(self, prefix: Sequence[int], features: object) -> None: ...

    def can_draft(self, _token: int) -> bool:
        return True

    def accept(self, tokens: Sequence[int], features: object) -> None: ...

    def reset(self) -> None: ...

    def propose(self, budget: int) -> TokenTree:
        return TokenTree.chain(self._tokens[:budget])


def test_a_forbidden_draft_is_not_verified(guided: Make) -> None:
    made = guided()
    plain = made.generate(ask("hello"), Decoding(20))
    made.reset()
    # A special token is no text: it stands in no reply.
    made.drafter = Fixed([256, 100])
    got = made.generate(ask("hello"), Decoding(20))
    assert got.token_ids == plain.token_ids
    assert {(step.kind, step.drafted) for step in got.steps} == {("plain", 0)}
    made.reset()
    made.drafter = Fixed([100, 256, 100])
    assert {s.drafted for s in made.generate(ask("hello"), Decoding(20)).steps} == {0, 1}


def test_margins_are_among_the_allowed_tokens_and_finite_where_there_is_one(
    guided: Make, eager: Callable[[NativeEngine], NativeEngine]
) -> None:
    generation = eager(guided()).generate(ask("hello"), Decoding(120))
    text, forced = generation.text, '{"name":'
    first = text.index(forced) + 1
    assert all(1e30 < margin < float("inf") for margin in generation.margins[first : first + len(forced) - 1])
    assert min(generation.margins) >= 0
    assert json.loads(json.dumps(generation.margins)) == list(generation.margins)


def test_the_end_of_a_turn_waits_for_the_end_of_a_call(
    guided: Make, eager: Callable[[NativeEngine], NativeEngine]
) -> None:
    # The model wants to stop everywhere; it may only before and after its call.
    generation = eager(guided()).generate(ask("hello"), Decoding(200))
    assert generation.finish_reason == "stop"
    assert generation.text.endswith("</tool_call>")
    assert generation.token_ids.count(STOP) == 1


def test_masks_have_their_own_place_on_the_ledger(guided: Make, engine: Make) -> None:
    generation = guided("ngram").generate(ask("x" * 40), Decoding(30))
    assert all(step.mask_s > 0 for step in generation.steps)
    whole = sum(step.draft_s + step.mask_s + step.verify_s + step.other_s for step in generation.steps)
    assert whole == pytest.approx(sum(step.seconds for step in generation.steps))
    assert {step.mask_s for step in engine("ngram").generate(ask("x" * 40), Decoding(30)).steps} == {0.0}


def test_a_grammar_is_compiled_in_the_first_call_of_a_session_as_part_of_encoding(
    guided: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = guided()
    made.check(ask("hello"), Decoding(5))
    made.reset()
    guides = made.guides
    assert guides is not None
    laps: list[str] = []
    compile_ = guides._compile
    monkeypatch.setattr(guides, "_compile", lambda tools: laps.append("compiled") or compile_(tools))

    class Watched(native.Ledger):
        def lap(self) -> float:
            laps.append("lap")
            return super().lap()

    monkeypatch.setattr(native, "Ledger", Watched)
    made.generate(ask("hello"), Decoding(2))
    assert laps[:2] == ["compiled", "lap"]
    made.generate(ask("hello"), Decoding(2))
    assert laps.count("compiled") == 1


def test_a_catalog_that_cannot_be_guided_is_refused_by_the_check(guided: Make) -> None:
    odd = {"type": "object", "properties": {"x": {"not": {"type": "string"}}}}
    prompt = Prompt([{"role": "user", "content": "hello"}], [*TOOLS, dict(TOOLS[0])])
    prompt.tools[-1] = {"type": "function", "function": {"name": "odd", "parameters": odd}}
    with pytest.raises(UserError, match=r"schema of tool 'odd': got .*not"):
        guided().check(prompt, Decoding(5))


def test_what_cannot_be_guided_is_refused_before_weights_are_loaded(
    model_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(native, "load_decoder", lambda *_: pytest.fail("weights were loaded"))
    config = EngineConfig(model=model_folder, guided="schema", wire_family="pythonic")
    with pytest.raises(UserError, match="got pythonic, expected one of hermes"):
        NativeEngine(config)
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(UserError, match="llguidance is not installed"):
        NativeEngine(dataclasses.replace(config, wire_family="hermes"))
