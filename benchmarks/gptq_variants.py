"""What each way to make `gptq-w4` costs in quality: group sizes, zero points, order of columns, who makes it.

    python benchmarks/gptq_variants.py [--model smollm2-135m-agent] [--variants lab-64,lab-64-asym,..]

A variant is BY-GROUP with -asym (zero points) and -actorder (GPTQModel's stored order of columns) behind it;
those of GPTQModel need the extra `gptq`. All calibrate on the sessions that `lab models quantize` takes, and
are held against bf16 on the recorded replies of held-out sessions: KL(bf16 || variant) in nats a token, and
tokens with the same likeliest candidate. rtn-w4 stands beside them. The last line is one JSON document.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from pathlib import Path

import torch

from lab.engines.base import EngineConfig
from lab.engines.native import NativeEngine
from lab.measure.machine import default_threads
from lab.measure.quality import NOTHING, Quality, quality
from lab.models.decoder import Decoder
from lab.models.examples import Example, collect, examples_of
from lab.quantize.base import FAMILIES, LENGTH, GptqConfig
from lab.quantize.folder import quantize_gptq
from lab.scenarios.generate import generate
from lab.zoo.resolve import resolve

VARIANTS = "lab-64,lab-64-asym,lab-32,lab-32-asym,lab-128"
HELD_OUT, SEED = ("chain", "dialogue", "sql", "extraction", "retry", "rag"), 5


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="smollm2-135m-agent")
    parser.add_argument("--variants", default=VARIANTS)
    parser.add_argument("--sessions", type=int, default=3, help="Held-out sessions of each family.")
    args = parser.parse_args()
    variants = {name: _config(name) for name in args.variants.split(",")}
    files = resolve(args.model)
    reference = _engine(files.path, "bf16")
    held_out = [
        example
        for family in HELD_OUT
        for session in generate(family, n=args.sessions, seed=SEED)
        for example in examples_of(session, reference.tokenizer)
    ]
    sessions = [s for family, n in FAMILIES.items() for s in generate(family, n=n, seed=0, split="train")]
    sequences = collect(sessions, reference.tokenizer, length=LENGTH).sequences
    calibration = [example.ids.tolist() for example in sequences]
    print(f"{len(calibration)} sequences, {sum(map(len, calibration))} tokens of calibration")
    found = {"rtn-w4": _judge("rtn-w4", _engine(files.path, "rtn-w4").decoder, reference.decoder, held_out)}
    with tempfile.TemporaryDirectory() as folder:
        for name, config in variants.items():
            began = time.perf_counter()
            path = quantize_gptq(files, calibration, config, Path(folder, name))
            seconds = time.perf_counter() - began
            judged = _judge(name, _engine(files.path, "gptq-w4", path).decoder, reference.decoder, held_out)
            found[name] = judged | {"seconds": seconds}
    print(json.dumps(found))


def _config(name: str) -> GptqConfig:
    by, group, *more = name.split("-")
    return GptqConfig(by=by, group=int(group), asymmetric="asym" in more, act_order="actorder" in more)


def _engine(path: Path, precision: str, weights: Path | None = None) -> NativeEngine:
    return NativeEngine(EngineConfig(path, weights, precision=precision, threads=default_threads()))


def _judge(name: str, decoder: Decoder, reference: Decoder, held_out: list[Example]) -> dict[str, float]:
    found: Quality = sum((quality(decoder, reference, [example]) for example in held_out), NOTHING)
    kl, top1, size = found.kl / found.tokens, found.agree / found.tokens, decoder.stored_bytes
    print(f"{name:>24}: KL {kl:.4f} nats, top-1 {top1:.1%} of {found.tokens} tokens, {size / 1e6:.0f} MB")
    return {"kl": kl, "top1": top1, "tokens": found.tokens, "bytes": size}


if __name__ == "__main__":
    torch.set_num_threads(default_threads())
    main()
