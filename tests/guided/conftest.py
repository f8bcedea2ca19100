"""A small catalog and a byte tokenizer."""

from __future__ import annotations

from typing import Any

import pytest
from tokenizers import AddedToken, Tokenizer, decoders, pre_tokenizers
from tokenizers.models import BPE

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


@pytest.fixture(scope="session")
def catalog() -> list[dict[str, Any]]:
    return [
        {"type": "function", "function": {"name": name, "parameters": parameters}}
        for name, parameters in CATALOG
    ]


@pytest.fixture(scope="session")
def schemas() -> dict[str, dict[str, Any]]:
    return dict(CATALOG)


@pytest.fixture(scope="session")
def byte_tokenizer() -> str:
    """A tokenizer.json of one token a byte, and 256 and 257 for the begin and the end of a turn."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    made = Tokenizer(BPE(vocab={byte: index for index, byte in enumerate(alphabet)}, merges=[]))
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    made.add_special_tokens([AddedToken(text, special=True) for text in ("<|im_start|>", "<|im_end|>")])
    return made.to_str()
