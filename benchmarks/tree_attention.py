"""Op `tree_attention` over a cache: its CPU kernel against torch's operator with a mask, in turns.

    python benchmarks/tree_attention.py [--repeats 7]

One layer with the heads of SmolLM2-135M, causal rows. A time is the mean of 30 calls; printed are the medians
in microseconds and the median of the turns' ratios. The last line is one JSON document.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time

import torch

from lab.kernels.tree_attention import Sight
from lab.kernels.tree_attention.cpu import Cpu
from lab.kernels.tree_attention.sdpa import Sdpa
from lab.measure.machine import default_threads
from lab.models.cache import KVCache
from lab.models.config import DecoderConfig
from lab.precision import KV_PRECISIONS

CALLS = 30
CPU = torch.device("cpu")
CONFIG = DecoderConfig(
    architecture="LlamaForCausalLM",
    vocabulary=49_152,
    hidden=576,
    intermediate=1536,
    layers=1,
    heads=9,
    kv_heads=3,
    head_dim=64,
    norm_eps=1e-5,
    context=8192,
    window=None,
    tied=True,
    inv_freq=torch.ones(32),
    rope_gain=1.0,
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=7)
    args = parser.parse_args()
    torch.set_num_threads(default_threads())
    found = []
    for kv in KV_PRECISIONS:
        for context in (100, 500, 2000):
            for rows in (1, 8, 24):
                times = _times(kv, context, rows, args.repeats)
                cpu, sdpa = (1e6 * statistics.median(times[name]) for name in ("cpu", "torch"))
                ratio = statistics.median(b / a for a, b in zip(times["cpu"], times["torch"], strict=True))
                print(f"kv {kv}, context {context}, rows {rows}: {cpu:.0f} / {sdpa:.0f} us, {ratio:.1f}x")
                found.append({"kv": kv, "context": context, "rows": rows, "seconds": times, "ratio": ratio})
    print(json.dumps({"threads": torch.get_num_threads(), "cases": found}))


def _times(kv: str, context: int, rows: int, repeats: int) -> dict[str, list[float]]:
    """Seconds a call by kernel, a turn each."""
    cache = KVCache(CONFIG, torch.bfloat16, CPU, kv)
    cache.reserve(context + rows)
    cache.length = context
    shape = (2, CONFIG.kv_heads, context + rows, CONFIG.head_dim)
    cache.write(0, 0, *torch.randn(shape).to(torch.bfloat16))
    queries = torch.randn(rows, CONFIG.heads, CONFIG.head_dim).to(torch.bfloat16)
    kernels = (Cpu(CONFIG), Sdpa())
    times: dict[str, list[float]] = {kernel.kernel: [] for kernel in kernels}
    for _ in range(repeats):
        for kernel in kernels:
            sight = Sight(context, rows, None, None, None, CPU)
            kernel(queries, cache, 0, sight)
            begin = time.perf_counter()
            for _ in range(CALLS):
                kernel(queries, cache, 0, sight)
            times[kernel.kernel].append((time.perf_counter() - begin) / CALLS)
    return times


if __name__ == "__main__":
    main()
