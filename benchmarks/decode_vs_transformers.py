"""Plain decode of the native engine against transformers' `generate`: same weights, threads, prompt, tokens.

    python benchmarks/decode_vs_transformers.py [--precision bf16] [--new-tokens 64] [--repeats 7]

Under `nf4` transformers runs bitsandbytes' layers, under `gptq-w4` GPTQModel's, on the same codes.

The two take turns, so that a drift of the machine meets both. A pass is one call from a fresh cache; its
speed is (tokens - 1) / (time of the whole call - time of the same call with one new token), for both alike.
Both must emit the same tokens for as long as no near-tie parts them; the length of that common prefix is
printed, and how far the logits of the prompt's last token are apart. The last line is one JSON document.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForCausalLM, BitsAndBytesConfig

from lab.engines.base import Decoding, EngineConfig
from lab.engines.native import NativeEngine
from lab.measure.machine import default_threads
from lab.quantize.weights import weights_for
from lab.replay import prompt_of
from lab.scenarios.library import load_scenario
from lab.zoo.resolve import resolve


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="smollm2-135m")
    parser.add_argument("--precision", default="bf16", choices=("bf16", "fp32", "nf4", "gptq-w4"))
    parser.add_argument("--quantized", help="the folder of the gptq-w4 version; by default the lab's own")
    parser.add_argument("--new-tokens", type=int, default=64)
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--threads", type=int, default=default_threads())
    args = parser.parse_args()

    torch.set_num_threads(args.threads)
    files = resolve(args.model)
    path = files.path
    given = {} if args.quantized is None else {args.precision: args.quantized}
    weights = weights_for(files, args.precision, given)
    session = load_scenario("quick").sessions[0]
    prompt = prompt_of(session, session.calls[0])
    engine = NativeEngine(EngineConfig(path, weights=weights, precision=args.precision, threads=args.threads))
    # No stop token: both write exactly `new_tokens`.
    engine.tokenizer.stop_ids = frozenset()
    ids = torch.tensor([engine.tokenizer.encode_prompt(prompt.messages, prompt.tools)])
    peer = _peer(args.precision, weights, engine.precision.dtype)

    def native(new: int) -> list[int]:
        engine.reset()
        return list(engine.generate(prompt, Decoding(max_tokens=new)).token_ids)

    @torch.inference_mode()
    def transformers(new: int) -> list[int]:
        out = peer.generate(ids, max_new_tokens=new, min_new_tokens=new, do_sample=False, pad_token_id=0)
        return out[0, ids.shape[1] :].tolist()  # type: ignore[no-any-return]

    speeds: dict[str, list[float]] = {"native": [], "transformers": []}
    runners = {"native": native, "transformers": transformers}
    common = _common_prefix(native(args.new_tokens), transformers(args.new_tokens))
    for _ in range(args.repeats):
        for name, run in runners.items():
            speeds[name].append((args.new_tokens - 1) / (_time(run, args.new_tokens) - _time(run, 1)))
    ratios = [a / b for a, b in zip(speeds["native"], speeds["transformers"], strict=True)]
    for name, values in speeds.items():
        print(f"{name:>13}: {statistics.median(values):6.1f} tok/s  [{min(values):.1f}, {max(values):.1f}]")
    print(f"        ratio: {statistics.median(ratios):6.2f}x       [{min(ratios):.2f}, {max(ratios):.2f}]")
    apart = _apart(engine, peer, ids)
    print(f"the first {common} of {args.new_tokens} tokens are the same; logits differ by {apart:.2%}")
    document = {
        "precision": args.precision,
        "threads": args.threads,
        "prompt_tokens": ids.shape[1],
        "new_tokens": args.new_tokens,
        "tok_per_s": speeds,
        "ratio": {"median": statistics.median(ratios), "low": min(ratios), "high": max(ratios)},
        "common_prefix": common,
        "logits_apart": apart,
    }
    print(json.dumps(document))


def _peer(precision: str, weights: Path, dtype: torch.dtype) -> Any:
    """What transformers makes of the same weights."""
    if precision == "gptq-w4":
        from gptqmodel import GPTQModel

        return GPTQModel.load(str(weights), device="cpu").model.eval()
    quantization = None
    if precision == "nf4":
        quantization = BitsAndBytesConfig(
            load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_compute_dtype=dtype
        )
    return AutoModelForCausalLM.from_pretrained(weights, dtype=dtype, quantization_config=quantization).eval()


@torch.inference_mode()
def _apart(engine: NativeEngine, peer: Any, ids: torch.Tensor) -> float:
    """Root mean square difference of the last token's logits, over their standard deviation."""
    cache = engine.decoder.new_cache()
    here = engine.decoder.forward(ids[0], cache, last_only=True)[0]
    there = peer(ids).logits[0, -1].float()
    return float((here - there).square().mean().sqrt() / there.std())


def _time(run: Callable[[int], list[int]], new: int) -> float:
    begin = time.perf_counter()
    assert len(run(new)) == new
    return time.perf_counter() - begin


def _common_prefix(a: list[int], b: list[int]) -> int:
    return next((i for i, (x, y) in enumerate(zip(a, b, strict=True)) if x != y), len(a))


if __name__ == "__main__":
    main()
