"""The Triton source of op `w4`; importing it takes Triton."""

# mypy: ignore-errors
# ruff: noqa: N803

from __future__ import annotations

import triton
import triton.language as tl

from lab.kernels.triton_product import product


@triton.jit
def _meaning(codes, zero, values, MIDDLE: tl.constexpr, ZEROS: tl.constexpr, VALUES: tl.constexpr):
    """What codes [half a group, outputs] mean, as bf16."""
    if VALUES:
        return tl.load(values + codes)
    middle = zero[None, :] if ZEROS else MIDDLE
    return (codes.to(tl.int32) - middle).to(tl.float32).to(tl.bfloat16)


@triton.jit
def w4_matmul(
    x,
    codes,
    scales,
    zeros,
    values,
    y,
    rows,
    out,
    columns,
    GROUP: tl.constexpr,
    MIDDLE: tl.constexpr,
    ZEROS: tl.constexpr,
    VALUES: tl.constexpr,
    BLOCK_ROWS: tl.constexpr,
    BLOCK_OUT: tl.constexpr,
    WIDE: tl.constexpr,
):
    """y [rows, out] bf16 = x [rows, columns] bf16 times the weights: a program per block of both."""
    HALF: tl.constexpr = GROUP // 2
    row = tl.program_id(1) * BLOCK_ROWS + tl.arange(0, BLOCK_ROWS)
    output = tl.program_id(0) * BLOCK_OUT + tl.arange(0, BLOCK_OUT)
    within = tl.arange(0, HALF)
    mine, there = row < rows, output < out
    sums = tl.zeros((BLOCK_ROWS, BLOCK_OUT), dtype=tl.float32)
    for group in range(columns // GROUP):
        at = x + row[:, None] * columns + group * GROUP + within[None, :]
        left = tl.load(at, mask=mine[:, None], other=0.0)
        right = tl.load(at + HALF, mask=mine[:, None], other=0.0)
        packed = (group * HALF + within)[:, None] * out + output[None, :]
        both = tl.load(codes + packed, mask=there[None, :], other=0)
        scale = tl.load(scales + group * out + output, mask=there, other=0.0).to(tl.float32)
        zero = tl.zeros((BLOCK_OUT,), dtype=tl.int32)
        if ZEROS:
            zero = tl.load(zeros + group * out + output, mask=there, other=0).to(tl.int32)
        found = product(left, _meaning(both & 15, zero, values, MIDDLE, ZEROS, VALUES), WIDE)
        found += product(right, _meaning(both >> 4, zero, values, MIDDLE, ZEROS, VALUES), WIDE)
        sums += found * scale[None, :]
    tl.store(
        y + row[:, None] * out + output[None, :], sums.to(tl.bfloat16), mask=mine[:, None] & there[None, :]
    )
