"""The eager reference of op `w4a8`."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from lab.kernels.w4 import reference as w4

LARGEST = 127


def quantize_rows(x: Tensor) -> tuple[Tensor, Tensor]:
    """(integers -127..127 as float32 [n, in], scales float32 [n, 1]) whose product is near x.

    A row that is not finite has scale NaN.
    """
    rows = x.float()
    largest = rows.abs().amax(dim=-1, keepdim=True)
    codes = torch.round(rows * torch.where(largest > 0, LARGEST / largest, 0.0))
    scales = torch.where(rows.isfinite().all(dim=-1, keepdim=True), largest / LARGEST, float("nan"))
    return codes, scales


class Reference(w4.Reference):
    """Likewise, with the rows in integers: slow, and right for every shape."""

    def __call__(self, x: Tensor) -> Tensor:
        integers, scales = quantize_rows(x)
        return (F.linear(integers, self.dequantized(torch.float32)) * scales).to(self.dtype)
