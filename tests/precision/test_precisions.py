from __future__ import annotations

import pytest
import torch

from lab.errors import UserError
from lab.precision import PRECISIONS, STORED
from lab.precision.base import load_precision

# Those that are made of floats, and what y = x W^T may lose to each, over the largest |y|: float32, bfloat16,
# 4 bits of normal weights.
LOSS = {"fp32": 1e-5, "bf16": 1e-2, "rtn-w4": 0.2, "w4a8": 0.2, "nf4": 0.2, "int8": 2e-2, "w8a8": 2e-2}


def test_every_precision_of_the_table_loads() -> None:
    for name in PRECISIONS:
        assert load_precision(name, {}).dtype == (torch.float32 if name == "fp32" else torch.bfloat16)


def test_every_kind_of_checkpoint_has_a_precision_that_loads_it() -> None:
    methods = {name: load_precision(name, {}).methods for name in PRECISIONS}
    assert {name for name, found in methods.items() if None in found} == set(LOSS)
    assert {found for name in STORED.values() for found in methods[name] if found} == set(STORED)
    assert all(method in methods[name] for method, name in STORED.items())


def test_an_unknown_precision_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(UserError, match=r"precision: got 'rtn-w', expected one of .*Did you mean 'rtn-w4'\?"):
        load_precision("rtn-w", {})


@pytest.mark.parametrize("name", LOSS)
@pytest.mark.parametrize("bias", [False, True])
def test_a_linear_layer_multiplies_and_adds_its_bias_in_the_precision_s_dtype(name: str, bias: bool) -> None:
    generator = torch.Generator().manual_seed(1)
    precision = load_precision(name, {})
    weight, x = torch.randn((32, 128), generator=generator), torch.randn((5, 128), generator=generator)
    shift = torch.arange(32.0) * 10 if bias else None
    exact = x @ weight.t() + (0 if shift is None else shift)
    y = precision.linear(weight, shift)(x.to(precision.dtype))
    assert y.dtype == precision.dtype
    assert (y.float() - exact).abs().max() <= LOSS[name] * exact.abs().max()


def test_stored_bytes_of_a_layer_are_its_weight_and_bias_as_stored() -> None:
    weight, bias = torch.ones(32, 128), torch.ones(32)
    stored = {name: load_precision(name, {}).linear(weight, bias).stored_bytes for name in LOSS}
    # 4,096 weights; 32 biases; in 4 bits 2,048 bytes of codes and 64 scales of 2 bytes.
    assert stored == {
        "fp32": 16384 + 128,
        "bf16": 8192 + 64,
        "rtn-w4": 2048 + 128 + 64,
        "w4a8": 2048 + 128 + 64,
        "int8": 4096 + 32 * 4 + 64,
        "w8a8": 4096 + 32 * 4 + 64,
        "nf4": 2048 + 256 + 32 + 64,  # the scales are float32, and there is a codebook
    }


@pytest.mark.parametrize(
    ("name", "op"), [("rtn-w4", "w4"), ("w4a8", "w4a8"), ("int8", "w8"), ("w8a8", "w8a8"), ("nf4", "w4")]
)
def test_the_head_stays_in_bf16(name: str, op: str) -> None:
    precision = load_precision(name, {})
    assert precision.head(torch.ones(32, 128)).stored_bytes == 8192
    precision.linear(torch.ones(32, 128), None)
    assert precision.kernels.keys() == {"dense", op}


def test_the_pinned_implementations_run_and_are_recorded() -> None:
    precision = load_precision("rtn-w4", {"w4": "reference", "dense": "torch"})
    layer, head = precision.linear(torch.ones(32, 128), None), precision.head(torch.ones(32, 128))
    assert (layer.matmul.kernel, head.matmul.kernel) == ("reference", "torch")
    assert precision.kernels == {"w4": "reference", "dense": "torch"}


def test_a_pin_that_cannot_run_is_refused_when_the_layer_is_made() -> None:
    precision = load_precision("fp32", {"dense": "onednn"})
    with pytest.raises(UserError, match="kernel dense=onednn"):
        precision.linear(torch.ones(4, 4), None)
