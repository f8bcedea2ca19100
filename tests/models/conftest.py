"""Tiny random checkpoints, written by transformers' own model classes, which they are also held to."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from transformers.utils import logging

from lab.models.checkpoint import load_decoder
from lab.models.decoder import Decoder
from lab.precision.base import load_precision

VOCABULARY, CONTEXT = 96, 128
SHAPE = {
    "vocab_size": VOCABULARY,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": CONTEXT,
    # Wide enough for attention to matter: with the usual 0.02 every position predicts much the same.
    "initializer_range": 0.3,
}


def save_model(path: Path, family: str, **overrides: Any) -> Any:
    """Write a random checkpoint of `family` (Llama, Qwen2, ..) to `path`; the model itself, in float32."""
    logging.disable_progress_bar()
    torch.manual_seed(0)
    config = getattr(transformers, f"{family}Config")(**SHAPE | overrides)
    model = getattr(transformers, f"{family}ForCausalLM")(config).eval()
    for parameter in model.parameters():
        if parameter.dim() == 1:  # norms and biases start as ones and zeros, which would hide them
            torch.nn.init.normal_(parameter, 0.8, 0.3)
    model.save_pretrained(path)
    return model


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Matrices this small gain nothing from a second thread, and on a busy machine they wait for it."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def save() -> Callable[..., Any]:
    return save_model


@pytest.fixture(scope="session")
def llama(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint for whoever does not write to it."""
    path = tmp_path_factory.mktemp("llama") / "tiny-llama"
    save_model(path, "Llama", tie_word_embeddings=True)
    return path


@pytest.fixture(scope="session")
def load() -> Callable[..., Decoder]:
    def load(path: Path, precision: str = "fp32") -> Decoder:
        return load_decoder(path, load_precision(precision, {}), torch.device("cpu"))

    return load
