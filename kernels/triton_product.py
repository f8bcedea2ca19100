"""The matrix product of the Triton kernels; importing it takes Triton."""

# mypy: ignore-errors
# ruff: noqa: N803

from __future__ import annotations

import triton
import triton.language as tl


@triton.jit
def product(x, y, WIDE: tl.constexpr):
    """x times y, both bf16, in float32.

    WIDE is for the interpreter, which takes bf16 operands of a product for integers; float32 holds them.
    """
    if WIDE:
        return tl.dot(x.to(tl.float32), y.to(tl.float32))
    return tl.dot(x, y)
