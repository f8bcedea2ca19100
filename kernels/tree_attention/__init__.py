"""Op `tree_attention`: the rows of a plain or a verify step attend to the cache and to each other.

`cpu` is the lab's own kernel (op `stack` has it inside), `triton` its sister on CUDA, `torch` PyTorch's
operator with a mask, which also takes the many rows of a prefill; `reference` runs everywhere.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from torch import Tensor

from lab.kernels.base import choose
from lab.kernels.tree_attention import cpu, triton
from lab.kernels.tree_attention.base import TreeAttention
from lab.kernels.tree_attention.reference import Reference
from lab.kernels.tree_attention.sdpa import Sdpa
from lab.kernels.tree_attention.sight import Sight

if TYPE_CHECKING:
    from lab.models.cache import KVCache
    from lab.models.config import DecoderConfig

__all__ = ["Attention", "Sight", "TreeAttention", "load"]


class Attention:
    """An implementation for the rows of a step, and torch's for more rows than it takes."""

    def __init__(self, few: TreeAttention):
        self._few, self._many = few, Sdpa()

    @property
    def kernel(self) -> str:
        return self._few.kernel

    def __call__(self, queries: Tensor, cache: KVCache, layer: int, sight: Sight) -> Tensor:
        """As `TreeAttention`."""
        most = self._few.most_rows
        run = self._few if most is None or len(queries) <= most else self._many
        return run(queries, cache, layer, sight)


def load(config: DecoderConfig, like: Tensor, kernel: str | None = None) -> Attention:
    """`kernel`, or the best one for activations of the dtype and on the device of `like`.

    Raises:
        UserError: `kernel` cannot run there.
    """
    able = {"torch", "reference"}
    able |= {"cpu"} if cpu.able(like) else set()
    able |= {"triton"} if triton.able(config, like) else set()
    what = f"{like.dtype} heads of {config.head_dim} on {like.device.type}"
    made: dict[str, Callable[[], TreeAttention]] = {
        "cpu": lambda: cpu.Cpu(config),
        "triton": lambda: triton.Triton(config),
        "torch": Sdpa,
        "reference": Reference,
    }
    return Attention(made[choose("tree_attention", kernel, able, what)]())
