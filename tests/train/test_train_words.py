from __future__ import annotations

import re

import pytest

from lab.models.tokenizer import ChatTokenizer
from lab.scenarios.generate import generate
from lab.scoring import score_call
from lab.session import Session
from lab.train.words import teachable, vary_words, words_of

WORDS = ["Falconry", "Glassware", "plainly", "slugs", "synaptic", "footprint"]


@pytest.fixture
def session(make_session) -> Session:
    """Looks up the weather in `Ulan Bator`, where a result and the replies name it, too."""
    return make_session("t/0", "Ulan Bator", reply="ULAN Bator is cold. In Bator's mountains, too.")


def texts(session: Session) -> str:
    return session.model_dump_json()


def test_a_copied_word_is_another_one_wherever_the_session_has_it(session) -> None:
    def varied(seed: int) -> str:
        return texts(vary_words([session], 1.0, seed, ["Glassware", "slugs"])[0])

    found = {varied(seed) for seed in range(20)}
    assert texts(session) in found  # by chance neither word is another
    both = next(text for text in found if "Ulan" not in text and "Bator" not in text)
    assert both == re.sub("Ulan|Bator", "Glassware", texts(session)).replace("ULAN", "GLASSWARE")


def test_words_of_the_catalog_and_the_system_prompt_and_codes_stay(make_session) -> None:
    plain = make_session("t/0", "Clock Town ABCDE")  # the catalog has a tool of that name
    data = plain.model_dump(mode="json", by_alias=True)
    data["messages"][0:0] = [{"role": "system", "content": "You work for the town."}]
    for call in data["calls"]:
        call["at"] += 1
    prompted = Session.model_validate(data)
    assert vary_words([prompted], 1.0, 3, WORDS) == [prompted]


def test_what_json_is_written_in_stays(make_session) -> None:
    data = make_session("t/0", "true or false or null").model_dump(mode="json", by_alias=True)
    data["messages"][1]["tool_calls"][0]["function"]["arguments"] = '{"city": [true, false, null]}'
    session = Session.model_validate(data)
    assert vary_words([session], 1.0, 3, WORDS) == [session]


def test_so_large_a_share_is_varied_and_which_is_a_matter_of_session_and_seed(make_session) -> None:
    many = [make_session(f"t/{index}", "Bern Thun Chur Zermatt Locarno") for index in range(200)]
    half = vary_words(many, 0.5, 1, WORDS)
    changed = [before != after for before, after in zip(many, half, strict=True)]
    assert 70 < sum(changed) < 120
    assert vary_words(many[::-1], 0.5, 1, WORDS) == half[::-1]
    assert vary_words(many, 0.5, 2, WORDS) != half
    assert vary_words(many, 0.0, 1, WORDS) == many


@pytest.mark.parametrize("family", ["chain", "extraction", "rag", "sql", "dialogue"])
def test_generated_sessions_stay_what_their_own_expectations_call_right(family) -> None:
    sessions = list(generate(family, n=40, seed=2, split="train"))
    varied = vary_words(sessions, 1.0, 1, WORDS)
    assert sum(before != after for before, after in zip(sessions, varied, strict=True)) >= 20
    for before, after in zip(sessions, varied, strict=True):
        assert after.tools == before.tools
        assert len(after.calls) == len(before.calls)
        for call in after.calls:
            message = after.messages[call.at]
            made = [each.function for each in message.tool_calls or ()]
            said = [f'{{"name": "{each.name}", "arguments": {each.arguments}}}' for each in made]
            text = (message.content or "") + "".join(f"<tool_call>\n{each}\n</tool_call>" for each in said)
            score = score_call(text, "stop", after, call, "hermes")
            assert score is not None
            assert score.args_ok, (after.id, score.detail)


def test_words_of_validation_and_test_sessions_are_not_taught_and_those_of_train_alone_are() -> None:
    train = ["borrower", "Kilometers", "harvests", "riesling"]
    held_out = ["exhibits", "Household", "adoptions", "Rentals"]
    assert teachable([*train, *held_out], 30) == train


def test_the_words_of_a_tokenizer_are_one_token_behind_a_blank_and_more_without(tokenizer) -> None:
    class Words(ChatTokenizer):
        pieces = (
            " Glasgow",
            " falcon",
            "falcon",
            " falc",
            " FALCON",
            " to",
            " na\u00efve",
            "rome",
            " oslo's",
        )
        known = frozenset(pieces)

        def __init__(self) -> None:
            self.vocab_size = len(self.pieces)

        def decode(self, ids):
            return "".join(self.pieces[token] for token in ids)

        def encode(self, text):
            return [0] if text in self.known else [0, 1]

    assert words_of(Words()) == ["Glasgow"]
    assert words_of(tokenizer) == []  # of bytes only
