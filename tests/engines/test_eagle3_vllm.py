"""The embedded head in vLLM, which runs in an environment of its own (`.ci/vllm` makes one)."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from lab.zoo.catalog import CATALOG
from lab.zoo.pull import package_folder

SCRIPT = Path(__file__).resolve().parents[2] / "benchmarks" / "eagle3_vs_vllm.py"
AGENT = CATALOG["smollm2-135m-agent"]


@pytest.mark.slow
def test_the_accepted_length_in_vllm_is_the_native_chain_s() -> None:
    vllm = os.environ.get("LAB_VLLM_PYTHON")
    if vllm is None:
        pytest.skip("LAB_VLLM_PYTHON names no Python with vLLM")
    assert AGENT.draft_head is not None
    head = package_folder() / AGENT.draft_head
    done = subprocess.run(
        [sys.executable, "-P", str(SCRIPT), AGENT.name, str(head), "--vllm", vllm],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    document = json.loads(done.stdout.splitlines()[-1])
    assert document["native"]["steps"] > 100
    assert abs(document["difference"]) <= 0.05
