"""A tiny random target, and a tiny random head for it in a folder."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor

from lab.models.config import DecoderConfig
from lab.models.decoder import Decoder, Layer
from lab.precision.dense import Fp32
from lab.speculation.eagle3.checkpoint import default_taps, write_head
from lab.speculation.eagle3.head import HeadConfig

HIDDEN, VOCABULARY, DRAFT, LAYERS = 16, 40, 24, 6

SHAPE = DecoderConfig(
    architecture="LlamaForCausalLM",
    vocabulary=VOCABULARY,
    hidden=HIDDEN,
    intermediate=32,
    layers=LAYERS,
    heads=4,
    kv_heads=2,
    head_dim=4,
    norm_eps=1e-5,
    context=128,
    window=None,
    tied=False,
    inv_freq=1.0 / 10_000.0 ** (torch.arange(0, 4, 2) / 4),
    rope_gain=1.0,
)


def _linear(rows: int, columns: int):
    return Fp32({}).linear(torch.randn(rows, columns) / columns**0.5, None)


@pytest.fixture
def target() -> Decoder:
    torch.manual_seed(1)
    layers = [
        Layer(
            input_norm=torch.ones(HIDDEN),
            qkv=_linear(32, HIDDEN),
            qk_norm=None,
            out=_linear(HIDDEN, 16),
            post_norm=torch.ones(HIDDEN),
            gate_up=_linear(64, HIDDEN),
            down=_linear(HIDDEN, 32),
        )
        for _ in range(LAYERS)
    ]
    return Decoder(
        SHAPE, torch.randn(VOCABULARY, HIDDEN), layers, torch.ones(HIDDEN), _linear(VOCABULARY, HIDDEN)
    )


@pytest.fixture
def head_config() -> HeadConfig:
    draft = dataclasses.replace(SHAPE, vocabulary=DRAFT, layers=1)
    return HeadConfig(
        draft, default_taps(LAYERS), norm_before_residual=False, trained_context=64, layout="EAGLE"
    )


@pytest.fixture
def tensors() -> dict[str, Tensor]:
    """Of the EAGLE layout. Draft ids are the target's even ids, and its last ones."""
    torch.manual_seed(2)

    def weight(rows: int, columns: int) -> Tensor:
        return torch.randn(rows, columns) / columns**0.5

    ids = torch.tensor([*range(0, 32, 2), *range(32, 40)])
    at = "midlayer."
    return {
        "fc.weight": weight(HIDDEN, 3 * HIDDEN),
        f"{at}input_layernorm.weight": torch.rand(HIDDEN) + 0.5,
        f"{at}hidden_norm.weight": torch.rand(HIDDEN) + 0.5,
        f"{at}post_attention_layernorm.weight": torch.rand(HIDDEN) + 0.5,
        f"{at}self_attn.q_proj.weight": weight(16, 2 * HIDDEN),
        f"{at}self_attn.k_proj.weight": weight(8, 2 * HIDDEN),
        f"{at}self_attn.v_proj.weight": weight(8, 2 * HIDDEN),
        f"{at}self_attn.o_proj.weight": weight(HIDDEN, 16),
        f"{at}mlp.gate_proj.weight": weight(32, HIDDEN),
        f"{at}mlp.up_proj.weight": weight(32, HIDDEN),
        f"{at}mlp.down_proj.weight": weight(HIDDEN, 32),
        "norm.weight": torch.rand(HIDDEN) + 0.5,
        "lm_head.weight": weight(DRAFT, HIDDEN) * 2,
        "d2t": ids - torch.arange(DRAFT),
        "t2d": torch.zeros(VOCABULARY, dtype=torch.bool).index_fill(0, ids, True),
    }


@pytest.fixture
def folder(tmp_path: Path, tensors: dict[str, Tensor], head_config: HeadConfig) -> Path:
    write_head(tmp_path / "head", tensors, head_config, VOCABULARY)
    return tmp_path / "head"


@pytest.fixture
def read(target: Decoder) -> Callable[[list[int]], Tensor]:
    """The target's features of a sequence, [tokens, 3 * hidden]."""
    from lab.models.decoder import Taps

    def features(tokens: list[int]) -> Tensor:
        taps = Taps(default_taps(LAYERS))
        target.forward(torch.tensor(tokens), target.new_cache(), taps=taps)
        return taps.take()

    return features
