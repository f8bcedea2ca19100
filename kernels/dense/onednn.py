"""bf16 weights in oneDNN's blocked layout, through the operators that TorchInductor's own code calls."""

from __future__ import annotations

import torch
from torch import Tensor

from lab.kernels.dense.upcast import has_bf16_arithmetic

# The row count the layout is chosen for. Layouts chosen for 1, 8 and 512 rows were measured within noise of
# each other at 1, 8 and 512 rows (SmolLM2's shapes, Zen 4, torch 2.13).
_ROWS_HINT = 8


def able(weight: Tensor) -> bool:
    """bf16 on a CPU whose oneDNN multiplies bf16 itself, by the processor's own instructions."""
    return (
        weight.dtype == torch.bfloat16
        and weight.device.type == "cpu"
        and has_bf16_arithmetic()
        and torch.backends.mkldnn.is_available()
        and torch.ops.mkldnn._is_mkldnn_bf16_supported()
    )


class OneDnn:
    """W [out, in] bf16, reordered once."""

    kernel = "onednn"

    def __init__(self, weight: Tensor):
        self.stored_bytes = weight.numel() * weight.element_size()
        self._packed = torch.ops.mkldnn._reorder_linear_weight(weight.contiguous(), _ROWS_HINT)
        self._linear = torch.ops.mkldnn._linear_pointwise.default

    def __call__(self, x: Tensor) -> Tensor:
        return self._linear(x, self._packed, None, "none", [], "")  # type: ignore[no-any-return]
