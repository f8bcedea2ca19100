"""The matrix products of one step, kernel against kernel: all linear layers and the head, distinct weights.

    python benchmarks/step_matmuls.py [--model smollm2-135m] [--rows 1,2,4,8,16,32] [--repeats 9]

Kernels take turns within a repeat. Prints each one's median time with its range, the median of torch's time
over its own, repeat by repeat, and the stored bytes over its time, beside the ceilings that `lab probe`
measures. The slow reference of op w4 is left out.
"""

from __future__ import annotations

import argparse
import statistics
import time

import torch
from torch import Tensor

from lab.errors import UserError
from lab.kernels import dense, w4
from lab.kernels.base import Matmul
from lab.kernels.ops import KERNELS
from lab.measure.ceilings import ceilings
from lab.measure.machine import default_threads
from lab.models.config import DecoderConfig, read_config
from lab.precision.rtn import quantize
from lab.zoo.resolve import resolve


def shapes(config: DecoderConfig) -> list[tuple[int, int]]:
    """(out, in) of the products of one layer, as the decoder stacks them."""
    q, kv = config.heads * config.head_dim, config.kv_heads * config.head_dim
    return [
        (q + 2 * kv, config.hidden),
        (config.hidden, q),
        (2 * config.intermediate, config.hidden),
        (config.hidden, config.intermediate),
    ]


def products(config: DecoderConfig, precision: str, kernel: str) -> list[tuple[int, Matmul]]:
    """(in, product) of every linear layer and of the head, which is bf16 always."""
    made = []
    for out, columns in shapes(config) * config.layers:
        weight = torch.randn(out, columns).bfloat16() / 8
        if precision == "bf16":
            made.append((columns, dense.pack(weight, kernel)))
        else:
            made.append((columns, w4.pack(quantize(weight), torch.bfloat16, kernel)))
    head = torch.randn(config.vocabulary, config.hidden).bfloat16() / 8
    made.append((config.hidden, dense.pack(head, kernel if precision == "bf16" else None)))
    return made


def timed(step: list[tuple[int, Matmul]], inputs: dict[int, Tensor]) -> float:
    """Milliseconds of all products of a step."""
    began = time.perf_counter()
    for columns, product in step:
        product(inputs[columns])
    return (time.perf_counter() - began) * 1e3


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="smollm2-135m")
    parser.add_argument("--rows", default="1,2,4,8,16,32")
    parser.add_argument("--repeats", type=int, default=9)
    args = parser.parse_args()
    threads = default_threads()
    torch.set_num_threads(threads)
    measured = ceilings("cpu", threads)
    config = read_config(resolve(args.model).path)
    steps: dict[tuple[str, str], list[tuple[int, Matmul]]] = {}
    for precision, op in (("bf16", "dense"), ("rtn-w4", "w4")):
        for kernel in KERNELS[op]:
            if kernel == "reference":
                continue
            try:
                steps[precision, kernel] = products(config, precision, kernel)
            except UserError:
                print(f"{precision} {kernel}: cannot run here")
    print(f"{threads} threads; {measured}")
    for rows in map(int, args.rows.split(",")):
        inputs: dict[int, Tensor] = {}
        for columns in {columns for made in steps.values() for columns, _ in made}:
            inputs[columns] = torch.randn(rows, columns).bfloat16()
        times: dict[tuple[str, str], list[float]] = {key: [] for key in steps}
        for repeat in range(args.repeats + 1):
            for key, made in steps.items():
                found = timed(made, inputs)
                if repeat:  # the first warms up
                    times[key].append(found)
        for (precision, kernel), found in times.items():
            ratio = statistics.median(
                theirs / own for theirs, own in zip(times[precision, "torch"], found, strict=True)
            )
            stored = sum(product.stored_bytes for _, product in steps[precision, kernel])
            median = statistics.median(found)
            print(
                f"n {rows:3d}  {precision:7s} {kernel:10s} {median:8.2f} ms "
                f"[{min(found):.2f}, {max(found):.2f}]  {ratio:.2f}x torch  "
                f"{stored / median / 1e6:6.2f} GB/s"
            )


if __name__ == "__main__":
    main()
