from __future__ import annotations

import pytest

from lab.errors import UserError
from lab.models.examples import Example, collect, examples_of
from lab.models.tokenizer import ChatTokenizer
from lab.replay import prompt_of
from lab.session import Session

WEATHER_CALL = '<tool_call>\n{"name": "weather", "arguments": {"city": "Oslo"}}\n</tool_call><|im_end|>'


def learnt_texts(example: Example, tokenizer: ChatTokenizer) -> list[str]:
    """The text of every run of learnt tokens."""
    texts, run = [], []
    for token, learn in zip([*example.ids.tolist(), 0], [*example.learn.tolist(), False], strict=True):
        if learn:
            run.append(token)
        elif run:
            texts.append(tokenizer.decode(run))
            run = []
    return texts


def prompts(session: Session, tokenizer: ChatTokenizer) -> list[list[int]]:
    """What the engines encode at each call."""
    found = []
    for call in session.calls:
        prompt = prompt_of(session, call)
        found.append(tokenizer.encode_prompt(prompt.messages, prompt.tools))
    return found


def test_the_replies_of_calls_with_their_end_of_turn_are_learnt_and_nothing_else(
    make_session, tokenizer
) -> None:
    (example,) = examples_of(make_session("t/0", "Oslo"), tokenizer)
    # "Welcome" is an assistant message too, but no call.
    assert learnt_texts(example, tokenizer) == [WEATHER_CALL, "Rain in Oslo.<|im_end|>", "Bye<|im_end|>"]
    assert "Welcome" in tokenizer.decode(example.ids.tolist())


def test_the_tokens_of_replies_that_call_nothing_are_marked(make_session, tokenizer) -> None:
    (example,) = examples_of(make_session("t/0", "Oslo"), tokenizer)
    assert tokenizer.decode(example.ids[example.text].tolist()) == "Rain in Oslo.<|im_end|>Bye<|im_end|>"
    begins = [tokenizer.decode([token]) for token in example.ids[example.begins()].tolist()]
    assert begins == ["<", "R", "B"]
    other, _ = examples_of(make_session("t/0", "Oslo", visible=("clock",)), tokenizer)
    assert not other.text.any()


def test_before_every_reply_stand_the_tokens_the_engine_would_be_prompted_with(
    make_session, tokenizer
) -> None:
    session = make_session("t/0", "Oslo")
    (example,) = examples_of(session, tokenizer)
    ids, learn = example.ids.tolist(), example.learn.tolist()
    starts = [place for place in range(len(ids)) if learn[place] and not learn[place - 1]]
    assert [ids[:start] for start in starts] == prompts(session, tokenizer)
    # And the sequence ends with the last reply: what would follow is never read.
    assert ids[-1] in tokenizer.stop_ids


def test_a_reply_that_would_merge_with_the_prompt_keeps_the_prompts_tokens(make_session, tokenizer) -> None:
    session = make_session("t/0", "Oslo", reply="\nRain.")
    first, second = examples_of(session, tokenizer)
    # In the history of the last call the line breaks are one token, so that prompt is no continuation.
    assert learnt_texts(first, tokenizer) == [WEATHER_CALL, "\nRain.<|im_end|>"]
    assert learnt_texts(second, tokenizer) == ["Bye<|im_end|>"]
    expected = prompts(session, tokenizer)
    assert first.ids.tolist()[: len(expected[1])] == expected[1]
    assert second.ids.tolist()[: len(expected[2])] == expected[2]


def test_other_visible_tools_begin_another_sequence(make_session, tokenizer) -> None:
    session = make_session("t/0", "Oslo", visible=("clock",))
    first, second = examples_of(session, tokenizer)
    assert learnt_texts(first, tokenizer) == [WEATHER_CALL]
    assert learnt_texts(second, tokenizer) == ["Rain in Oslo.<|im_end|>", "Bye<|im_end|>"]
    assert "weather\n<|im_end|>" not in tokenizer.decode(second.ids.tolist())


def test_a_session_over_the_limit_is_left_out_whole_and_named(make_session, tokenizer) -> None:
    short, long = make_session("t/short", "Oslo"), make_session("t/long", "Santa Cruz de Tenerife")
    (fits,) = examples_of(short, tokenizer)
    found = collect([long, short], tokenizer, length=len(fits))
    assert found.skipped == ["t/long"]
    assert [example.ids.tolist() for example in found.sequences] == [fits.ids.tolist()]
    assert collect([short], tokenizer, length=len(fits) - 1).skipped == ["t/short"]


class _Thinking(ChatTokenizer):
    """A template that renders a reply otherwise than its generation prompt announces."""

    def render(self, messages, tools, *, add_generation_prompt=True) -> str:
        text = super().render(messages, tools, add_generation_prompt=add_generation_prompt)
        return text if not add_generation_prompt else text + "<think>"


def test_a_template_without_a_place_for_the_reply_is_an_error(make_session, tokenizer) -> None:
    with pytest.raises(
        UserError, match=r"session 't/0': messages\[1\]: got a chat template whose generation"
    ):
        examples_of(make_session("t/0", "Oslo"), _Thinking(tokenizer._tokenizer, tokenizer.stop_ids))


def test_a_reply_without_an_end_of_turn_is_an_error(make_session, tokenizer) -> None:
    endless = ChatTokenizer(tokenizer._tokenizer, frozenset({10_000}))
    with pytest.raises(UserError, match="no end-of-turn token"):
        examples_of(make_session("t/0", "Oslo"), endless)
