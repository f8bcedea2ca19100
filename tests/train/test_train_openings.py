from __future__ import annotations

import pytest

from lab.models.examples import examples_of
from lab.scenarios.generate import generate
from lab.train.openings import openings


@pytest.fixture(scope="module")
def sessions():
    return list(generate("chain", n=60, seed=3, split="train"))


def test_so_large_a_share_of_the_sessions_ends_behind_the_first_reply(sessions) -> None:
    cut = openings(sessions, 0.5, seed=1)
    assert [session.id for session in cut] == [session.id for session in sessions]
    ended = [len(session.calls) == 1 for session in cut]
    assert 20 <= sum(ended) <= 40
    for before, after, short in zip(sessions, cut, ended, strict=True):
        assert after.calls == (before.calls[:1] if short else before.calls)
    assert openings(sessions, 0.0, seed=1) == sessions
    assert all(len(session.calls) == 1 for session in openings(sessions, 1.0, seed=1))


def test_which_ones_end_is_a_matter_of_the_session_and_the_seed_alone(sessions) -> None:
    cut = openings(sessions, 0.5, seed=1)
    assert openings(sessions[::-1], 0.5, seed=1) == cut[::-1]
    assert openings(sessions, 0.5, seed=2) != cut


def test_nothing_behind_the_first_reply_is_read(sessions, tokenizer) -> None:
    whole, cut = sessions[0], openings(sessions[:1], 1.0, seed=1)[0]
    (long,), (short,) = examples_of(whole, tokenizer), examples_of(cut, tokenizer)
    assert len(short) < len(long)
    assert short.ids.tolist() == long.ids[: len(short)].tolist()
    assert short.begins().sum() == 1
    assert bool(short.learn[-1])
