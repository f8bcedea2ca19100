"""A draft model proposes what it would say itself, and leaves the target's replies as they are."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from lab.engines.base import Decoding, Prompt
from lab.engines.native import NativeEngine
from lab.errors import UserError
from lab.models.decoder import Decoder
from lab.speculation.draft_model import ModelDrafter, early_exit
from lab.speculation.options import DraftOptions

Make = Callable[..., NativeEngine]
MakePrompt = Callable[..., Prompt]
TEXTS = ["hello", "abcabcabcabcabcabc", '{"city": "Oslo", "days": 3}']


def drafting(engine: Make, model: str | Path, tokens: int = 5) -> NativeEngine:
    return engine("draft-model", draft=DraftOptions(tokens=tokens, model=Path(model)))


def test_the_target_itself_as_draft_is_accepted_throughout(
    engine: Make, prompt: MakePrompt, model_folder: Path
) -> None:
    plain, made = engine(), drafting(engine, model_folder)
    # The same session, call after call: the caches of both go on from the common prefix.
    for text in ("hello", "hello there", "other"):
        expected, got = (each.generate(prompt(text), Decoding(40)) for each in (plain, made))
        assert got.token_ids == expected.token_ids
        assert {(step.drafted, step.accepted) for step in got.steps[:-1]} == {(5, 5)}


@pytest.mark.parametrize("text", TEXTS)
def test_an_early_exit_leaves_greedy_replies_as_they_are(engine: Make, prompt: MakePrompt, text: str) -> None:
    plain, made = engine(), drafting(engine, "layers-1")
    expected, got = (each.generate(prompt(text), Decoding(40)) for each in (plain, made))
    assert got.token_ids == expected.token_ids
    assert got.margins == pytest.approx(expected.margins, abs=1e-3)
    assert sum(step.drafted for step in got.steps) > sum(step.accepted for step in got.steps)


def test_the_proposal_is_the_drafts_own_greedy_continuation(engine: Make) -> None:
    target = engine().decoder
    draft = early_exit(target, 1)
    drafter = ModelDrafter(draft, 8)
    known = [5, 6, 7, 8]
    drafter.prime(known, torch.empty(0))
    for emitted in ([], [9], [40, 41, 42]):
        known = [*known, *emitted]
        drafter.accept(emitted, torch.empty(0))
        expected: list[int] = []
        for _ in range(4):
            logits = draft.forward(torch.tensor([*known, *expected]), draft.new_cache())
            expected.append(int(logits[-1].argmax()))
        assert drafter.propose(4).tokens == tuple(expected)
    assert drafter.bytes_read > 4 * draft.forward_bytes(0)


def test_what_cannot_draft_is_told(engine: Make) -> None:
    with pytest.raises(UserError, match="got no draft model, expected --draft-model"):
        engine("draft-model")
    with pytest.raises(UserError, match="got layers-2, expected fewer than the target's 2"):
        drafting(engine, "layers-2")


def test_a_draft_with_a_shorter_context_than_the_target_drafts_as_long_as_it_can(engine: Make) -> None:
    target = engine().decoder
    config = dataclasses.replace(target.config, layers=1, context=8)
    draft = Decoder(config, target.embedding, target.layers[:1], target.norm, target.head)
    drafter = ModelDrafter(draft, 8)
    drafter.prime([5, 6, 7, 8, 9], torch.empty(0))
    assert len(drafter.propose(8)) == 3
    drafter.prime(list(range(12)), torch.empty(0))
    assert len(drafter.propose(8)) == 0
    drafter.accept([3], torch.empty(0))
    assert len(drafter.propose(8)) == 0
