"""The Triton source of op `tree_attention`; importing it takes Triton."""

# mypy: ignore-errors
# ruff: noqa: N803

from __future__ import annotations

import triton
import triton.language as tl

from lab.kernels.triton_product import product


@triton.jit
def attend_to_share(
    queries,
    keys,
    values,
    key_scales,
    value_scales,
    allowed,
    first,
    most,
    sums,
    mixed,
    rows,
    stop,
    recent,
    heads,
    head_stride,
    slots,
    scale,
    SIZE: tl.constexpr,
    GROUP: tl.constexpr,
    SCALED: tl.constexpr,
    SHARE: tl.constexpr,
    BLOCK_QUERIES: tl.constexpr,
    BLOCK_SLOTS: tl.constexpr,
    WIDE: tl.constexpr,
):
    """What a block of one key head's queries see in one share of the slots.

    Queries [rows, heads, SIZE] bf16; keys and values [kv_heads, slots, SIZE], bf16 or, if SCALED, int8 with
    scales [kv_heads, slots]; allowed [rows, recent] of the last `recent` slots before `stop`; first [rows],
    the first slot that a row may see. Written are, float32 [shares, rows, heads] and the last with SIZE
    behind: the largest score, the weights' sum, the weighted values.
    """
    head, share = tl.program_id(0), tl.program_id(1)
    query = tl.program_id(2) * BLOCK_QUERIES + tl.arange(0, BLOCK_QUERIES)
    row, mine = query // GROUP, query < rows * GROUP
    place = row * heads + head * GROUP + query % GROUP
    within = tl.arange(0, SIZE)
    q = tl.load(queries + place[:, None] * SIZE + within[None, :], mask=mine[:, None], other=0.0)
    earliest = tl.load(first + row, mask=mine, other=0)
    base = stop - recent
    largest = tl.full((BLOCK_QUERIES,), float("-inf"), dtype=tl.float32)
    total = tl.zeros((BLOCK_QUERIES,), dtype=tl.float32)
    found = tl.zeros((BLOCK_QUERIES, SIZE), dtype=tl.float32)
    for block in range(SHARE // BLOCK_SLOTS):
        slot = share * SHARE + block * BLOCK_SLOTS + tl.arange(0, BLOCK_SLOTS)
        there = slot < stop
        at = head * head_stride + slot[:, None] * SIZE + within[None, :]
        k = tl.load(keys + at, mask=there[:, None], other=0)
        v = tl.load(values + at, mask=there[:, None], other=0)
        # A code is an integer that bf16 holds exactly. A key's scale comes behind the product, a value's goes
        # with its weight.
        scores = product(q, tl.trans(k.to(tl.float32).to(tl.bfloat16)), WIDE) * scale
        if SCALED:
            scores *= tl.load(key_scales + head * slots + slot, mask=there, other=0.0)[None, :]
        column = slot - base
        asked = mine[:, None] & there[None, :] & (column >= 0)[None, :]
        allow = tl.load(allowed + row[:, None] * recent + column[None, :], mask=asked, other=0)
        seen = there[None, :] & ((column < 0)[None, :] | (allow != 0)) & (slot[None, :] >= earliest[:, None])
        scores = tl.where(seen, scores, float("-inf"))
        peak = tl.maximum(largest, tl.max(scores, 1))
        # A row that has seen nothing yet has no largest score to take off.
        base_score = tl.where(peak == float("-inf"), 0.0, peak)
        shrink = tl.exp(largest - base_score)
        weights = tl.exp(scores - base_score[:, None])
        total = total * shrink + tl.sum(weights, 1)
        if SCALED:
            weights *= tl.load(value_scales + head * slots + slot, mask=there, other=0.0)[None, :]
        known = v.to(tl.float32).to(tl.bfloat16)
        found = found * shrink[:, None] + product(weights.to(tl.bfloat16), known, WIDE)
        largest = peak
    out = share * rows * heads + place
    tl.store(most + out, largest, mask=mine)
    tl.store(sums + out, total, mask=mine)
    tl.store(mixed + out[:, None] * SIZE + within[None, :], found, mask=mine[:, None])
