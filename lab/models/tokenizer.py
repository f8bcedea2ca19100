"""Chat messages to token ids and back, for any model folder that carries a tokenizer and a chat template."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from copy import copy
from pathlib import Path
from typing import Any

from jinja2 import TemplateError
from transformers import AutoTokenizer

from lab.errors import UserError

Messages = Sequence[dict[str, Any]]
"""Chat messages, or tools, in the shapes of the OpenAI chat-completions API."""


class ChatTokenizer:
    """A model's tokenizer with its chat template; special tokens are part of the text in both directions.

    Attributes:
        stop_ids: the tokens that end a turn.
        vocab_size: the number of tokens, added ones included; the model's embedding may be padded beyond it.
    """

    def __init__(self, tokenizer: Any, stop_ids: frozenset[int]):
        self._tokenizer = tokenizer
        self.stop_ids = stop_ids
        self.vocab_size: int = len(tokenizer)

    @classmethod
    def load(cls, path: Path) -> ChatTokenizer:
        """The tokenizer of a model folder; nothing is downloaded and no code of the folder is run.

        Raises:
            UserError: no readable tokenizer, no chat template, or no token that ends a turn.
        """
        try:
            tokenizer = AutoTokenizer.from_pretrained(path, local_files_only=True)
        except (OSError, ValueError, KeyError, ImportError) as error:
            raise UserError(
                f"tokenizer in {path}", got=_first_line(error), expected="tokenizer.json"
            ) from None
        if not tokenizer.chat_template:
            raise UserError(
                f"tokenizer in {path}",
                got="no chat template",
                expected="chat_template.jinja, or chat_template in tokenizer_config.json",
                hint="A base model has none; choose its instruction-tuned variant.",
            )
        stop_ids = _stop_ids(path, tokenizer)
        if not stop_ids:
            raise UserError(
                f"tokenizer in {path}", got="no end-of-turn token", expected="eos_token_id in config.json"
            )
        return cls(tokenizer, stop_ids)

    def render(self, messages: Messages, tools: Messages, *, add_generation_prompt: bool = True) -> str:
        """The prompt's text.

        Raises:
            UserError: the template refuses the messages, or recorded arguments are no JSON object.
        """
        try:
            text: str = self._tokenizer.apply_chat_template(
                [_for_template(message, index) for index, message in enumerate(messages)],
                tools=list(tools) or None,
                add_generation_prompt=add_generation_prompt,
                tokenize=False,
            )
        except (TemplateError, TypeError, ValueError, KeyError) as error:
            raise UserError(
                "the model's chat template does not take these messages",
                got=_first_line(error),
                hint="Some templates want strictly alternating roles, no system turn or no tools.",
            ) from None
        return text

    def encode_prompt(self, messages: Messages, tools: Messages) -> list[int]:
        """The token ids of `render`'s text with the generation prompt; raises as it does."""
        return self.encode(self.render(messages, tools))

    def serialized(self) -> str:
        """The tokenizer as the tokenizers library writes it to tokenizer.json, added tokens included.

        Raises:
            UserError: it is not one of that library's.
        """
        if not self._tokenizer.is_fast:
            raise UserError(
                "tokenizer",
                got=type(self._tokenizer).__name__,
                expected="one that the tokenizers library runs",
                hint="Convert it to a tokenizer.json.",
            )
        backend = copy(self._tokenizer.backend_tokenizer)
        backend.no_padding()
        backend.no_truncation()
        text: str = backend.to_str()
        return text

    def encode(self, text: str) -> list[int]:
        """The token ids of a text, special tokens in it recognised and none added."""
        ids: list[int] = self._tokenizer.encode(text, add_special_tokens=False)
        return ids

    def decode(self, ids: Iterable[int]) -> str:
        """The text of the tokens, special tokens kept, blanks as they are."""
        text: str = self._tokenizer.decode(
            list(ids), skip_special_tokens=False, clean_up_tokenization_spaces=False
        )
        return text

    def ends(self, ids: Sequence[int], text: str) -> tuple[int, ...]:
        """Where the text of each token ends in `text`, that of all; a character belongs to its last token.

        Empty where the texts of the tokens do not add up, as with a tokenizer that drops leading blanks.
        """
        ends: list[int] = []
        start = length = 0
        backend = self._tokenizer.backend_tokenizer
        for index in range(len(ids)):
            piece = backend.decode(ids[start : index + 1], skip_special_tokens=False)
            if not piece.endswith("\ufffd"):
                length, start = length + len(piece), index + 1
            ends.append(length)
        return tuple(ends) if length == len(text) else ()

    def without_stop(self, ids: Sequence[int]) -> list[int]:
        """The tokens before the first one that ends a turn."""
        end = next((index for index, token in enumerate(ids) if token in self.stop_ids), len(ids))
        return list(ids[:end])

    def token_text(self, token: int) -> str:
        """One token for people to read; part of a character is shown in the vocabulary's spelling."""
        text = self.decode([token])
        return text if "\ufffd" not in text else str(self._tokenizer.convert_ids_to_tokens(token))


def _for_template(message: dict[str, Any], index: int) -> dict[str, Any]:
    """Arguments parsed, content present: most templates apply `tojson` to one and concatenate the other."""
    shaped = {**message, "content": message.get("content") or ""}
    if calls := message.get("tool_calls"):
        shaped["tool_calls"] = [_with_arguments(call, index) for call in calls]
    return shaped


def _with_arguments(call: dict[str, Any], index: int) -> dict[str, Any]:
    function = call["function"]
    arguments = function["arguments"]
    if isinstance(arguments, str):
        try:
            arguments = json.loads(arguments)
        except json.JSONDecodeError:
            arguments = None
        if not isinstance(arguments, dict):
            raise UserError(
                f"messages[{index}]: arguments of the tool call {function['name']!r}",
                got=function["arguments"],
                expected="a JSON object",
            )
    return {**call, "function": {**function, "arguments": arguments}}


def _stop_ids(path: Path, tokenizer: Any) -> frozenset[int]:
    """Every end-of-sequence token the folder names, and ChatML's end of turn where the vocabulary has it."""
    found: set[int] = set()
    for name in ("generation_config.json", "config.json"):
        try:
            declared = json.loads((path / name).read_text(encoding="utf-8")).get("eos_token_id")
        except (OSError, ValueError, AttributeError):
            continue
        found.update(declared if isinstance(declared, list) else [declared])
    found.update((tokenizer.eos_token_id, tokenizer.get_added_vocab().get("<|im_end|>")))
    return frozenset(token for token in found if token is not None)


def _first_line(error: BaseException) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]
