"""A small catalog, and a byte tokenizer over which a random writer follows a grammar."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterable
from typing import Any

import pytest
from llguidance import LLMatcher, LLTokenizer
from tokenizers import AddedToken, Tokenizer, decoders, pre_tokenizers
from tokenizers.models import BPE

from lab.guided.grammar import lark

BYTES = LLTokenizer("byte")
CATALOG: tuple[tuple[str, dict[str, Any]], ...] = (
    (
        "book_flight",
        {
            "type": "object",
            "properties": {
                "city": {"type": "string"},
                "seat": {"type": "string", "enum": ["aisle", "window"]},
                "bags": {"type": "integer", "minimum": 0, "maximum": 3},
                "day": {"type": "string", "format": "date"},
                "names": {"type": "array", "items": {"type": "string"}, "minItems": 1},
            },
            "required": ["city", "seat"],
        },
    ),
    ("now", {"type": "object", "properties": {}}),
    (
        "insert",
        {
            "type": "object",
            "properties": {"values": {"type": "object", "minProperties": 1}, "weight": {"type": "number"}},
            "required": ["values"],
        },
    ),
)


def tool(name: str, parameters: dict[str, Any]) -> dict[str, Any]:
    return {"type": "function", "function": {"name": name, "parameters": parameters}}


@pytest.fixture(scope="session")
def catalog() -> list[dict[str, Any]]:
    return [tool(name, parameters) for name, parameters in CATALOG]


@pytest.fixture(scope="session")
def schemas() -> dict[str, dict[str, Any]]:
    return dict(CATALOG)


def matcher(family: str, tools: Iterable[dict[str, Any]]) -> LLMatcher:
    made = LLMatcher(BYTES, lark(family, list(tools), {}), log_level=0)
    assert not made.is_error(), made.get_error()
    return made


@pytest.fixture(scope="session")
def byte_tokenizer() -> str:
    """A tokenizer.json of one token a byte, and 256 and 257 for the begin and the end of a turn."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    made = Tokenizer(BPE(vocab={byte: index for index, byte in enumerate(alphabet)}, merges=[]))
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    made.add_special_tokens([AddedToken(text, special=True) for text in ("<|im_start|>", "<|im_end|>")])
    return made.to_str()


@pytest.fixture(scope="session")
def reads(catalog: list[dict[str, Any]]) -> Callable[[str, str], tuple[str, bool]]:
    """`reads(family, text)`: how much of the text the grammar takes, and whether the reply may end there."""
    made = {}

    def read(family: str, text: str) -> tuple[str, bool]:
        if family not in made:
            made[family] = matcher(family, catalog)
        made[family].reset()
        data = text.encode()
        taken = made[family].try_consume_tokens(list(data))
        return data[:taken].decode(errors="replace"), taken == len(data) and made[family].is_accepting()

    return read


def write_at_random(made: LLMatcher, start: str, seed: int, limit: int = 600) -> str | None:
    """A reply that begins with `start` and goes on with random allowed bytes; None if it did not end in time.

    Ends as soon as it may, and prefers the characters that JSON and the marks are made of.
    """
    chance = random.Random(seed)
    made.reset()
    written = bytearray()
    while len(written) < len(start) or not made.is_accepting():
        if len(written) == limit:
            return None
        bits = made.compute_bitmask()
        allowed = [byte for byte in range(256) if bits[byte // 8] >> byte % 8 & 1]
        likely = [byte for byte in allowed if chr(byte) in '"}],:x{[<>/0123456789.eE-']
        byte = chance.choice(likely if likely and chance.random() < 0.9 else allowed)
        if len(written) < len(start):
            byte = ord(start[len(written)])
        assert made.consume_token(byte)
        written.append(byte)
    return written.decode()


def dumped(name: str, key: str = "arguments", **arguments: object) -> str:
    return json.dumps({"name": name, key: arguments}, ensure_ascii=False)
