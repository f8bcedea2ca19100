"""The matrix products of one step against the machine's roofline and torch's own kernels, all in turns.

    python benchmarks/step_products.py [--repeats 9] [--isa avx512]

All linear layers and the head of SmolLM2-135M's shapes with random weights, each its own: bf16, and 4 bits in
groups of 64 (the head likewise). Each repeat also reads a large buffer and multiplies large matrices, so that
the roofline (the larger of bytes over the read bandwidth and operations over the rate of that arithmetic) is
the machine's at that moment. The lab's products run one after the other in one call, as a step has them;
where they are compared with torch's, both are 121 calls from Python. Ratios are formed repeat by repeat;
printed are medians with quartiles. The last line is one JSON document.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor

from lab.kernels import cpu, dense, w4, w4a8
from lab.kernels.base import Matmul
from lab.measure import workloads
from lab.measure.machine import default_threads
from lab.precision import rtn

BF16 = torch.bfloat16
ROWS = (1, 2, 4, 8, 16, 32)
LAYERS, HIDDEN, INTERMEDIATE, VOCABULARY = 30, 576, 1536, 49_152
LAYER = ((960, HIDDEN), (HIDDEN, HIDDEN), (2 * INTERMEDIATE, HIDDEN), (HIDDEN, INTERMEDIATE))
SHAPES = LAYER * LAYERS + ((VOCABULARY, HIDDEN),)
ARITHMETIC = {"bf16": "bf16", "w4": "bf16", "w4a8": "int8"}
# Bytes of a weight, its scale included.
STORED = {"bf16": 2.0, "w4": 0.5 + 2 / rtn.GROUP, "w4a8": 0.5 + 2 / rtn.GROUP}
PACK: dict[str, Callable[[Tensor], Matmul]] = {
    "bf16": lambda weight: dense.pack(weight, "cpu"),
    "w4": lambda weight: w4.pack(rtn.quantize(weight), BF16, "cpu"),
    "w4a8": lambda weight: w4a8.pack(rtn.quantize(weight), BF16, "cpu"),
    "bf16 torch": lambda weight: dense.pack(weight, "torch"),
    "w4 torch": lambda weight: w4.pack(rtn.quantize(weight), BF16, "torch"),
}
# What is called matrix by matrix, and with whose weights.
CALLS = {"bf16 calls": "bf16", "w4 calls": "w4", "bf16 torch": "bf16 torch", "w4 torch": "w4 torch"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=9)
    parser.add_argument("--isa", choices=cpu.ISAS, help="the kernels' instruction set; the best by default")
    args = parser.parse_args()
    if args.isa:
        cpu.best_isa = lambda: args.isa
    torch.set_num_threads(default_threads())
    torch.manual_seed(0)
    with torch.inference_mode():
        found = _measure(args.repeats)
    rates = found.pop("rates")
    for name, all_rates in rates.items():
        print(f"{name}: {_spread([rate / 1e9 for rate in all_rates])} G/s")
    document: list[dict[str, object]] = []
    for name in ARITHMETIC:
        for n in ROWS:
            seconds, roofs = found[name][n], _roofs(name, n, rates)
            over = [s / roof for s, roof in zip(seconds, roofs, strict=True)]
            line = f"{name:>5} n={n:<2} {_spread([1e3 * s for s in seconds])} ms, {_spread(over)} of roofline"
            entry = {"precision": name, "n": n, "seconds": seconds, "roofline_s": roofs}
            if f"{name} torch" in found:
                calls, peer = found[f"{name} calls"][n], found[f"{name} torch"][n]
                entry |= {"calls_s": calls, "torch_s": peer}
                line += f", {_spread([b / a for a, b in zip(calls, peer, strict=True)])} x torch's speed"
            print(line)
            document.append(entry)
    print(json.dumps({"threads": torch.get_num_threads(), "rates": rates, "products": document}))


def _measure(repeats: int) -> dict[str, dict]:
    weights = [(torch.randn(shape) * 0.05).to(BF16) for shape in SHAPES]
    matmuls = {name: [pack(weight) for weight in weights] for name, pack in PACK.items()}
    inputs = {width: torch.randn(max(ROWS), width).to(BF16) for width in (HIDDEN, INTERMEDIATE)}
    ceilings = [
        *workloads.reads("cpu", 2**28),
        *(work for shape in workloads.SHAPES["cpu"][1:] for work in workloads.products("cpu", shape)),
    ]
    ceilings = [work for work in ceilings if work.ceiling in ("read", "bf16", "int8") and _fast(work)]
    rates: dict[str, list[float]] = {"read": [], "bf16": [], "int8": []}
    steps: dict[int, dict[str, Callable[[], object]]] = {}
    for n in ROWS:
        xs = [inputs[width][:n] for _, width in SHAPES]
        ys = [torch.empty(n, out, dtype=BF16) for out, _ in SHAPES]
        steps[n] = {
            name: cpu.Linears([matmul.packed for matmul in matmuls[name]], xs, ys, cpu.best_isa())
            for name in ARITHMETIC
        }
        for name, own in CALLS.items():
            steps[n][name] = partial(_one_by_one, matmuls[own], xs)
    found: dict[str, dict] = {name: {n: [] for n in ROWS} for name in steps[1]}
    for repeat in range(-1, repeats):
        best = dict.fromkeys(rates, 0.0)
        for n in ROWS:
            for name, run in steps[n].items():
                began = time.perf_counter()
                run()
                if repeat >= 0:
                    found[name][n].append(time.perf_counter() - began)
        for work in ceilings:
            began = time.perf_counter()
            work.run()
            best[work.ceiling] = max(best[work.ceiling], work.work / (time.perf_counter() - began))
        if repeat >= 0:
            for name, rate in best.items():
                rates[name].append(rate)
    return found | {"rates": rates}


def _fast(work: workloads.Workload) -> bool:
    """Whether it runs here at all, and at a rate that could be the ceiling."""
    try:
        began = time.perf_counter()
        work.run()
    except RuntimeError:
        return False
    return time.perf_counter() - began < 0.3


def _one_by_one(matmuls: list[Matmul], xs: list[Tensor]) -> None:
    for matmul, x in zip(matmuls, xs, strict=True):
        matmul(x)


def _operations(n: int) -> int:
    return 2 * n * sum(out * width for out, width in SHAPES)


def _roofs(name: str, n: int, rates: dict[str, list[float]]) -> list[float]:
    weights = sum(out * width for out, width in SHAPES)
    return [
        max(STORED[name] * weights / read, _operations(n) / rate)
        for read, rate in zip(rates["read"], rates[ARITHMETIC[name]], strict=True)
    ]


def _spread(values: list[float]) -> str:
    low, middle, high = statistics.quantiles(values, n=4)
    return f"{middle:.2f} [{low:.2f}, {high:.2f}]"


if __name__ == "__main__":
    main()
