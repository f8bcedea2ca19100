"""One engine, no speculation: what it emits, reuses, refuses and reports."""

from __future__ import annotations

import functools
import json
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import LlamaForCausalLM

from lab.engines import native
from lab.engines.base import ContextError, Decoding, Prompt
from lab.engines.native import NativeEngine
from lab.measure.ledger import Ledger
from lab.session import parse_session

Make = Callable[..., NativeEngine]
MakePrompt = Callable[..., Prompt]
OfTokens = Callable[[NativeEngine], Callable[[Sequence[int]], Prompt]]
CONTEXT = 640


SESSION = {
    "schema": "agent-session/1",
    "id": "sums",
    "source": {"name": "test", "license": "MIT"},
    "tools": [],
    "messages": [
        {"role": "user", "content": "2 + 2?"},
        {"role": "assistant", "content": "four"},
        {"role": "user", "content": "2 + 4?"},
        {"role": "assistant", "content": "six"},
    ],
    "calls": [{"at": at, "max_tokens": 8, "expect": {"kind": "no_call"}} for at in (1, 3)],
}


def argmaxes(model_folder: Path, ids: Sequence[int], count: int) -> list[int]:
    """transformers' likeliest token behind each of the last `count` prefixes of `ids`."""
    model = LlamaForCausalLM.from_pretrained(model_folder, dtype=torch.float32)
    with torch.no_grad():
        logits = model(torch.tensor([list(ids)])).logits[0]
    best: list[int] = logits[-count - 1 : -1].argmax(-1).tolist()
    return best


@pytest.mark.parametrize("length", [1, 30, 490], ids=["one token", "short", "across the cache's first block"])
def test_a_greedy_reply_is_the_likeliest_token_at_every_place(
    engine: Make, model_folder: Path, of_tokens: OfTokens, length: int
) -> None:
    plain = engine()
    ids = [(7 * i * i + 3) % 256 for i in range(length)]
    generation = plain.generate(of_tokens(plain)(ids), Decoding(40))
    assert len(generation.token_ids) == len(generation.margins) == 40
    assert min(generation.margins) > 1e-3, "this prompt's ties could go either way"
    assert list(generation.token_ids) == argmaxes(model_folder, [*ids, *generation.token_ids], 40)


def test_a_long_prompt_is_prefilled_in_blocks_to_the_same_reply(
    engine: Make, prompt: MakePrompt, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = prompt("a longer question " * 4)
    whole = engine().generate(request, Decoding(20))
    monkeypatch.setattr(native, "PREFILL_ROWS", 7)
    assert engine().generate(request, Decoding(20)).token_ids == whole.token_ids


def test_the_text_is_that_of_the_tokens_without_the_end_of_turn(engine: Make, prompt: MakePrompt) -> None:
    plain = engine()
    reply = plain.generate(prompt("hello"), Decoding(30)).token_ids
    at = next(i for i in range(5, 30) if reply[i] not in reply[:i])
    plain.tokenizer.stop_ids = frozenset({reply[at]})
    plain.reset()
    stopped = plain.generate(prompt("hello"), Decoding(30))
    assert (stopped.finish_reason, stopped.token_ids) == ("stop", reply[: at + 1])
    assert stopped.text == plain.tokenizer.decode(reply[:at])
    plain.reset()
    cut = plain.generate(prompt("hello"), Decoding(at))
    assert (cut.finish_reason, cut.token_ids) == ("length", reply[:at])
    assert cut.text == plain.tokenizer.decode(reply[:at])


def test_a_reply_may_stop_with_its_first_token(engine: Make, prompt: MakePrompt) -> None:
    plain = engine()
    first = plain.generate(prompt("hello"), Decoding(1))
    assert (first.finish_reason, len(first.token_ids), first.steps) == ("length", 1, ())
    plain.tokenizer.stop_ids = frozenset(first.token_ids)
    stopped = plain.generate(prompt("hello"), Decoding(9))
    assert (stopped.finish_reason, stopped.text, stopped.steps) == ("stop", "", ())


def test_the_next_prompt_of_a_session_reuses_the_one_before(engine: Make, prompt: MakePrompt) -> None:
    warm = engine()
    first = warm.generate(prompt("Where is Oslo?"), Decoding(12))
    assert first.reused_tokens == 0
    reply = next(
        word for word in ("in Norway", "north") if warm.tokenizer.encode(word)[0] != first.token_ids[0]
    )
    later = prompt("Where is Oslo?", reply, "And Bergen?")
    second = warm.generate(later, Decoding(12))
    assert second.reused_tokens == first.prompt_tokens
    fresh = engine().generate(later, Decoding(12))
    assert fresh.reused_tokens == 0
    assert (second.token_ids, second.prompt_tokens) == (fresh.token_ids, fresh.prompt_tokens)
    assert second.margins == pytest.approx(fresh.margins, abs=1e-3)


def test_the_reply_s_own_tokens_are_reused_where_the_history_has_them(
    engine: Make, of_tokens: OfTokens
) -> None:
    warm, cold = engine(), engine()
    request = of_tokens(warm)
    of_tokens(cold)
    first = warm.generate(request(range(20)), Decoding(10))
    later = request([*range(20), *first.token_ids, 1, 2, 3])
    second = warm.generate(later, Decoding(10))
    # The last token of a reply has not been through the model.
    assert second.reused_tokens == 20 + 9
    assert second.token_ids == cold.generate(later, Decoding(10)).token_ids


def test_the_same_prompt_again_computes_its_last_token_only(engine: Make, prompt: MakePrompt) -> None:
    plain = engine()
    first, second = (plain.generate(prompt("hello"), Decoding(10)) for _ in range(2))
    assert second.reused_tokens == first.prompt_tokens - 1
    assert second.token_ids == first.token_ids


def test_another_prompt_reuses_what_it_begins_with(engine: Make, prompt: MakePrompt) -> None:
    plain = engine()
    plain.generate(prompt("hello"), Decoding(10))
    other = plain.generate(prompt("Hello"), Decoding(10))
    assert other.reused_tokens == 6  # <|im_start|> u s e r and the line's end
    assert other.token_ids == engine().generate(prompt("Hello"), Decoding(10)).token_ids
    # A prefix of what is cached: all but its last token.
    assert plain.generate(prompt("Hello"), Decoding(1)).reused_tokens == other.prompt_tokens - 1


def test_reset_drops_the_cache(engine: Make, prompt: MakePrompt) -> None:
    plain = engine()
    first = plain.generate(prompt("hello"), Decoding(5))
    plain.reset()
    second = plain.generate(prompt("hello"), Decoding(5))
    assert (second.reused_tokens, second.token_ids) == (0, first.token_ids)


def test_a_prompt_that_does_not_fit_is_refused_before_anything_is_computed(
    engine: Make, of_tokens: OfTokens
) -> None:
    plain = engine()
    request = of_tokens(plain)
    plain.generate(request([5] * 10), Decoding(5))
    for act in (plain.check, plain.generate):
        with pytest.raises(
            ContextError, match=r"got 600 tokens and up to 41 new ones, expected .* context of 640"
        ):
            act(request([1] * 600), Decoding(41))
    assert plain.check(request([1] * 600), Decoding(40)) == 600
    # The cache is what it was.
    assert plain.generate(request([5] * 10), Decoding(5)).reused_tokens == 9


@pytest.mark.parametrize("speculation", ["none", "ngram"])
def test_a_reply_may_fill_the_context(engine: Make, of_tokens: OfTokens, speculation: str) -> None:
    made = engine(speculation)
    generation = made.generate(of_tokens(made)([3, 4] * 310), Decoding(20))
    assert (generation.prompt_tokens, len(generation.token_ids)) == (620, 20)


def test_sampling_is_repeatable_by_its_seed(engine: Make, prompt: MakePrompt) -> None:
    for speculation in ("none", "ngram"):
        made = engine(speculation)
        replies = []
        for seed in (1, 1, 2):
            made.reset()
            params = Decoding(24, temperature=0.9, top_p=0.95, top_k=40, seed=seed)
            replies.append(made.generate(prompt("abababab"), params).token_ids)
        assert replies[0] == replies[1] != replies[2]


def test_margins_are_the_lead_of_the_likeliest_logit(
    engine: Make, model_folder: Path, of_tokens: OfTokens
) -> None:
    plain = engine()
    ids = list(range(10, 30))
    generation = plain.generate(of_tokens(plain)(ids), Decoding(8))
    model = LlamaForCausalLM.from_pretrained(model_folder, dtype=torch.float32)
    with torch.no_grad():
        logits = model(torch.tensor([[*ids, *generation.token_ids]])).logits[0, 19:27]
    first, second = logits.topk(2).values.unbind(-1)
    assert generation.margins == pytest.approx((first - second).tolist(), abs=1e-3)


def test_row_counts_make_no_difference_to_margins_in_float32(engine: Make, prompt: MakePrompt) -> None:
    plain = engine()
    request, params = prompt("hello"), Decoding(30)
    generation = plain.generate(request, params)
    noise = plain.margin_noise(request, params, generation.token_ids)
    assert math.isfinite(noise)
    assert 0 <= noise < 1e-3
    # It leaves the cache with the prompt, and the next call right.
    again = plain.generate(request, params)
    assert (again.token_ids, again.reused_tokens) == (generation.token_ids, generation.prompt_tokens - 1)


def test_in_bf16_row_counts_move_margins_by_a_rounding_at_most(engine: Make, prompt: MakePrompt) -> None:
    rounded = engine(precision="bf16")
    request, params = prompt("hello"), Decoding(30)
    reply = rounded.generate(request, params).token_ids
    noise = rounded.margin_noise(request, params, reply)
    # Logits of this model are below 16, where a unit in the last place of bf16 is 1/16.
    assert 0 <= noise < 0.5


def test_setup_tells_what_was_loaded(engine: Make) -> None:
    plain = engine(threads=1)
    setup = plain.setup()
    # 2 layers of qkv 64 x 32, out 32 x 32, gate and up 128 x 32, down 32 x 64 and two norms of 32; a norm;
    # embedding and head of 258 x 32; 4 bytes each.
    assert setup.weight_bytes == 4 * (2 * (2048 + 1024 + 4096 + 2048 + 64) + 32 + 2 * 8256)
    assert setup.kernels == {"dense": "torch", "stack": "torch", "tree_attention": "torch"}
    assert setup.load_s > 0
    assert setup.logit_noise is None
    assert setup.facts == {
        "device": "cpu",
        "threads": 1,
        "dtype": "float32",
        "architecture": "LlamaForCausalLM",
        "context": CONTEXT,
        "kv": "bf16",
    }
    able = plain.capabilities()
    assert (able.sees_steps, able.sees_logits, able.reuses_prefix) == (True, True, True)


TICK = 1 / 1024


class Clock:
    """Seconds that pass where the test says so, and a tick a reading, which shows every lap."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        self.now += TICK
        return self.now

    def lasting(self, seconds: float, function: Callable[..., Any]) -> Callable[..., Any]:
        """`function`, taking `seconds`."""

        def slow(*args: Any, **kwargs: Any) -> Any:
            self.now += seconds
            return function(*args, **kwargs)

        return slow


def test_every_second_of_a_call_is_on_the_ledger_under_its_own_name(
    engine: Make, prompt: MakePrompt, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, clock = engine("ngram"), Clock()
    drafter = made.drafter
    assert drafter is not None
    monkeypatch.setattr(native, "Ledger", functools.partial(Ledger, clock=clock))
    # Binary fractions: their sums are exact.
    parts = {
        (made.tokenizer, "encode_prompt"): 1.0,
        (made.decoder, "forward"): 2.0,
        (native, "top_two"): 0.25,
        (native, "verify"): 0.125,
        (drafter, "prime"): 8.0,
        (drafter, "propose"): 16.0,
        (made.tokenizer, "decode"): 32.0,
    }
    for (owner, name), seconds in parts.items():
        monkeypatch.setattr(owner, name, clock.lasting(seconds, getattr(owner, name)))
    before = clock.now
    generation = made.generate(prompt("x" * 40), Decoding(30))
    # All but the ledger's first reading.
    assert generation.ledger_s == clock.now - before - TICK
    assert generation.encode_s == 1.0 + TICK
    # The forward, the choice of the first token, and the drafter reading the prompt.
    assert generation.prefill_s == 2.0 + 0.25 + 8.0 + TICK
    assert generation.finish_s == 32.0 + TICK
    assert {(step.verify_s, step.other_s) for step in generation.steps} == {(2.0 + TICK, 0.375 + TICK)}
    # Where only one token is left to emit, nothing is drafted for it.
    assert {step.draft_s for step in generation.steps[:-1]} == {16.0 + TICK}
    assert any(step.kind == "verify" for step in generation.steps)


def test_the_peak_is_a_number_of_bytes_on_a_system_that_tells(engine: Make, prompt: MakePrompt) -> None:
    peak = engine().generate(prompt("hello"), Decoding(2)).peak_memory_bytes
    assert peak is None or peak > 10_000_000  # an interpreter with torch in it


def test_quality_is_measured_over_the_recorded_replies(engine: Make) -> None:
    session = parse_session(json.dumps(SESSION), "test")
    reference, other = engine(), engine(precision="bf16")
    for made in (reference, other):
        made.tokenizer.stop_ids = frozenset({257})
    own = reference.quality(session, None)
    replies = [reference.tokenizer.encode(f"{text}<|im_end|>") for text in ("four", "six")]
    assert own.tokens == sum(map(len, replies))
    assert (own.kl, own.agree) == (0.0, own.tokens)
    found = other.quality(session, reference.config)
    assert found.tokens == own.tokens
    assert 0 < found.kl / found.tokens < 0.05
    # The reference is loaded once.
    kept = other._compared
    other.quality(session, reference.config)
    assert other._compared is kept
    assert found.nll == pytest.approx(other.quality(session, None).nll)


def test_8_bit_keys_and_values_are_counted_and_change_the_model_a_little(engine: Make) -> None:
    session = parse_session(json.dumps(SESSION), "test")
    reference, kept = engine(), engine(kv="int8")
    assert kept.setup().facts["kv"] == "int8"
    for made in (reference, kept):
        made.tokenizer.stop_ids = frozenset({257})
    found = kept.quality(session, reference.config)
    assert 0 < found.kl / found.tokens < 0.01
    # Compared with itself it is itself: the reference's keys and values are kept as it keeps them.
    assert kept.quality(session, kept.config).kl == 0
    plain, small = (
        made.generate(Prompt([{"role": "user", "content": "hi"}], []), Decoding(4)).steps[0]
        for made in (reference, kept)
    )
    # 2 layers x 2 heads x (keys and values): 8 numbers of 4 bytes against 8 of one and a scale.
    assert plain.kv_bytes * (8 + 4) == small.kv_bytes * 32
