"""The Triton source of op `w4a8`; importing it takes Triton."""

# mypy: ignore-errors
# ruff: noqa: N803

from __future__ import annotations

import triton
import triton.language as tl

# Added and taken off again, it leaves a float32 below 2^22 rounded to the nearest integer, ties to the even
# one: the interpreter has no instruction for that.
_ROUNDS = tl.constexpr(1.5 * 2**23)


@triton.jit
def w4a8_rows(x, codes, scales, columns, LARGEST: tl.constexpr, BLOCK: tl.constexpr):
    """codes [rows, columns] int8 and scales [rows] float32 of x [rows, columns]: a program per row.

    To the bit what the eager reference's are, but that a row that is not finite, of scale NaN, has codes 0.
    """
    row = tl.program_id(0)
    within = tl.arange(0, BLOCK)
    most = tl.zeros((BLOCK,), dtype=tl.float32)
    for first in range(0, columns, BLOCK):
        there = first + within < columns
        size = tl.abs(tl.load(x + row * columns + first + within, mask=there, other=0.0).to(tl.float32))
        # A maximum passes NaN over.
        most = tl.maximum(most, tl.where(size < float("inf"), size, float("inf")))
    largest = tl.max(most, 0)
    finite = largest < float("inf")
    # Plain division is not rounded right on a GPU.
    scale = tl.div_rn(largest, LARGEST * 1.0)
    tl.store(scales + row, tl.where(finite, scale, float("nan")))
    # Torch, too, divides a number by a tensor in two steps. In a row of zeros any factor will do.
    factor = tl.div_rn(1.0, tl.where(largest > 0, largest, 1.0)) * LARGEST
    for first in range(0, columns, BLOCK):
        there = first + within < columns
        number = tl.load(x + row * columns + first + within, mask=there, other=0.0).to(tl.float32)
        code = (tl.where(finite, number, 0.0) * factor + _ROUNDS) - _ROUNDS
        tl.store(codes + row * columns + first + within, code.to(tl.int8), mask=there)


@triton.jit
def w4a8_matmul(
    codes,
    row_scales,
    packed,
    scales,
    zeros,
    y,
    rows,
    out,
    columns,
    GROUP: tl.constexpr,
    PART: tl.constexpr,
    MIDDLE: tl.constexpr,
    ZEROS: tl.constexpr,
    BLOCK_ROWS: tl.constexpr,
    BLOCK_OUT: tl.constexpr,
):
    """y [rows, out] = rows of codes [rows, columns] int8 with their scales times the weights.

    A program per block of both. Columns are multiplied PART at a time, and a group's sum is scaled once.
    """
    row = tl.program_id(1) * BLOCK_ROWS + tl.arange(0, BLOCK_ROWS)
    output = tl.program_id(0) * BLOCK_OUT + tl.arange(0, BLOCK_OUT)
    column, byte = tl.arange(0, PART), tl.arange(0, PART // 2)
    mine, there = row < rows, output < out
    sums = tl.zeros((BLOCK_ROWS, BLOCK_OUT), dtype=tl.float32)
    for group in range(columns // GROUP):
        scale = tl.load(scales + group * out + output, mask=there, other=0.0).to(tl.float32)
        middle = tl.full((BLOCK_OUT,), MIDDLE, dtype=tl.int8)
        if ZEROS:
            middle = tl.load(zeros + group * out + output, mask=there, other=0).to(tl.int8)
        found = tl.zeros((BLOCK_ROWS, BLOCK_OUT), dtype=tl.int32)
        for first in range(group * GROUP, (group + 1) * GROUP, PART):
            at = row[:, None] * columns + first + column[None, :]
            left = tl.load(codes + at, mask=mine[:, None], other=0)
            at = output[:, None] * (columns // 2) + first // 2 + byte[None, :]
            both = tl.load(packed + at, mask=there[:, None], other=0)
            # -16 to 15, in the order of the columns.
            meant = tl.interleave(both & 15, both >> 4).to(tl.int8) - middle[:, None]
            found = tl.dot(left, tl.trans(meant), found, out_dtype=tl.int32)
        sums += found.to(tl.float32) * scale[None, :]
    sums *= tl.load(row_scales + row, mask=mine, other=0.0)[:, None]
    at = row[:, None] * out + output[None, :]
    tl.store(y + at, sums.to(y.dtype.element_ty), mask=mine[:, None] & there[None, :])
