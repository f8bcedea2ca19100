"""Plain steps and verify steps of the native engine against llama.cpp's: same weights, threads, context.

    python benchmarks/decode_vs_llama_cpp.py --peer /path/to/venv/bin/python [--type q4_0 --precision rtn-w4]

llama.cpp runs as a child process in an environment of its own (with xllamacpp, gguf, torch, safetensors),
on a GGUF file that is written for it: all linear layers and the head in `--type`, or, in the 4-bit types,
the head in q8_0. The two take turns, so that a drift of the machine meets both. A plain step is what one
more token takes; a verify step is one forward of 8 more tokens behind the context, of which llama.cpp
computes the last one's logits alone and the native engine all. The last line is one JSON document.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROWS = 8


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--peer", help="Python of an environment with xllamacpp and gguf.")
    parser.add_argument("--model", default="smollm2-135m")
    parser.add_argument("--precision", default="bf16")
    parser.add_argument("--type", default="bf16", choices=("bf16", "q4_0", "q4_1", "q8_0"))
    parser.add_argument("--context", type=int, default=512)
    parser.add_argument("--new-tokens", type=int, default=64)
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--threads", type=int)
    parser.add_argument("--child", type=Path, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.child:
        _serve(args.child)
        return

    from lab.engines.base import EngineConfig
    from lab.engines.native import NativeEngine
    from lab.measure.choice import choose_kernels
    from lab.measure.machine import default_threads
    from lab.quantize.weights import weights_for
    from lab.zoo.resolve import resolve

    files = resolve(args.model)
    threads = args.threads or default_threads()
    weights = weights_for(files, args.precision, {})
    kernels = choose_kernels(weights, args.precision, threads=threads).kernels
    engine = NativeEngine(
        EngineConfig(files.path, weights, precision=args.precision, threads=threads, kernels=kernels)
    )
    job = {
        "model": str(files.path),
        "type": args.type,
        "threads": threads,
        "context": args.context,
        "new_tokens": args.new_tokens,
    }
    found: dict[str, dict[str, list[float]]] = {
        name: {"plain": [], "verify": []} for name in ("native", "llama.cpp")
    }
    with tempfile.TemporaryDirectory() as folder, _child(args.peer, job, Path(folder)) as ask:
        runners = {"native": lambda: _native(engine, args.context, args.new_tokens), "llama.cpp": ask}
        for run in runners.values():
            run()
        for _ in range(args.repeats):
            for name, run in runners.items():
                for step, seconds in run().items():
                    found[name][step].append(seconds)
    document: dict[str, Any] = job | {"precision": args.precision, "kernels": kernels, "step_s": found}
    del document["model"]
    for step in ("plain", "verify"):
        ratios = [b / a for a, b in zip(*(found[name][step] for name in found), strict=True)]
        document[f"{step}_ratio"] = {
            "median": statistics.median(ratios),
            "low": min(ratios),
            "high": max(ratios),
        }
        times = "  ".join(f"{name} {1e3 * statistics.median(found[name][step]):.1f} ms" for name in found)
        print(
            f"{step:>6} step: {times}  native {statistics.median(ratios):.2f}x as fast "
            f"[{min(ratios):.2f}, {max(ratios):.2f}]"
        )
    print(json.dumps(document))


def _native(engine: Any, context: int, new_tokens: int) -> dict[str, float]:
    """Seconds of a plain step, in the mean, and of a verify step."""
    import torch

    decoder, cache = engine.decoder, engine.decoder.new_cache()
    generator = torch.Generator().manual_seed(0)
    tokens = torch.randint(100, 40_000, (context,), generator=generator)
    for block in tokens.split(512):
        decoder.forward(block, cache, last_only=True)
    begin = time.perf_counter()
    logits = decoder.forward(tokens[:ROWS], cache)
    verify = time.perf_counter() - begin
    cache.truncate(context)
    begin = time.perf_counter()
    for _ in range(new_tokens):
        logits = decoder.forward(logits[-1:].argmax(-1), cache)
    return {"plain": (time.perf_counter() - begin) / new_tokens, "verify": verify}


@contextmanager
def _child(python: str, job: dict[str, Any], folder: Path) -> Iterator[Any]:
    """The peer, which answers every line with the times of one pass."""
    path = folder / "job.json"
    path.write_text(json.dumps(job), encoding="utf-8")
    process = subprocess.Popen(
        [python, "-P", __file__, "--child", str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    stdin, stdout = process.stdin, process.stdout

    def ask() -> dict[str, float]:
        stdin.write("go\n")
        stdin.flush()
        line = stdout.readline()
        while line and not line.startswith("{"):
            line = stdout.readline()
        if not line:
            sys.exit(f"the peer ended with code {process.wait()}")
        times: dict[str, float] = json.loads(line)
        return times

    try:
        yield ask
    finally:
        process.kill()
        process.wait()


def _serve(path: Path) -> None:
    """The child: llama.cpp on the model as GGUF."""
    import random

    import xllamacpp

    job = json.loads(path.read_text(encoding="utf-8"))
    file = path.with_name("model.gguf")
    _write_gguf(Path(job["model"]), file, job["type"])
    params = xllamacpp.CommonParams()
    params.model.path = str(file)
    params.n_ctx = job["context"] + job["new_tokens"] + 64
    params.n_parallel = 1
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = job["threads"]
    params.warmup = False
    server = xllamacpp.Server(params)
    draw = random.Random(0)
    tokens = [draw.randrange(100, 40_000) for _ in range(job["context"])]

    def complete(prompt: list[int], count: int) -> dict[str, Any]:
        request = {
            "prompt": prompt,
            "n_predict": count,
            "max_tokens": count,
            "temperature": 0,
            "cache_prompt": True,
            "ignore_eos": True,
        }
        answer = server.handle_completions(request)
        answer = json.loads(answer) if isinstance(answer, str | bytes) else answer
        timings: dict[str, Any] = answer["timings"]
        return timings

    for _ in sys.stdin:
        complete(tokens, 1)
        verify = complete(tokens + tokens[:ROWS], 1)
        assert verify["prompt_n"] == ROWS, verify
        plain = complete(tokens, job["new_tokens"])
        assert plain["predicted_n"] == job["new_tokens"], plain
        # The first of the new tokens comes from the prompt's forward.
        steps = job["new_tokens"] - 1
        times = {"plain": plain["predicted_ms"] / steps / 1e3, "verify": verify["prompt_ms"] / 1e3}
        print(json.dumps(times), flush=True)


def _write_gguf(model: Path, out: Path, kind: str) -> None:
    """A Llama checkpoint in bf16 as GGUF, its linear layers and head in `kind`."""
    import gguf
    import numpy as np
    from gguf import GGMLQuantizationType as Type
    from gguf import quants
    from safetensors import safe_open

    config = json.loads((model / "config.json").read_text())
    tokenizer = json.loads((model / "tokenizer.json").read_text())
    heads, kv_heads = config["num_attention_heads"], config["num_key_value_heads"]
    writer = gguf.GGUFWriter(str(out), "llama")
    writer.add_context_length(config["max_position_embeddings"])
    writer.add_embedding_length(config["hidden_size"])
    writer.add_block_count(config["num_hidden_layers"])
    writer.add_feed_forward_length(config["intermediate_size"])
    writer.add_head_count(heads)
    writer.add_head_count_kv(kv_heads)
    writer.add_layer_norm_rms_eps(config["rms_norm_eps"])
    theta = config.get("rope_theta") or config["rope_parameters"]["rope_theta"]
    writer.add_rope_freq_base(theta)
    writer.add_rope_dimension_count(config["hidden_size"] // heads)
    writer.add_vocab_size(config["vocab_size"])
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("smollm")
    vocabulary = sorted(tokenizer["model"]["vocab"], key=tokenizer["model"]["vocab"].__getitem__)
    writer.add_token_list(vocabulary)
    writer.add_token_types([gguf.TokenType.NORMAL] * len(vocabulary))
    merges = tokenizer["model"]["merges"]
    writer.add_token_merges([m if isinstance(m, str) else " ".join(m) for m in merges])

    def turned(weight: Any, count: int) -> Any:
        """Rotated halves as rotated pairs, which llama.cpp expects of this architecture."""
        return weight.reshape(count, 2, -1, weight.shape[1]).swapaxes(1, 2).reshape(weight.shape)

    def add(name: str, weight: Any, stored: Type) -> None:
        if stored == Type.F32:
            writer.add_tensor(name, weight)
        else:
            writer.add_tensor(name, quants.quantize(weight, stored), raw_dtype=stored)

    stored = Type[kind.upper()]
    names = {
        "self_attn.q_proj": ("attn_q", heads),
        "self_attn.k_proj": ("attn_k", kv_heads),
        "self_attn.v_proj": ("attn_v", None),
        "self_attn.o_proj": ("attn_output", None),
        "mlp.gate_proj": ("ffn_gate", None),
        "mlp.up_proj": ("ffn_up", None),
        "mlp.down_proj": ("ffn_down", None),
    }
    with safe_open(model / "model.safetensors", "pt") as file:

        def get(name: str) -> Any:
            return file.get_tensor(name).float().numpy().astype(np.float32)

        # A tied head is the embedding's table: in 4 bits it would be another model.
        table = Type.Q8_0 if kind.startswith("q4") else stored
        add("token_embd.weight", get("model.embed_tokens.weight"), table)
        add("output_norm.weight", get("model.norm.weight"), Type.F32)
        if not config.get("tie_word_embeddings", False):
            add("output.weight", get("lm_head.weight"), table)
        for layer in range(config["num_hidden_layers"]):
            place, here = f"model.layers.{layer}", f"blk.{layer}"
            add(f"{here}.attn_norm.weight", get(f"{place}.input_layernorm.weight"), Type.F32)
            add(f"{here}.ffn_norm.weight", get(f"{place}.post_attention_layernorm.weight"), Type.F32)
            for theirs, (mine, count) in names.items():
                weight = get(f"{place}.{theirs}.weight")
                add(f"{here}.{mine}.weight", turned(weight, count) if count else weight, stored)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


if __name__ == "__main__":
    main()
