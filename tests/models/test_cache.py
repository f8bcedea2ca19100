from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lab.models import cache as cache_module
from lab.models.cache import KVCache
from lab.models.config import DecoderConfig
from lab.precision import KV_PRECISIONS

LAYERS, KV_HEADS, HEAD_DIM = 3, 2, 4


def config(context: int = 64, window: int | None = None) -> DecoderConfig:
    return DecoderConfig(
        architecture="MistralForCausalLM",
        vocabulary=16,
        hidden=16,
        intermediate=16,
        layers=LAYERS,
        heads=4,
        kv_heads=KV_HEADS,
        head_dim=HEAD_DIM,
        norm_eps=1e-5,
        context=context,
        window=window,
        tied=True,
        inv_freq=torch.ones(HEAD_DIM // 2),
        rope_gain=1.0,
    )


def new_cache(
    context: int = 64, window: int | None = None, dtype: torch.dtype = torch.float32, kv: str = "bf16"
) -> KVCache:
    return KVCache(config(context, window), dtype, torch.device("cpu"), kv)


def write(cache: KVCache, marks: list[int]) -> None:
    """One token a mark, as a forward does it: every number of a token's keys is its mark, of its values the
    negative mark, both moved by the layer's index."""
    cache.reserve(len(marks))
    start = cache.length
    for layer in range(LAYERS):
        column = torch.tensor(marks, dtype=torch.float32)[:, None] + layer / 8
        keys = column.expand(KV_HEADS, len(marks), HEAD_DIM)
        cache.write(layer, start, keys, -keys)
    cache.length = start + len(marks)


def held(cache: KVCache) -> list[int]:
    """The marks in the cache, the same in every layer, head and channel."""
    layers = [cache.read(layer, cache.length) for layer in range(LAYERS)]
    keys, values = (torch.stack(parts) for parts in zip(*layers, strict=True))
    marks = keys[0, 0, :, 0]
    shift = (torch.arange(LAYERS) / 8)[:, None, None, None]
    # A row of equal numbers is 127 times its scale: exact but for float32's own rounding.
    assert torch.allclose(keys, (marks[:, None] + shift).expand_as(keys), rtol=1e-6, atol=0)
    assert torch.equal(values, -keys)
    return [round(mark) for mark in marks.tolist()]


@pytest.mark.parametrize("kv", KV_PRECISIONS)
def test_growth_keeps_what_was_written(kv: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache_module, "_BLOCK", 4)
    cache = new_cache(kv=kv)
    for mark in range(1, 31):
        write(cache, [mark])
        assert held(cache) == list(range(1, mark + 1))
    assert cache.keys.shape == cache.values.shape
    assert 30 <= cache.keys.shape[2] <= 64


def test_one_reservation_may_be_larger_than_a_doubling(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache_module, "_BLOCK", 4)
    cache = new_cache()
    write(cache, [1, 2])
    write(cache, list(range(3, 40)))
    assert held(cache) == list(range(1, 40))


def test_a_short_context_takes_no_more_slots_than_it_has() -> None:
    assert new_cache(context=10).keys.shape == (LAYERS, KV_HEADS, 10, HEAD_DIM)


def test_truncated_tokens_are_gone_and_their_slots_used_again() -> None:
    cache = new_cache()
    write(cache, [1, 2, 3, 4])
    cache.truncate(2)
    write(cache, [9])
    assert held(cache) == [1, 2, 9]
    cache.truncate(0)
    assert held(cache) == []


@pytest.mark.parametrize("length", [-1, 4])
def test_truncating_to_what_is_not_there_is_our_own_mistake(length: int) -> None:
    cache = new_cache()
    write(cache, [1, 2, 3])
    with pytest.raises(AssertionError):
        cache.truncate(length)


@pytest.mark.parametrize("kv", KV_PRECISIONS)
@pytest.mark.parametrize("offsets", [[0], [0, 1, 2], [0, 2], [0, 2, 4], [0, 1, 4], [0, 3, 4]], ids=str)
def test_a_kept_path_of_a_tree_moves_together_behind_the_prefix(offsets: list[int], kv: str) -> None:
    cache = new_cache(kv=kv)
    write(cache, [1, 2, 3])
    write(cache, [10, 11, 12, 13, 14])
    cache.keep(3, offsets)
    assert held(cache) == [1, 2, 3, *(10 + offset for offset in offsets)]
    write(cache, [20])
    assert held(cache)[-1] == 20


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 8), st.sets(st.integers(0, 9), min_size=1))
def test_keeping_any_rows_keeps_exactly_those(prefix: int, offsets: set[int]) -> None:
    cache = new_cache()
    write(cache, list(range(1, prefix + 1)))
    write(cache, list(range(50, 60)))
    cache.keep(prefix, sorted(offsets))
    assert held(cache) == [*range(1, prefix + 1), *(50 + offset for offset in sorted(offsets))]


def test_bytes_are_of_keys_and_values_over_all_layers() -> None:
    # 3 layers x 2 heads x 4 numbers x (keys and values) = 48 numbers a token.
    assert new_cache().bytes_per_token == 192
    cache = new_cache(dtype=torch.bfloat16)
    assert cache.bytes_per_token == 96
    write(cache, [1] * 10)
    assert cache.bytes_read(1) == 11 * 96
    assert cache.bytes_read(5) == 15 * 96


def test_8_bit_bytes_are_of_the_codes_and_a_scale_a_row() -> None:
    # 48 codes, and 3 layers x 2 heads x (keys and values) = 12 scales.
    assert new_cache(kv="int8").bytes_per_token == 48 + 12 * 4


@settings(max_examples=50, deadline=None)
@given(st.floats(-30, 30), st.integers(0, 1000))
def test_8_bit_numbers_are_within_half_a_step_of_what_was_written(exponent: float, seed: int) -> None:
    rows = torch.randn(2, KV_HEADS, 5, HEAD_DIM, generator=torch.Generator().manual_seed(seed)) * 2**exponent
    rows[:, 0, 2] = 0
    cache = new_cache(kv="int8")
    cache.write(1, 3, *rows)
    for found, wanted in zip(cache.read(1, 8), rows, strict=True):
        half = wanted.abs().amax(-1, keepdim=True) / 127 / 2
        assert bool(((found[:, 3:] - wanted).abs() <= 1.001 * half).all())
        assert not found[:, :3].any()


@pytest.mark.parametrize("poison", [float("nan"), float("inf")])
def test_what_is_no_number_is_none_in_8_bits(poison: float) -> None:
    rows = torch.ones(2, KV_HEADS, 1, HEAD_DIM)
    rows[0, 1, 0, 2] = poison
    cache = new_cache(kv="int8")
    cache.write(0, 0, *rows)
    keys, values = cache.read(0, 1)
    assert not bool(keys[1].isfinite().all())
    assert torch.equal(keys[0], rows[0, 0])
    assert torch.equal(values, rows[1])


def test_under_a_sliding_window_only_what_some_row_can_see_is_read() -> None:
    cache = new_cache(window=8)
    # Within the window everything is: 3 cached and 2 new.
    write(cache, [1] * 3)
    assert cache.bytes_read(2) == 5 * 192
    # With 20 cached a single row sees 8 tokens, itself included; 4 rows see 8 + 3 between them.
    write(cache, [1] * 17)
    assert cache.bytes_read(1) == 8 * 192
    assert cache.bytes_read(4) == 11 * 192
