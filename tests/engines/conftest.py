"""A tiny random Llama with a byte tokenizer and a chat template: a whole model folder in no time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
import torch
from tokenizers import AddedToken, Tokenizer, decoders, pre_tokenizers
from tokenizers.models import BPE
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast
from transformers.utils import logging

from lab.engines.base import EngineConfig, Prompt
from lab.engines.native import NativeEngine

SPECIAL = ["<|im_start|>", "<|im_end|>"]
VOCABULARY, CONTEXT = 256 + len(SPECIAL), 640
TEMPLATE = """\
{%- if tools %}<|im_start|>tools
{% for tool in tools %}{{ tool | tojson }}
{% endfor %}<|im_end|>
{% endif %}
{%- for message in messages %}<|im_start|>{{ message.role }}
{{ message.content }}<|im_end|>
{% endfor %}
{%- if add_generation_prompt %}<|im_start|>assistant
{% endif %}"""


def write_model(path: Path) -> None:
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    model = Tokenizer(BPE(vocab={byte: index for index, byte in enumerate(alphabet)}, merges=[]))
    model.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    model.decoder = decoders.ByteLevel()
    model.add_special_tokens([AddedToken(text, special=True) for text in SPECIAL])
    PreTrainedTokenizerFast(
        tokenizer_object=model, eos_token="<|im_end|>", chat_template=TEMPLATE
    ).save_pretrained(path)
    logging.disable_progress_bar()
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=VOCABULARY,
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=CONTEXT,
        tie_word_embeddings=False,
        eos_token_id=257,
        # Wide enough for the next token to depend on all the tokens before it.
        initializer_range=0.25,
    )
    LlamaForCausalLM(config).save_pretrained(path)


@pytest.fixture(scope="session")
def model_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("engine") / "tiny"
    write_model(path)
    return path


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Matrices this small gain nothing from a second thread, and on a busy machine they wait for it."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def engine(model_folder: Path) -> Callable[..., NativeEngine]:
    """`engine(speculation)` is a fresh engine in float32 that never stops by itself: the end-of-turn token of
    a random model comes at random."""

    def make(speculation: str = "none", **options: object) -> NativeEngine:
        config = {"precision": "fp32", "speculation": speculation} | options
        made = NativeEngine(EngineConfig(model=model_folder, **config))  # type: ignore[arg-type]
        made.tokenizer.stop_ids = frozenset()
        return made

    return make


@pytest.fixture
def of_tokens(monkeypatch: pytest.MonkeyPatch) -> Callable[[NativeEngine], Callable[[Sequence[int]], Prompt]]:
    """`of_tokens(engine)` lets an engine take token ids for prompts, and makes such prompts."""

    def of(engine: NativeEngine) -> Callable[[Sequence[int]], Prompt]:
        monkeypatch.setattr(
            engine.tokenizer, "encode_prompt", lambda messages, _: [m["id"] for m in messages]
        )
        return lambda ids: Prompt([{"id": token} for token in ids], [])

    return of


@pytest.fixture(scope="session")
def prompt() -> Callable[..., Prompt]:
    """`prompt(text, ..)` is a conversation of these texts, user and assistant in turn."""

    def make(*texts: str) -> Prompt:
        roles = ("user", "assistant")
        return Prompt([{"role": roles[i % 2], "content": text} for i, text in enumerate(texts)], [])

    return make
