"""`awq-w4`: checkpoints of AutoAWQ (AWQ: arXiv 2306.00978), version `gemm`.

A module of W [out, in] has `qweight` int32 [in, out / 8], eight rows a word in the order 0 2 4 6 1 3 5 7;
`qzeros` int32 [groups, out / 8] likewise; `scales` [groups, out].
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from lab.errors import UserError
from lab.kernels.w4 import W4Weight
from lab.precision.base import Source
from lab.precision.stored import Stored, group_size, unpack

# Where in a word each of its eight numbers stands.
_PLACES = (0, 4, 1, 5, 2, 6, 3, 7)


class AwqW4(Stored):
    """Weights that were scaled by their activations before rounding, read as they are stored."""

    methods = ("awq",)
    mark = "qweight"

    def part(self, source: Source, name: str, rows: int) -> tuple[W4Weight, Tensor | None]:
        columns, device, tensors = source.columns, source.device, source.tensors
        _check(source.quantization, tensors.name)
        group = group_size(source)
        words = tensors.get(f"{name}.qweight", (columns, rows // 8), device, torch.int32)
        codes = unpack(words, _PLACES).t().contiguous()
        groups = columns // group
        zeros = tensors.get(f"{name}.qzeros", (groups, rows // 8), device, torch.int32)
        zero_points = unpack(zeros, _PLACES).t().contiguous()
        scales = tensors.get(f"{name}.scales", (groups, rows), device).t().contiguous()
        return W4Weight(codes, scales, group, zero_points), None


def _check(quantization: Mapping[str, Any], name: str) -> None:
    for key, wanted in (("bits", 4), ("version", "gemm"), ("zero_point", True)):
        found = quantization.get(key)
        if (found.lower() if isinstance(found, str) else found) != wanted:
            raise UserError(f"checkpoint {name}: {key}", got=found, expected=str(wanted))
