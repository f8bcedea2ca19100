"""Op `stack`: all layers of a decoder in one call, for the few rows of a plain or a verify step.

`cpu` is the lab's own kernel; `torch` stands for the decoder's eager layers, one operator after the other
(`lab.models.decoder`), which are the reference, too, and run whatever `cpu` does not.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from lab.kernels.base import choose
from lab.kernels.stack import cpu

if TYPE_CHECKING:
    from lab.models.config import DecoderConfig
    from lab.models.decoder import Layer


def pack(config: DecoderConfig, layers: Sequence[Layer], kernel: str | None = None) -> cpu.Cpu | None:
    """The layers for `kernel`, or for the best one that runs them; None for the eager ones.

    Raises:
        UserError: `kernel` cannot run these layers.
    """
    able = {"torch"}
    able |= {"cpu"} if cpu.able(config, layers) else set()
    like = layers[0].input_norm
    products = ", ".join(sorted({linear.matmul.kernel for layer in layers for linear in layer.linears}))
    what = f"{like.dtype} layers on {like.device.type} whose products are those of {products}"
    chosen = choose("stack", kernel, able, what)
    return cpu.Cpu(config, layers) if chosen == "cpu" else None
