"""The folder that the lab's GPTQ writes, in vLLM, which runs in an environment of its own (`.ci/vllm`)."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from itertools import islice
from pathlib import Path

import pytest
import torch

from lab.engines.base import EngineConfig
from lab.engines.native import NativeEngine
from lab.quantize.weights import weights_for
from lab.replay import prompt_of
from lab.scenarios.generate import generate
from lab.zoo.resolve import resolve

# Reads {"model", "prompts"} and writes beside them the likeliest token behind every token but the last.
_CHILD = """
import json, sys
from vllm import LLM, SamplingParams

with open(sys.argv[1]) as file:
    job = json.load(file)
engine = LLM(model=job["model"], dtype="bfloat16", enforce_eager=True, max_model_len=2048, max_num_seqs=1)
params = SamplingParams(temperature=0.0, max_tokens=1, prompt_logprobs=1)
job["likeliest"] = []
for ids in job["prompts"]:
    found = engine.generate({"prompt_token_ids": ids}, params, use_tqdm=False)[0].prompt_logprobs[1:]
    best = [next(token for token, logprob in each.items() if logprob.rank == 1) for each in found]
    job["likeliest"].append(best)
with open(sys.argv[1], "w") as file:
    json.dump(job, file)
"""


@pytest.mark.slow
def test_vllm_reads_what_the_lab_quantized(tmp_path: Path) -> None:
    vllm = os.environ.get("LAB_VLLM_PYTHON")
    if vllm is None:
        pytest.skip("LAB_VLLM_PYTHON names no Python with vLLM")
    files = resolve("smollm2-135m-agent")
    folder = weights_for(files, "gptq-w4", {})
    assert folder is not None
    engine = NativeEngine(EngineConfig(files.path, folder, precision="gptq-w4"))
    prompts = [
        engine.tokenizer.encode_prompt(prompt.messages, prompt.tools)
        for session in islice(generate("extraction", n=3, seed=2), 3)
        for prompt in [prompt_of(session, session.calls[0])]
    ]
    job = tmp_path / "job.json"
    job.write_text(json.dumps({"model": str(folder), "prompts": prompts}), encoding="utf-8")
    # On processors with AMX vLLM rounds the rows to 8 bits, too, unless it is told not to: another precision.
    environment = os.environ | {
        "VLLM_CPU_KVCACHE_SPACE": "1",
        "VLLM_CPU_INT4_W4A8": "0",
        "HF_HUB_OFFLINE": "1",
    }
    # vLLM's processes do not always end in good order: what counts is what it wrote.
    subprocess.run([vllm, "-P", "-c", _CHILD, str(job)], check=False, env=environment, stdout=sys.stderr)
    theirs = json.loads(job.read_text(encoding="utf-8"))["likeliest"]
    same = sure = wrong = 0
    for ids, found in zip(prompts, theirs, strict=True):
        logits = engine.decoder.forward(torch.tensor(ids[:-1]), engine.decoder.new_cache())
        best = logits.topk(2, dim=-1)
        agree = best.indices[:, 0] == torch.tensor(found)
        # Both round to bf16 on the way: they may part where two tokens are almost as likely.
        clear = best.values[:, 0] - best.values[:, 1] > 1.0
        same, sure, wrong = (
            same + int(agree.sum()),
            sure + int(clear.sum()),
            wrong + int((clear & ~agree).sum()),
        )
    tokens = sum(len(ids) - 1 for ids in prompts)
    print(f"{same} of {tokens} likeliest tokens are the same; of {sure} clear ones {wrong} are not")
    assert sure > 300
    assert wrong == 0
    assert same >= 0.95 * tokens
