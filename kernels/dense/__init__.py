"""Op `dense`: y = x @ W^T with W in fp32 or bf16.

`cpu` is the lab's own kernel for bf16 weights. Without a compiled one, `onednn` prepacks them into oneDNN's
blocked layout, so that a one-token step need not reorder them each time, and `upcast` multiplies many rows in
fp32 where a CPU has no bf16 arithmetic; `torch` is `F.linear`.
"""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor

from lab.kernels.base import Matmul, choose
from lab.kernels.dense import cpu, onednn, upcast
from lab.kernels.dense.reference import Reference


def pack(weight: Tensor, kernel: str | None = None) -> Matmul:
    """Pack W [out, in] for `kernel`, or for the best one that runs on its device and dtype.

    Raises:
        UserError: `kernel` cannot multiply this weight.
    """
    able = {"torch"}
    able |= {"cpu"} if cpu.able(weight) else set()
    able |= {"onednn"} if onednn.able(weight) else set()
    able |= {"upcast"} if upcast.able(weight) else set()
    chosen = choose("dense", kernel, able, f"a {weight.dtype} weight on {weight.device.type}")
    implementations: dict[str, Callable[[Tensor], Matmul]] = {
        "cpu": cpu.Cpu,
        "upcast": upcast.Upcast,
        "onednn": onednn.OneDnn,
        "torch": Reference,
    }
    return implementations[chosen](weight)
