"""Speculation changes the steps of a call and nothing else."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from lab.engines.base import Decoding, Prompt
from lab.engines.native import NativeEngine
from lab.precision import KV_PRECISIONS
from lab.records import Generation
from lab.speculation.options import DraftOptions
from lab.speculation.tree import ROOT, TokenTree

Make = Callable[..., NativeEngine]
MakePrompt = Callable[..., Prompt]
OfTokens = Callable[[NativeEngine], Callable[[Sequence[int]], Prompt]]
TEXTS = [
    "hello",
    "x" * 40,
    "abcabcabcabcabcabc",
    '{"city": "Oslo", "days": 3} {"city": "Oslo", "days": 3} {"city": "Oslo',
    "The quick brown fox jumps over the lazy dog.",
    "1, 2, 1, 2, 1, 2, 1, 2, 1",
]
WRONG_BY = (1, 2)


class Knowing:
    """A drafter that knows the reply and hides it among wrong tokens.

    Each level of its tree holds a wrong token with a child that would have been right elsewhere, another
    wrong token, and the right one: an accepted path lies scattered over the rows. `levels` are the depths of
    a call's trees in turn, and `spoil` makes the last level wrong throughout.
    """

    bytes_read = 1234
    taps = ()
    trained_context = None
    most = 12

    def __init__(self, reply: Sequence[int], *, levels: Sequence[int] = (2, 1, 3), spoil: bool = False):
        self._reply, self._levels, self._spoil = list(reply), levels, spoil
        self.reset()

    def reset(self) -> None:
        self._known = self._proposals = 0

    def prime(self, prefix: Sequence[int], _features: object) -> None:
        self._known, self._proposals = 1, 0
        assert prefix[-1] == self._reply[0]

    def can_draft(self, _token: int) -> bool:
        return True

    def accept(self, tokens: Sequence[int], _features: object) -> None:
        assert list(tokens) == self._reply[self._known : self._known + len(tokens)]
        self._known += len(tokens)

    def propose(self, budget: int) -> TokenTree:
        levels = self._levels[self._proposals % len(self._levels)]
        self._proposals += 1
        right = self._reply[self._known : self._known + levels]
        tokens: list[int] = []
        parents: list[int] = []
        above = ROOT
        for level, token in enumerate(right, start=1):
            wrong, other = ((token + shift) % 256 for shift in WRONG_BY)
            if level == len(right) and self._spoil:
                token = other
            tokens += [wrong, token, other, token]
            parents += [above, len(parents), above, above]
            above = len(parents) - 1
        if len(tokens) > budget:
            return TokenTree.chain(right[:budget])
        return TokenTree(tuple(tokens), tuple(parents))


def knowing(engine: NativeEngine, reply: Sequence[int], **options: object) -> NativeEngine:
    engine.drafter = Knowing(reply, **options)  # type: ignore[arg-type]
    return engine


def assert_steps_add_up(generation: Generation, draft_tokens: int) -> None:
    context, emitted = generation.prompt_tokens, 1
    for step in generation.steps:
        assert step.context == context
        assert step.kind == ("verify" if step.drafted else "plain")
        assert 0 <= step.accepted <= step.drafted <= draft_tokens
        assert step.emitted in (step.accepted, step.accepted + 1)
        assert step.emitted >= 1
        context, emitted = context + step.emitted, emitted + step.emitted
    for step in generation.steps[:-1]:
        assert step.emitted == step.accepted + 1
    assert emitted == len(generation.token_ids) == len(generation.margins)


def assert_same_reply(speculative: Generation, plain: Generation) -> None:
    assert speculative.token_ids == plain.token_ids
    assert (speculative.text, speculative.finish_reason) == (plain.text, plain.finish_reason)
    # A cache with one wrong row shows in the margins before it shows in the tokens.
    assert speculative.margins == pytest.approx(plain.margins, abs=1e-3)


def test_ngram_drafting_leaves_greedy_replies_as_they_are(engine: Make, prompt: MakePrompt) -> None:
    plain, ngram = engine(), engine("ngram")
    accepted = 0
    for text in TEXTS:
        plain.reset()
        ngram.reset()
        expected = plain.generate(prompt(text), Decoding(80))
        got = ngram.generate(prompt(text), Decoding(80))
        assert_same_reply(got, expected)
        assert_steps_add_up(got, 8)
        assert_steps_add_up(expected, 0)
        accepted += sum(step.accepted for step in got.steps)
    assert accepted > 20


@pytest.mark.parametrize("kv", KV_PRECISIONS)
@pytest.mark.parametrize("spoil", [False, True], ids=["right to the leaf", "wrong at the leaf"])
@pytest.mark.parametrize("text", TEXTS)
def test_trees_leave_greedy_replies_as_they_are(
    engine: Make, prompt: MakePrompt, text: str, spoil: bool, kv: str
) -> None:
    expected = engine(kv=kv).generate(prompt(text), Decoding(60))
    tree = knowing(engine(kv=kv, draft=DraftOptions(tokens=12)), expected.token_ids, spoil=spoil)
    got = tree.generate(prompt(text), Decoding(60))
    assert_same_reply(got, expected)
    assert_steps_add_up(got, 12)
    assert {step.drafted for step in got.steps} >= {4, 8, 12}
    assert {step.accepted for step in got.steps} >= ({1, 2} if spoil else {1, 2, 3})
    # What the tree left behind in the cache is right: the call after it goes on from there.
    later = prompt(text, "ok", "and then?")
    tree.drafter = None
    second = tree.generate(later, Decoding(20))
    assert second.reused_tokens >= got.prompt_tokens
    assert_same_reply(second, engine(kv=kv).generate(later, Decoding(20)))


@pytest.mark.parametrize("speculation", ["ngram", "knowing"])
def test_a_session_of_speculative_calls_equals_fresh_plain_ones(
    engine: Make, prompt: MakePrompt, speculation: str
) -> None:
    made = engine("ngram" if speculation == "ngram" else "none", draft=DraftOptions(tokens=12))
    texts = ["list the files", "a.txt b.txt", "open a.txt", "a.txt is open", "close a.txt b.txt"]
    for turn in (1, 3, 5):
        request = prompt(*texts[:turn])
        expected = engine().generate(request, Decoding(40))
        if speculation == "knowing":
            knowing(made, expected.token_ids)
        got = made.generate(request, Decoding(40))
        assert_same_reply(got, expected)
        assert (got.reused_tokens > 0) == (turn > 1)


@pytest.mark.parametrize("speculation", ["ngram", "knowing"])
@pytest.mark.parametrize("at", [None, 30], ids=["to the limit", "stopped"])
def test_the_history_s_copy_of_a_speculative_reply_is_reused_as_that_of_a_plain_one(
    engine: Make, of_tokens: OfTokens, speculation: str, at: int | None
) -> None:
    ids = [33] * 50
    plain, made = (
        engine(),
        engine("ngram" if speculation == "ngram" else "none", draft=DraftOptions(tokens=12)),
    )
    request = of_tokens(plain)
    of_tokens(made)
    expected = plain.generate(request(ids), Decoding(40))
    if speculation == "knowing":
        knowing(made, expected.token_ids, levels=[3])
    if at is not None:
        assert expected.token_ids[at] not in expected.token_ids[:at]
        plain.tokenizer.stop_ids = made.tokenizer.stop_ids = frozenset({expected.token_ids[at]})
        plain.reset()
        expected = plain.generate(request(ids), Decoding(40))
    got = made.generate(request(ids), Decoding(40))
    assert_same_reply(got, expected)
    assert sum(step.accepted for step in got.steps) > 0

    made.drafter = None
    later = request([*ids, *got.token_ids, 1, 2, 3])
    after, after_plain = made.generate(later, Decoding(20)), plain.generate(later, Decoding(20))
    assert after.reused_tokens == after_plain.reused_tokens == len(ids) + len(got.token_ids) - 1
    plain.reset()
    assert_same_reply(after, plain.generate(later, Decoding(20)))


@pytest.mark.parametrize("behind", [0, 1, 2])
def test_an_end_of_turn_inside_accepted_tokens_ends_the_reply_there(
    engine: Make, prompt: MakePrompt, behind: int
) -> None:
    reply = engine().generate(prompt("hello"), Decoding(40)).token_ids
    # Every step accepts three tokens and emits four, from the second token on.
    made = knowing(engine(draft=DraftOptions(tokens=12)), reply, levels=[3])
    at = next(i for i in range(8, 40) if (i - 1) % 4 == behind and reply[i] not in reply[:i])
    made.tokenizer.stop_ids = frozenset({reply[at]})
    got = made.generate(prompt("hello"), Decoding(40))
    assert (got.token_ids, got.finish_reason) == (reply[: at + 1], "stop")
    assert_steps_add_up(got, 12)
    last = got.steps[-1]
    # The token is one of the drafted ones, and nothing behind it is counted.
    assert (last.drafted, last.accepted, last.emitted) == (12, behind + 1, behind + 1)
    made.drafter, made.tokenizer.stop_ids = None, frozenset()
    later = prompt("hello", "ok", "go on")
    assert_same_reply(made.generate(later, Decoding(20)), engine().generate(later, Decoding(20)))


def test_the_limit_is_met_exactly(engine: Make, prompt: MakePrompt) -> None:
    request = prompt("x" * 40)
    reply = engine().generate(request, Decoding(40)).token_ids
    ngram, tree = engine("ngram"), knowing(engine(draft=DraftOptions(tokens=12)), reply)
    for limit in range(1, 24):
        for made in (ngram, tree):
            made.reset()
            got = made.generate(request, Decoding(limit))
            assert (got.token_ids, got.finish_reason) == (reply[:limit], "length")
            assert_steps_add_up(got, 12)
            # What could not be emitted any more is not drafted.
            left = limit - 1
            for step in got.steps:
                assert step.drafted < left or step.drafted == 0
                left -= step.emitted


def test_a_step_reads_the_weights_once_the_rows_of_the_embedding_and_the_cache(
    engine: Make, prompt: MakePrompt
) -> None:
    # Per forward 2 layers of qkv 64 x 32, out 32 x 32, gate and up 128 x 32, down 32 x 64 and two norms of
    # 32; the last norm; the head of 258 x 32. Per row 32 of the embedding. Per cached token keys and values
    # of 2 heads of 8 in 2 layers. 4 bytes each.
    weights = 4 * (2 * (2048 + 1024 + 4096 + 2048 + 64) + 32 + 8256)
    request = prompt("x" * 40)
    plain = engine().generate(request, Decoding(30))
    tree = knowing(engine(draft=DraftOptions(tokens=12)), plain.token_ids).generate(request, Decoding(30))
    for generation, draft_bytes in ((plain, 0), (tree, 1234)):
        for step in generation.steps:
            rows = 1 + step.drafted
            assert step.target_bytes == weights + rows * 32 * 4
            assert step.kv_bytes == (step.context + rows) * 2 * 2 * 2 * 8 * 4
            assert step.draft_bytes == (draft_bytes if step.drafted else 0)


def test_the_draft_budget_is_the_configured_one(engine: Make, prompt: MakePrompt) -> None:
    for tokens in (1, 3):
        got = engine("ngram", draft=DraftOptions(tokens=tokens)).generate(prompt("x" * 40), Decoding(60))
        assert max(step.drafted for step in got.steps) == tokens


def test_sampled_replies_stay_in_step_with_the_cache(engine: Make, prompt: MakePrompt) -> None:
    params = Decoding(60, temperature=0.7, top_k=20, seed=4)
    made = engine("ngram")
    sampled = made.generate(prompt("x" * 40), params)
    assert_steps_add_up(sampled, 8)
    assert sum(step.accepted for step in sampled.steps) > 0
    later = prompt("x" * 40, "ok", "and then?")
    assert_same_reply(made.generate(later, Decoding(20)), engine().generate(later, Decoding(20)))
