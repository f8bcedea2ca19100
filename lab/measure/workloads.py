"""What the probe runs to find the machine's ceilings: reads of large buffers and large matrix products.

The operands of a workload live as long as its closure. Every workload can check its own output.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

import torch
from torch import Tensor

from lab.kernels import w4a8
from lab.kernels.dense import cpu, upcast
from lab.kernels.w4 import W4Weight
from lab.kernels.w4a8.reference import Reference

Ceiling = Literal["read", "bf16", "fp32", "int8"]

# (m, n, k) of [m, k] @ [k, n]. The first of the CPU's fits into its caches.
SHAPES: dict[str, tuple[tuple[int, int, int], ...]] = {
    "cpu": ((512, 1536, 576), (512, 2048, 2048), (2048, 2048, 2048)),
    "cuda": ((4096, 4096, 4096), (8192, 4096, 4096), (8192, 8192, 8192)),
}
_ROW = 4096
_ONE_BITS = 0x3F800000  # 1.0 in fp32


@dataclass(frozen=True, slots=True)
class Workload:
    """One kernel with its operands.

    Attributes:
        ceiling: which ceiling it can raise.
        kernel: what runs.
        work: bytes read, or operations (a multiply-add is two).
        run: computes once.
        correct: whether what `run` returned is right.
        size: of what it runs on, where it runs on several.
    """

    ceiling: Ceiling
    kernel: str
    work: int
    run: Callable[[], Any]
    correct: Callable[[Any], bool]
    size: str = ""

    @property
    def label(self) -> str:
        return f"{self.kernel} {self.size}".rstrip()

    def best_rate(self, timer: Callable[[Callable[[], Any]], float]) -> float:
        """Work a second in the best of three runs: the first behind other work can be half as fast.

        Args:
            timer: runs what it is given, and tells the seconds.
        """
        return self.work / min(timer(self.run) for _ in range(3))


def reads(device: str, buffer_bytes: int) -> Iterator[Workload]:
    """Reductions that read two buffers and write next to nothing.

    Matrix-vector products are left out: torch's reached 7 to 27 GB/s where these read 34 (Zen 4, 2 threads).

    Args:
        buffer_bytes: size of each buffer, a multiple of 16 KiB.
    """
    # Written once: pages that were only promised would all be the same page of zeros.
    buffers = [torch.full((buffer_bytes // 4,), 1.0, device=device) for _ in range(2)]
    work = 2 * buffer_bytes

    def over(
        kernel: str, reduce: Callable[[Tensor], Tensor], dtype: torch.dtype, expected: float
    ) -> Workload:
        views = [buffer.view(dtype) for buffer in buffers]
        return Workload(
            "read",
            kernel,
            work,
            lambda: [reduce(view) for view in views],
            lambda results: all(torch.all(_near(result, expected)).item() for result in results),
        )

    yield over("sum fp32", torch.sum, torch.float32, buffer_bytes / 4)
    yield over("sum of rows fp32", lambda view: view.view(-1, _ROW).sum(1), torch.float32, _ROW)
    yield over("max fp32", torch.amax, torch.float32, 1.0)
    yield over("max int32", torch.amax, torch.int32, _ONE_BITS)
    yield over("max int64", torch.amax, torch.int64, _ONE_BITS * (2**32 + 1))
    yield Workload(
        "read",
        "dot fp32",
        work,
        lambda: torch.dot(*buffers),
        lambda result: bool(_near(result, buffer_bytes / 4).item()),
    )


def products(device: str, shape: tuple[int, int, int]) -> Iterator[Workload]:
    """Matrix products of one shape in bf16, fp32 and int8, in the layouts and packings that torch offers.

    Args:
        shape: (m, n, k) of x [m, k] times the transpose of w [n, k].
    """
    m, n, k = shape
    x, w = (torch.randn(rows, k, device=device) for rows in (m, n))
    yield from _float_products(x.to(torch.bfloat16), w.to(torch.bfloat16), "bf16", 0.02)
    yield from _float_products(x, w, "fp32", 1e-3)
    left = torch.randint(-127, 128, (m, k), dtype=torch.int8, device=device)
    by_column = torch.randint(-127, 128, (n, k), dtype=torch.int8, device=device).t()
    by_row = torch.randint(-127, 128, (k, n), dtype=torch.int8, device=device)
    for layout, right in (("columns", by_column), ("rows", by_row)):
        yield _int8_product(left, right, f"_int_mm by {layout}")
    if device == "cpu":
        yield from _four_bits_times_eight(x.to(torch.bfloat16), n)


def _four_bits_times_eight(x: Tensor, n: int) -> Iterator[Workload]:
    """The lab's own int8 products, of 4-bit weights."""
    (m, k), group = x.shape, 64
    weight = W4Weight(torch.randint(0, 16, (n, k), dtype=torch.uint8), torch.ones(n, k // group), group)
    if not w4a8.cpu.able(weight, x.dtype):
        return
    matmul = w4a8.cpu.Cpu(weight)

    def correct(y: Tensor) -> bool:
        expected = Reference(weight, torch.float32)(x[:4])
        return bool((y[:4] - expected).abs().max() <= 0.01 * expected.abs().max())

    yield Workload("int8", "the lab's w4a8", 2 * m * n * k, lambda: matmul(x), correct, _times((m, n, k)))


def _int8_product(x: Tensor, w: Tensor, name: str) -> Workload:
    (m, k), n = x.shape, w.shape[1]
    return Workload(
        "int8",
        name,
        2 * m * n * k,
        lambda: torch._int_mm(x, w),
        lambda y: torch.equal(y[:4].double(), x[:4].double() @ w.double()),
        _times((m, n, k)),
    )


def _float_products(x: Tensor, w: Tensor, ceiling: Ceiling, tolerance: float) -> Iterator[Workload]:
    (m, k), n = x.shape, w.shape[0]

    def correct(y: Tensor) -> bool:
        expected = x[:4].double() @ w.t().double()
        worst = (y[:4].double() - expected).abs().max()
        return bool((worst <= tolerance * expected.abs().max()).item())

    def packed() -> Callable[[], Tensor]:
        weight = torch.ops.mkldnn._reorder_linear_weight(w, m)
        return lambda: torch.ops.mkldnn._linear_pointwise(x, weight, None, "none", [], "")

    def workload(name: str, run: Callable[[], Tensor]) -> Workload:
        return Workload(ceiling, f"{name} {ceiling}", 2 * m * n * k, run, correct, _times((m, n, k)))

    yield workload("linear", lambda: torch.nn.functional.linear(x, w))
    if x.device.type == "cpu" and _packs(x.dtype):
        yield workload("linear packed by oneDNN", packed())
    for kernel, able, pack in (("cpu", cpu.able, cpu.Cpu), ("upcast", upcast.able, upcast.Upcast)):
        if able(w):
            yield workload(f"the lab's {kernel}", partial(pack(w), x))


def _packs(dtype: torch.dtype) -> bool:
    """oneDNN packs bf16 only where it multiplies it."""
    if not torch.backends.mkldnn.is_available():
        return False
    return dtype != torch.bfloat16 or bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())


def _near(result: Tensor, expected: float) -> Tensor:
    if not result.is_floating_point():
        return result == int(expected)
    return (result - expected).abs() <= 1e-3 * abs(expected)


def _times(shape: tuple[int, int, int]) -> str:
    return "x".join(str(size) for size in shape)
