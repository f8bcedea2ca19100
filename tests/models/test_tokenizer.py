from __future__ import annotations

import json
from importlib import resources
from pathlib import Path
from typing import Any

import pytest
from tokenizers import AddedToken, Tokenizer, decoders, pre_tokenizers
from tokenizers.models import BPE
from tokenizers.trainers import BpeTrainer
from transformers import PreTrainedTokenizerFast

from lab.errors import UserError
from lab.models.tokenizer import ChatTokenizer
from lab.session import Session, parse_sessions

TEMPLATE = (resources.files("lab.zoo") / "smollm2.jinja").read_text(encoding="utf-8")
SPECIAL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
TOOL = {
    "type": "function",
    "function": {"name": "weather", "parameters": {"type": "object", "properties": {}}},
}
TEXT = 'You can call these: <tool_call>\n{"name": "weather", "arguments": {"city": "Oslo"}}\n\n12  34\n'


def make_folder(path: Path, *, template: str | None = TEMPLATE, config: dict[str, Any] | None = None) -> Path:
    """A byte-level BPE with some merges and ChatML's special tokens."""
    model = Tokenizer(BPE())
    model.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    model.decoder = decoders.ByteLevel()
    trainer = BpeTrainer(
        vocab_size=340,
        show_progress=False,
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        special_tokens=[AddedToken(text, special=True) for text in SPECIAL],
    )
    model.train_from_iterator([TEXT] * 4, trainer)
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=model, bos_token="<|im_start|>", eos_token="<|endoftext|>", chat_template=template
    )
    tokenizer.save_pretrained(path)
    (path / "config.json").write_text(json.dumps({"model_type": "llama"} | (config or {})))
    return path


@pytest.fixture(scope="module")
def chat(tmp_path_factory: pytest.TempPathFactory) -> ChatTokenizer:
    return ChatTokenizer.load(make_folder(tmp_path_factory.mktemp("tokenizer")))


def recorded(arguments: str) -> list[dict[str, Any]]:
    call = {"id": "c", "type": "function", "function": {"name": "weather", "arguments": arguments}}
    return [
        {"role": "user", "content": "Oslo?"},
        {"role": "assistant", "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "c", "content": "rain"},
    ]


def authored_sessions() -> list[Session]:
    folder = resources.files("lab.scenarios") / "sessions"
    files = [file for file in folder.iterdir() if file.name.endswith(".jsonl")] if folder.is_dir() else []
    return [
        s for file in files for s in parse_sessions(file.read_text(encoding="utf-8").splitlines(), file.name)
    ]


def test_text_survives_the_round_trip_with_special_tokens_as_single_tokens(chat: ChatTokenizer) -> None:
    for text in (TEXT, "<|im_start|>user\n Grüße , 你好 🙂 .<|im_end|>\n", "  a\t\n\n b n't ", ""):
        assert chat.decode(chat.encode(text)) == text
    assert chat.encode("<|im_start|><|im_end|>") == [1, 2]
    assert chat.encode("") == []


def test_recorded_arguments_reach_the_template_as_an_object(chat: ChatTokenizer) -> None:
    text = chat.decode(chat.encode_prompt(recorded('{ "city":"Oslo" }'), [TOOL]))
    assert '<tool_call>\n{"name": "weather", "arguments": {"city": "Oslo"}}\n</tool_call><|im_end|>' in text
    assert text.endswith("<|im_start|>assistant\n")
    assert "<tools>\n" in text


def test_rendering_leaves_the_messages_as_they_were(chat: ChatTokenizer) -> None:
    messages = recorded('{"city": "Oslo"}')
    chat.render(messages, [])
    assert messages == recorded('{"city": "Oslo"}')


def test_without_tools_the_prompt_names_none(chat: ChatTokenizer) -> None:
    assert "<tools>" not in chat.render(recorded("{}"), [])


def test_the_generation_prompt_can_be_left_out(chat: ChatTokenizer) -> None:
    assert chat.render(recorded("{}"), [], add_generation_prompt=False).endswith(
        "</tool_response><|im_end|>\n"
    )


@pytest.mark.parametrize("arguments", ["{broken", "[1]", '"text"'])
def test_arguments_that_are_no_object_are_refused_with_their_place(
    chat: ChatTokenizer, arguments: str
) -> None:
    with pytest.raises(UserError, match=r"messages\[1\].*'weather'.*expected a JSON object"):
        chat.encode_prompt(recorded(arguments), [])


def test_what_the_template_raises_is_told_in_one_sentence(tmp_path: Path) -> None:
    template = "{{ raise_exception('roles must alternate') }}"
    chat = ChatTokenizer.load(make_folder(tmp_path, template=template))
    with pytest.raises(
        UserError, match="chat template does not take these messages: got roles must alternate"
    ):
        chat.encode_prompt(recorded("{}"), [])


def test_templates_that_concatenate_content_take_messages_without_any(tmp_path: Path) -> None:
    template = "{% for m in messages %}{{ m['role'] + ':' + m['content'] + '\n' }}{% endfor %}"
    chat = ChatTokenizer.load(make_folder(tmp_path, template=template))
    assert chat.render(recorded("{}"), []) == "user:Oslo?\nassistant:\ntool:rain\n"


def test_a_model_without_a_chat_template_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no chat template"):
        ChatTokenizer.load(make_folder(tmp_path, template=None))


def test_a_folder_without_a_tokenizer_is_refused(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"model_type": "llama"}')
    with pytest.raises(UserError, match="tokenizer in"):
        ChatTokenizer.load(tmp_path)


def test_stop_tokens_are_gathered_from_everything_that_declares_one(
    chat: ChatTokenizer, tmp_path: Path
) -> None:
    assert chat.stop_ids == {0, 2}
    folder = make_folder(tmp_path, config={"eos_token_id": 7})
    (folder / "generation_config.json").write_text('{"eos_token_id": [8, 9]}')
    assert ChatTokenizer.load(folder).stop_ids == {0, 2, 7, 8, 9}


def test_tokens_from_the_first_stop_on_are_dropped(chat: ChatTokenizer) -> None:
    assert chat.without_stop([5, 6, 2, 7, 0]) == [5, 6]
    assert chat.without_stop([5, 6]) == [5, 6]
    assert chat.without_stop([2]) == []


def test_one_token_is_shown_readably(chat: ChatTokenizer) -> None:
    assert chat.token_text(2) == "<|im_end|>"
    assert [chat.token_text(token) for token in chat.encode(" a")] == [" ", "a"]
    assert "\ufffd" not in "".join(chat.token_text(token) for token in chat.encode("🙂"))


def test_the_vocabulary_counts_added_tokens(tmp_path: Path) -> None:
    folder = make_folder(tmp_path)
    before = ChatTokenizer.load(folder).vocab_size
    assert before == Tokenizer.from_file(str(folder / "tokenizer.json")).get_vocab_size()
    tokenizer = PreTrainedTokenizerFast.from_pretrained(folder)
    tokenizer.add_tokens(["<added>"])
    tokenizer.save_pretrained(folder)
    assert ChatTokenizer.load(folder).vocab_size == before + 1


def test_replies_that_begin_with_a_digit_or_a_blank_keep_the_prompt_a_token_prefix(
    chat: ChatTokenizer,
) -> None:
    for content in ("12 degrees", "\n\nRain", "  Rain", "<tool_call>", "ok"):
        messages = [
            *recorded("{}"),
            {"role": "assistant", "content": content},
            {"role": "user", "content": "?"},
        ]
        early, late = chat.encode_prompt(messages[:3], [TOOL]), chat.encode_prompt(messages, [TOOL])
        assert late[: len(early)] == early


@pytest.mark.parametrize("session", authored_sessions(), ids=lambda session: session.id)
def test_in_every_authored_session_prompts_only_grow_at_the_end(
    chat: ChatTokenizer, session: Session
) -> None:
    before: list[int] = []
    for call in session.calls:
        prompt = chat.encode_prompt(session.history(call), session.catalog(call))
        if call.tools_visible is None:
            assert prompt[: len(before)] == before
            before = prompt
