"""Activations in the regimes of a decoder, the measure of an implementation's error, and a GPU's compiler."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from lab.kernels.base import Matmul

# A plain step, a verify step and pieces of a prompt, with row counts that no tile divides.
ROWS = {"plain step": 1, "verify step": 8, "short prefill": 33, "prefill": 77}
LAYOUTS: dict[str, Callable[[Tensor], Tensor]] = {
    "contiguous": lambda x: x,
    "transposed": lambda x: x.t().contiguous().t(),
    "every other column": lambda x: torch.stack((x, x), dim=-1).flatten(1)[:, ::2],
    "rows of a wider tensor": lambda x: torch.cat((x, x), dim=1)[:, : x.shape[1]],
}


@pytest.fixture(params=list(ROWS.values()), ids=list(ROWS))
def rows(request: pytest.FixtureRequest) -> int:
    count: int = request.param
    return count


@pytest.fixture(params=list(LAYOUTS.values()), ids=list(LAYOUTS))
def laid_out(request: pytest.FixtureRequest) -> Callable[[Tensor], Tensor]:
    layout: Callable[[Tensor], Tensor] = request.param
    return layout


# Numbers whose mean error says something.
_MANY = 1000


def _check(matmul: Matmul, x: Tensor, weight: Tensor) -> None:
    """`matmul(x)` has x's dtype and is hardly farther from the float64 product than the eager path is.

    Implementations differ in the order of their float32 sums only: both round the same sum to x's dtype,
    which is half a unit in the last place, and at worst one lands on the other side, twice as far off. Over
    many numbers that evens out: a tenth is allowed. A wrong scale, code or column is off by orders of
    magnitude.
    """
    exact = x.double() @ weight.double().t()
    eager = F.linear(x, weight.to(x.dtype))
    y = matmul(x)
    assert y.dtype == x.dtype
    assert y.shape == exact.shape
    errors, eagers = (y.double() - exact).abs(), (eager.double() - exact).abs()
    assert errors.max() <= 2 * eagers.max()
    if y.numel() >= _MANY:
        assert errors.square().mean().sqrt() <= 1.1 * eagers.square().mean().sqrt()


@pytest.fixture(scope="session")
def near_float64() -> Callable[[Matmul, Tensor, Tensor], None]:
    return _check


_COMPILE = """
import json, os, re, subprocess, sys, tempfile
import triton
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource

tool = os.path.join(os.path.dirname(triton.__file__), "backends/nvidia/bin/cuobjdump")
found = []
for kinds, fixed in variants:
    options = {name: fixed.pop(name) for name in ("num_warps", "num_stages")}
    source = ASTSource(kernel, kinds | dict.fromkeys(fixed, "constexpr"), fixed)
    made = triton.compile(source, target=GPUTarget("cuda", int(sys.argv[1]), 32), options=options)
    with tempfile.NamedTemporaryFile(suffix=".cubin") as file:
        file.write(made.asm["cubin"])
        file.flush()
        used = subprocess.check_output([tool, "--dump-resource-usage", file.name], text=True)
    stack, local = (int(re.search(rf"{what}:(\\d+)", used)[1]) for what in ("STACK", "LOCAL"))
    found.append(stack + local)
print(json.dumps(found))
"""


@pytest.fixture
def spilled() -> Callable[[str, int], list[int]]:
    """`spilled(script, capability)`: bytes spilled where a Triton kernel is compiled for a GPU, by variant.

    The script makes `kernel` and `variants`, a list of (kinds of the arguments, constants).
    """

    def compiled(script: str, capability: int) -> list[int]:
        environment = {**os.environ, "TRITON_DEFAULT_FP_FUSION": "1"}
        environment.pop("TRITON_INTERPRET", None)
        done = subprocess.run(
            [sys.executable, "-c", script + _COMPILE, str(capability)],
            capture_output=True,
            text=True,
            check=False,
            env=environment,
        )
        assert done.returncode == 0, done.stderr
        found: list[int] = json.loads(done.stdout.splitlines()[-1])
        return found

    return compiled
