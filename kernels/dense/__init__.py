"""Op `dense`: y = x @ W^T with W in fp32 or bf16.

`torch` is `F.linear`; `onednn` prepacks bf16 weights into oneDNN's blocked layout, so that a one-token step
need not reorder them each time.
"""

from __future__ import annotations

from torch import Tensor

from lab.kernels.base import Matmul, choose
from lab.kernels.dense import onednn
from lab.kernels.dense.reference import Reference


def pack(weight: Tensor, kernel: str | None = None) -> Matmul:
    """Pack W [out, in] for `kernel`, or for the best one that runs on its device and dtype.

    Raises:
        UserError: `kernel` cannot multiply this weight.
    """
    able = {"onednn", "torch"} if onednn.able(weight) else {"torch"}
    chosen = choose("dense", kernel, able, f"a {weight.dtype} weight on {weight.device.type}")
    return onednn.OneDnn(weight) if chosen == "onednn" else Reference(weight)
