"""GPTQ (arXiv 2210.17323): columns are rounded in turn, and those that are left make up for the error.

What is minimized is the error of the product, tr((Q - W) H (Q - W)^T), H the second moment of the inputs. A
group's scale is chosen first, on the unquantized weight: of several ranges, the one with the smallest
rounding error, columns weighted by H's diagonal. With the scales fixed, the columns can be taken in the order
of H's diagonal, the largest first, without being moved out of their groups. A few sweeps of coordinate
descent follow, in which each code goes to the best place given all the others.
"""

from __future__ import annotations

import torch
from torch import Tensor

from lab.kernels.w4 import W4Weight
from lab.kernels.w4.reference import MIDDLE

# Columns that are updated together.
_BLOCK = 64
# A range is this share of the group's own at least, and so many shares are tried.
_NARROWEST, _RANGES = 0.7, 25
_SWEEPS = 4


def quantize(weight: Tensor, moment: Tensor, group: int, *, asymmetric: bool, damp: float) -> W4Weight:
    """W [out, in] in 4 bits.

    Args:
        weight: float32.
        moment: float32 [in, in], the mean of x x^T over the inputs x.
        group: columns that share a scale; it divides the row.
        damp: added to the diagonal, as a share of its mean.
    """
    damped = moment.clone()
    damped.diagonal().add_(damp * moment.diagonal().mean().clamp(min=1e-12))
    scales, zeros = _grid(weight, damped.diagonal(), group, asymmetric)
    codes = _rounded(weight, damped, scales, zeros, group)
    codes = _descended(codes, weight, damped, scales, zeros, group)
    stored = scales.to(torch.float16)
    return W4Weight(codes.to(torch.uint8), stored, group, zeros.to(torch.uint8) if asymmetric else None)


def _grid(weight: Tensor, importance: Tensor, group: int, asymmetric: bool) -> tuple[Tensor, Tensor]:
    """Scales, representable in float16, and zero points, both float32 [out, groups]."""
    blocks, weights = weight.unflatten(1, (-1, group)), importance.view(-1, group)
    low, high = blocks.amin(-1).clamp(max=0), blocks.amax(-1).clamp(min=0)
    largest = torch.maximum(-low, high)
    best = torch.full_like(largest, float("inf"))
    scales, zeros = torch.ones_like(largest), torch.full_like(largest, MIDDLE)
    for share in torch.linspace(1, _NARROWEST, _RANGES).tolist():
        span = (high - low) / 15 if asymmetric else largest / 7.5
        scale = (share * span).to(torch.float16).float()
        scale = torch.where(scale > 0, scale, 1.0)
        zero = (-share * low / scale).round().clamp(0, 15) if asymmetric else zeros
        meant = (blocks / scale[..., None]).round().add_(zero[..., None]).clamp_(0, 15) - zero[..., None]
        error = ((meant * scale[..., None] - blocks).square() * weights).sum(-1)
        better = error < best
        best = torch.where(better, error, best)
        scales, zeros = torch.where(better, scale, scales), torch.where(better, zero, zeros)
    return scales, zeros


def _rounded(weight: Tensor, moment: Tensor, scales: Tensor, zeros: Tensor, group: int) -> Tensor:
    """Codes [out, in], in float32."""
    columns = weight.shape[1]
    order = moment.diagonal().argsort(descending=True, stable=True)
    factor = torch.linalg.cholesky(moment[order][:, order])
    factor = torch.linalg.cholesky(torch.cholesky_inverse(factor), upper=True)
    # Transposed, a column is contiguous.
    left, codes = weight[:, order].t().contiguous(), torch.empty_like(weight.t())
    of_group = [(s.contiguous(), z.contiguous()) for s, z in zip(scales.t(), zeros.t(), strict=True)]
    for begin in range(0, columns, _BLOCK):
        end = min(begin + _BLOCK, columns)
        errors = torch.empty_like(left[begin:end])
        for place in range(begin, end):
            column = int(order[place])
            scale, zero = of_group[column // group]
            code = (left[place] / scale).round_().add_(zero).clamp_(0, 15)
            error = (left[place] - (code - zero) * scale) / factor[place, place]
            codes[column], errors[place - begin] = code, error
            left[place + 1 : end].addr_(factor[place, place + 1 : end], error, alpha=-1)
        left[end:].addmm_(factor[begin:end, end:].t(), errors, alpha=-1)
    return codes.t().contiguous()


def _descended(
    codes: Tensor, weight: Tensor, moment: Tensor, scales: Tensor, zeros: Tensor, group: int
) -> Tensor:
    """The codes, each moved to the best place given all the others, column after column."""
    scale, zero = (t.repeat_interleave(group, 1).t().contiguous() for t in (scales, zeros))
    found = codes.t().contiguous()
    gradient = moment @ ((found - zero) * scale - weight.t())
    for _ in range(_SWEEPS):
        for begin in range(0, len(found), _BLOCK):
            block = slice(begin, begin + _BLOCK)
            here, changes = gradient[block].clone(), torch.empty_like(gradient[block])
            for place, column in enumerate(range(begin, min(begin + _BLOCK, len(found)))):
                step = (here[place] / moment[column, column] / scale[column]).round_()
                moved = (found[column] - step).clamp_(0, 15)
                changes[place] = (moved - found[column]) * scale[column]
                found[column] = moved
                here.addr_(moment[block, column], changes[place])
            gradient.addmm_(moment[:, block], changes)
    return found.t().contiguous()
