from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensorMode

from lab.models.config import DecoderConfig
from lab.models.decoder import Decoder, Layer
from lab.precision.base import load_precision

ROPE = {"rope_theta": 10000.0, "original_max_position_embeddings": 32}
LLAMA3 = {"rope_type": "llama3", "factor": 4.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0}
FAMILIES: dict[str, tuple[str, dict[str, Any]]] = {
    "llama tied": ("Llama", {"tie_word_embeddings": True}),
    "llama untied": ("Llama", {"tie_word_embeddings": False}),
    "llama with biases": ("Llama", {"attention_bias": True, "mlp_bias": True}),
    "llama with a key head per query head": ("Llama", {"num_key_value_heads": 4}),
    "llama with one key head": ("Llama", {"num_key_value_heads": 1}),
    "llama with wide heads": ("Llama", {"head_dim": 24}),
    "llama with its own eps and theta": (
        "Llama",
        {"rms_norm_eps": 0.05, "rope_parameters": {"rope_type": "default", "rope_theta": 77.0}},
    ),
    "rope linear": ("Llama", {"rope_parameters": ROPE | {"rope_type": "linear", "factor": 2.0}}),
    "rope llama3": ("Llama", {"rope_parameters": ROPE | LLAMA3}),
    "rope yarn": ("Qwen2", {"rope_parameters": ROPE | {"rope_type": "yarn", "factor": 4.0}}),
    "qwen2 with q, k, v biases": ("Qwen2", {"tie_word_embeddings": False}),
    "qwen2 tied": ("Qwen2", {"tie_word_embeddings": True}),
    "qwen3 with q and k norms": ("Qwen3", {"head_dim": 16}),
    "qwen3 tied, narrow heads": ("Qwen3", {"head_dim": 8, "tie_word_embeddings": True}),
    "mistral": ("Mistral", {"sliding_window": None}),
    "mistral, window 8": ("Mistral", {"sliding_window": 8, "head_dim": 8}),
    "qwen2, window 8": (
        "Qwen2",
        {"sliding_window": 8, "use_sliding_window": True, "max_window_layers": 0},
    ),
}
TOKENS = torch.randint(0, 96, (48,), generator=torch.Generator().manual_seed(1))


def assert_near(got: Tensor, expected: Tensor) -> None:
    torch.testing.assert_close(got, expected, rtol=0, atol=1e-4)


@pytest.mark.parametrize(("family", "overrides"), FAMILIES.values(), ids=FAMILIES.keys())
def test_logits_are_those_of_transformers(
    save: Callable[..., Any],
    load: Callable[..., Decoder],
    tmp_path: Path,
    family: str,
    overrides: dict[str, Any],
) -> None:
    model = save(tmp_path, family, **overrides)
    with torch.no_grad():
        expected = model(TOKENS[None]).logits[0]
    assert expected.std() > 0.3
    decoder = load(tmp_path)
    assert_near(decoder.forward(TOKENS, decoder.new_cache()), expected)
    # In pieces, with single rows and prompts of every kind: within the window, across it, beyond it.
    cache, pieces = decoder.new_cache(), TOKENS.split([5, 1, 1, 1, 1, 2, 1, 20, 1, 15])
    assert_near(torch.cat([decoder.forward(piece, cache) for piece in pieces]), expected)
    assert cache.length == len(TOKENS)


def mistral(
    save: Callable[..., Any], load: Callable[..., Decoder], path: Path, window: int | None
) -> Decoder:
    save(path, "Mistral", sliding_window=window)
    return load(path)


@pytest.mark.parametrize("window", [None, 4])
@pytest.mark.parametrize("context", [1, 13])
def test_rows_of_a_tree_see_what_they_would_see_in_chains_of_their_own(
    save: Callable[..., Any], load: Callable[..., Decoder], tmp_path: Path, window: int | None, context: int
) -> None:
    decoder = mistral(save, load, tmp_path, window)
    # root -> 1 -> 3 -> 5, root -> 2 -> 4; rows are not in the order of the branches.
    parents = [None, 0, 0, 1, 2, 3]
    paths: list[list[int]] = []
    for row, parent in enumerate(parents):
        paths.append([*([] if parent is None else paths[parent]), row])
    depths = torch.tensor([len(path) - 1 for path in paths])
    visible = torch.zeros(6, 6, dtype=torch.bool)
    for row, path in enumerate(paths):
        visible[row, path] = True
    prefix, nodes = TOKENS[:context], TOKENS[20:26]

    cache = decoder.new_cache()
    decoder.forward(prefix, cache)
    tree = decoder.forward(nodes, cache, depths=depths, visible=visible)
    for row, path in enumerate(paths):
        alone = decoder.new_cache()
        chain = decoder.forward(torch.cat((prefix, nodes[path])), alone)
        assert_near(tree[row], chain[-1])
    # The accepted path moves together and the sequence goes on as if it had never branched.
    cache.keep(context, paths[5])
    on_branch = decoder.forward(TOKENS[30:31], cache)
    chain = decoder.forward(torch.cat((prefix, nodes[paths[5]], TOKENS[30:31])), decoder.new_cache())
    assert_near(on_branch[-1], chain[-1])


def test_the_last_row_alone_is_the_last_of_all_rows(llama: Path, load: Callable[..., Decoder]) -> None:
    decoder = load(llama)
    every = decoder.forward(TOKENS, decoder.new_cache())
    last = decoder.forward(TOKENS, decoder.new_cache(), last_only=True)
    assert last.shape == (1, 96)
    assert_near(last, every[-1:])


def test_truncating_the_cache_and_going_on_is_as_never_having_gone_there(
    llama: Path, load: Callable[..., Decoder]
) -> None:
    decoder = load(llama)
    cache = decoder.new_cache()
    decoder.forward(TOKENS[:30], cache)
    cache.truncate(10)
    expected = decoder.forward(TOKENS[:20], decoder.new_cache())[10:]
    assert_near(decoder.forward(TOKENS[10:20], cache), expected)


def test_a_sequence_may_fill_the_context_to_the_last_position(
    llama: Path, load: Callable[..., Decoder], save: Callable[..., Any], tmp_path: Path
) -> None:
    decoder = load(llama)
    full = torch.arange(decoder.config.context) % 96
    cache = decoder.new_cache()
    decoder.forward(full[:-1], cache)
    with torch.no_grad():
        expected = save(tmp_path, "Llama", tie_word_embeddings=True)(full[None]).logits[0, -1]
    assert_near(decoder.forward(full[-1:], cache)[0], expected)


@pytest.mark.parametrize(("precision", "loss"), [("bf16", 0.05), ("rtn-w4", 0.6)])
def test_other_precisions_stay_near_float32(
    save: Callable[..., Any], load: Callable[..., Decoder], tmp_path: Path, precision: str, loss: float
) -> None:
    save(tmp_path, "Qwen3", hidden_size=64, intermediate_size=128, head_dim=16, initializer_range=0.1)
    exact = load(tmp_path)
    decoder = load(tmp_path, precision)
    expected = exact.forward(TOKENS, exact.new_cache())
    got = decoder.forward(TOKENS, decoder.new_cache())
    assert got.dtype == torch.float32
    assert (got - expected).norm() <= loss * expected.norm()


def test_bytes_are_counted_as_stored(
    save: Callable[..., Any], load: Callable[..., Decoder], tmp_path: Path
) -> None:
    # hidden 64, intermediate 128, 4 heads and 2 key heads of 16, 2 layers, 96 tokens.
    save(tmp_path, "Qwen3", hidden_size=64, intermediate_size=128, head_dim=16, tie_word_embeddings=False)
    # qkv (64 + 2 * 32) x 64, out 64 x 64, gate and up 2 x 128 x 64, down 64 x 128.
    matrices = 8192 + 4096 + 16384 + 8192
    # Two norms of 64, and the per-head gains, kept once per head: (4 + 2) x 16.
    norms = 64 + 64 + 96
    table = 96 * 64
    layers, final = 2, 64
    for precision, per_weight, per_number in (
        ("fp32", 4.0, 4),
        ("bf16", 2.0, 2),
        ("rtn-w4", 0.5 + 2 / 64, 2),
    ):
        decoder = load(tmp_path, precision)
        read = layers * (matrices * per_weight + norms * per_number) + (final + table) * per_number
        assert decoder.forward_bytes(0) == read
        assert decoder.forward_bytes(5) == read + 5 * 64 * per_number
        assert decoder.stored_bytes == read + table * per_number


def test_a_tied_table_is_stored_once(
    save: Callable[..., Any], load: Callable[..., Decoder], tmp_path: Path
) -> None:
    save(tmp_path, "Llama", tie_word_embeddings=True)
    decoder = load(tmp_path)
    assert decoder.stored_bytes == decoder.forward_bytes(0)


def test_everything_a_forward_makes_is_on_the_decoder_s_device() -> None:
    """Fake tensors refuse to mix devices without computing anything; `meta` stands for the accelerator, since
    a torch built without CUDA cannot index CUDA tensors even when they are fake."""
    with FakeTensorMode():
        decoder = _decoder_on("meta")
        cache = decoder.new_cache()
        tokens = torch.zeros(12, dtype=torch.int64, device="meta")
        prefill = decoder.forward(tokens, cache)
        plain = decoder.forward(tokens[:1], cache)
        depths = torch.arange(3, device="meta")
        visible = torch.ones(3, 3, dtype=torch.bool, device="meta")
        tree = decoder.forward(tokens[:3], cache, depths=depths, visible=visible)
        made = (prefill, plain, tree, cache.keys, cache.values)
        assert {tensor.device.type for tensor in made} == {"meta"}
        assert cache.length == 16


def _decoder_on(device: str) -> Decoder:
    config = DecoderConfig(
        architecture="MistralForCausalLM",
        vocabulary=96,
        hidden=32,
        intermediate=48,
        layers=2,
        heads=4,
        kv_heads=2,
        head_dim=8,
        norm_eps=1e-5,
        context=64,
        window=8,
        tied=True,
        inv_freq=torch.ones(4),  # on the CPU, as the configuration keeps it
        rope_gain=1.0,
    )
    precision = load_precision("fp32", {})

    def random(*shape: int) -> Tensor:
        return torch.randn(shape, device=device)

    layers = [
        Layer(
            input_norm=random(32),
            qkv=precision.linear(random(64, 32), random(64)),
            qk_norm=random(6, 8),
            out=precision.linear(random(32, 32), None),
            post_norm=random(32),
            gate_up=precision.linear(random(96, 32), None),
            down=precision.linear(random(32, 48), None),
        )
        for _ in range(2)
    ]
    table = random(96, 32)
    return Decoder(config, table, layers, random(32), precision.head(table))
