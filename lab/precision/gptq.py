"""`gptq-w4`, `gptq-w4a8`: checkpoints in the format of AutoGPTQ and GPTQModel (GPTQ: arXiv 2210.17323).

A module of W [out, in] has `qweight` int32 [in / 8, out], eight columns a word, the first in the lowest bits;
`scales` [groups, out]; `qzeros` int32 [groups, out / 8]; and `g_idx` int32 [in], the group of each column,
which act-order permutes. Format `gptq` (v1) stores zero points less 1, `gptq_v2` as they are.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from lab.errors import UserError
from lab.kernels import w4a8
from lab.kernels.w4 import W4Weight
from lab.kernels.w4.reference import MIDDLE
from lab.precision.base import Source
from lab.precision.stored import Stored, group_size, unpack

_FORMATS = ("gptq", "gptq_v2")
# One in each of a word's eight numbers; adding it as a whole carries where what was stored had borrowed.
_ONES = 0x11111111


class GptqW4(Stored):
    """Weights that were quantized with calibration data, read as they are stored."""

    methods = ("gptq",)
    mark = "qweight"

    def part(self, source: Source, name: str, rows: int) -> tuple[W4Weight, Tensor | None]:
        columns, device, tensors = source.columns, source.device, source.tensors
        v2, group = _is_v2(source.quantization, tensors.name), group_size(source)
        groups = columns // group
        words = tensors.get(f"{name}.qweight", (columns // 8, rows), device, torch.int32)
        codes = unpack(words.t().contiguous())
        zeros = tensors.get(f"{name}.qzeros", (groups, rows // 8), device, torch.int32)
        zero_points = unpack(zeros if v2 else zeros + _ONES).t().contiguous()
        scales = tensors.get(f"{name}.scales", (groups, rows), device).t().contiguous()
        order = None
        if f"{name}.g_idx" in tensors:
            index = tensors.get(f"{name}.g_idx", (columns,), device, torch.int32)
            order = _order(index, group, f"checkpoint {tensors.name}: {name}.g_idx")
        if order is not None:
            codes = codes[:, order].contiguous()
        symmetric = bool((zero_points == MIDDLE).all())
        return W4Weight(codes, scales, group, None if symmetric else zero_points), order


class GptqW4A8(GptqW4):
    """The same weights times rows in 8-bit integers."""

    op = "w4a8"
    _pack = staticmethod(w4a8.pack)


def _is_v2(quantization: Mapping[str, Any], name: str) -> bool:
    """Whether zero points are stored as they are."""
    bits = quantization.get("bits")
    if bits != 4:
        raise UserError(f"checkpoint {name}: bits", got=bits, expected="4")
    form = quantization.get("checkpoint_format") or "gptq"
    if form not in _FORMATS:
        expected = f"one of {', '.join(_FORMATS)}"
        raise UserError(f"checkpoint {name}: checkpoint_format", got=repr(form), expected=expected)
    if quantization.get("pack_dtype", "int32") != "int32":
        got = repr(quantization["pack_dtype"])
        raise UserError(f"checkpoint {name}: pack_dtype", got=got, expected="'int32'")
    if quantization.get("lm_head"):
        raise UserError(f"checkpoint {name}: lm_head", got="a quantized head", expected="a head in floats")
    if any(not str(key).startswith("-:") for key in quantization.get("dynamic") or {}):
        got = "other settings for some modules"
        raise UserError(f"checkpoint {name}: dynamic", got=got, expected="the same for all, or none at all")
    return form == "gptq_v2"


def _order(index: Tensor, group: int, what: str) -> Tensor | None:
    """The columns group by group: int64 [in]; None where they are already.

    Raises:
        UserError: a group that is not there, or has not `group` columns.
    """
    groups = len(index) // group
    if int(index.min()) < 0 or int(index.max()) >= groups:
        got = f"{int(index.min())} to {int(index.max())}"
        raise UserError(what, got=got, expected=f"groups 0 to {groups - 1}")
    sizes = index.long().bincount(minlength=groups)
    if not bool((sizes == group).all()):
        got = f"groups of {int(sizes.min())} to {int(sizes.max())} columns"
        raise UserError(what, got=got, expected=f"{group} columns in each")
    order = index.long().argsort(stable=True)
    return None if bool((order == torch.arange(len(order), device=order.device)).all()) else order
