"""A tiny random Llama whose tokenizer knows merges over blanks, tools and tool calls, and sessions for it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from tokenizers import AddedToken, Tokenizer, decoders, pre_tokenizers
from tokenizers.models import BPE
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast
from transformers.utils import logging

from lab.models.examples import Example, examples_of
from lab.models.tokenizer import ChatTokenizer
from lab.session import Session
from lab.train.config import AdapterConfig

SPECIAL = ["<|im_start|>", "<|im_end|>"]
TEMPLATE = """\
{%- if tools %}<|im_start|>tools
{% for tool in tools %}{{ tool.function.name }}
{% endfor %}<|im_end|>
{% endif %}
{%- for message in messages %}<|im_start|>{{ message.role }}
{{ message.content }}
{%- for call in message.tool_calls or [] %}<tool_call>
{"name": {{ call.function.name | tojson }}, "arguments": {{ call.function.arguments | tojson }}}
</tool_call>{% endfor %}<|im_end|>
{% endfor %}
{%- if add_generation_prompt %}<|im_start|>assistant
{% endif %}"""


def write_model(path: Path, layers: int = 2) -> None:
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    # A double line break is one token: a reply that begins with one would merge with the generation prompt's.
    vocabulary = {piece: index for index, piece in enumerate([*alphabet, "ĊĊ"])}
    model = Tokenizer(BPE(vocab=vocabulary, merges=[("Ċ", "Ċ")]))
    model.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    model.decoder = decoders.ByteLevel()
    model.add_special_tokens([AddedToken(text, special=True) for text in SPECIAL])
    PreTrainedTokenizerFast(
        tokenizer_object=model, eos_token="<|im_end|>", chat_template=TEMPLATE
    ).save_pretrained(path)
    logging.disable_progress_bar()
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=len(vocabulary) + len(SPECIAL),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=layers,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=640,
        tie_word_embeddings=True,
        eos_token_id=len(vocabulary) + 1,
        initializer_range=0.25,
    )
    LlamaForCausalLM(config).save_pretrained(path)


@pytest.fixture(scope="session")
def model_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("train") / "tiny"
    write_model(path)
    return path


@pytest.fixture(scope="session")
def deep_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """As `model_folder`, with six layers: enough for a head to read three of them."""
    path = tmp_path_factory.mktemp("train") / "deep"
    write_model(path, layers=6)
    return path


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Matrices this small gain nothing from a second thread, and sums keep their order."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def tokenizer(model_folder: Path) -> ChatTokenizer:
    return ChatTokenizer.load(model_folder)


MakeSession = Callable[..., Session]


@pytest.fixture(scope="session")
def make_session() -> MakeSession:
    """`make_session(id, city)`: look up a city, answer, be thanked, reply; the last reply is no call."""

    def make(
        session_id: str, city: str, *, visible: tuple[str, ...] | None = None, reply: str = ""
    ) -> Session:
        arguments = f'{{"city": "{city}"}}'
        function = {"name": "weather", "arguments": arguments}
        tools = [
            {"type": "function", "function": {"name": name, "parameters": {"type": "object"}}}
            for name in ("weather", "clock")
        ]
        return Session.model_validate(
            {
                "schema": "agent-session/1",
                "id": session_id,
                "source": {"name": "test", "license": "MIT"},
                "tools": tools,
                "messages": [
                    {"role": "user", "content": f"Weather in {city}?"},
                    {
                        "role": "assistant",
                        "tool_calls": [{"id": "c", "type": "function", "function": function}],
                    },
                    {"role": "tool", "tool_call_id": "c", "content": "rain"},
                    {"role": "assistant", "content": reply or f"Rain in {city}."},
                    {"role": "user", "content": "Thanks"},
                    {"role": "assistant", "content": "Welcome"},
                    {"role": "user", "content": "Bye"},
                    {"role": "assistant", "content": "Bye"},
                ],
                "calls": [
                    {"at": 1, "max_tokens": 8, "expect": {"kind": "calls", "calls": [{"name": "weather"}]}},
                    {"at": 3, "max_tokens": 8, "tools_visible": visible, "expect": {"kind": "no_call"}},
                    {"at": 7, "max_tokens": 8, "tools_visible": visible, "expect": {"kind": "no_call"}},
                ],
            }
        )

    return make


@pytest.fixture(scope="session")
def examples(make_session: MakeSession, tokenizer: ChatTokenizer) -> list[Example]:
    """Eight sessions of different lengths, one sequence each."""
    cities = [
        "Oslo",
        "Rome",
        "Lima",
        "Ulan Bator",
        "Rio de Janeiro",
        "Santa Cruz de Tenerife",
        "Bern",
        "York",
    ]
    return [
        example
        for index, city in enumerate(cities)
        for example in examples_of(make_session(f"t/{index}", city), tokenizer)
    ]


@pytest.fixture
def config() -> AdapterConfig:
    """Float32, one or two sessions a forward, several forwards a step, three epochs of two steps."""
    return AdapterConfig(
        rank=4, alpha=8, lr=5e-3, length=400, forward_tokens=500, batch_tokens=800, epochs=3, precision="fp32"
    )
