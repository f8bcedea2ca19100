"""What every matmul op returns: a weight packed once at load, called for each step."""

from __future__ import annotations

from collections.abc import Container
from typing import Protocol

from torch import Tensor

from lab.errors import UserError
from lab.kernels.ops import KERNELS


class Matmul(Protocol):
    """y = x @ W^T with a packed W [out, in].

    Attributes:
        kernel: the implementation that runs.
        stored_bytes: what one call has to read of W as stored: codes, scales, zeros.
    """

    kernel: str
    stored_bytes: int

    def __call__(self, x: Tensor) -> Tensor:
        """[n, in] -> [n, out], in x's dtype."""
        ...


def choose(op: str, pinned: str | None, able: Container[str], what: str) -> str:
    """The pinned implementation of `op`, or the preferred one of those that are able to multiply `what`.

    Raises:
        UserError: the pinned one cannot.
    """
    usable = [name for name in KERNELS[op] if name in able]
    if pinned is None:
        return usable[0]
    if pinned not in usable:
        raise UserError(f"kernel {op}={pinned}", got=what, expected=f"one of {', '.join(usable)} for it")
    return pinned
