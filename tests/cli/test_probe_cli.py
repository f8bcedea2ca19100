from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from lab.cli.probe import probe, warnings
from lab.measure import ceilings as module
from lab.measure.ceilings import Ceilings

QUIET = Ceilings(
    device="cpu",
    threads=1,
    read_gb_per_s=33.04,
    bf16_gflop_per_s=413.0,
    fp32_gflop_per_s=150.0,
    int8_gop_per_s=None,
    best={"read": "max int64", "bf16": "linear bf16 1x2x3", "fp32": "linear fp32 1x2x3"},
    read_by={"max int64": 33.04},
    arithmetic_by={"linear bf16 1x2x3": 413.0},
    read_passes=(32.0, 33.04),
    buffer_bytes=256 * 2**20,
    failed={"_int_mm by rows 1x2x3": "not in this build"},
    others_busy=0.0,
    measured_at=1.5,
    seconds=15.0,
)


@pytest.fixture
def calls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, int]]:
    """Replaces the measurement; collects its arguments."""
    monkeypatch.setenv("LAB_CACHE", str(tmp_path))
    seen: list[tuple[str, int]] = []

    def measure(device: str, threads: int, **_options: Any) -> Ceilings:
        seen.append((device, threads))
        return replace(QUIET, threads=threads)

    monkeypatch.setattr(module, "measure_ceilings", measure)
    return seen


def test_figures_their_kernels_and_the_cache_are_shown(calls: list[tuple[str, int]], tmp_path: Path) -> None:
    result = CliRunner().invoke(probe, ["--threads", "1"])
    assert result.exit_code == 0, result.output
    text = result.output
    assert "33.04 GB/s" in text
    assert "max int64" in text
    assert "413 GFLOP/s" in text
    assert "no kernel for it here" in text
    assert "left out: _int_mm by rows 1x2x3: not in this build" in text
    assert str(tmp_path) in text
    assert "warning" not in text
    assert calls == [("cpu", 1)]


def test_json_is_the_last_line_and_one_document(calls: list[tuple[str, int]]) -> None:
    result = CliRunner().invoke(probe, ["--threads", "1", "--json"])
    document = json.loads(result.output.splitlines()[-1])
    assert document["ceilings"]["read_gb_per_s"] == 33.04
    assert document["ceilings"]["int8_gop_per_s"] is None
    assert Path(document["cached_in"]).is_file()
    assert len(calls) == 1


def test_only_refresh_measures_what_is_cached_again(calls: list[tuple[str, int]]) -> None:
    for arguments in ([], [], ["--refresh"]):
        CliRunner().invoke(probe, ["--threads", "1", *arguments], catch_exceptions=False)
    assert len(calls) == 2


def test_a_busy_machine_is_warned_about(
    calls: list[tuple[str, int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "measure_ceilings", lambda *_a, **_k: replace(QUIET, others_busy=0.6))
    result = CliRunner().invoke(probe, ["--threads", "1"])
    assert "0.6 of 1 processors busy" in result.output
    assert calls == []


def test_bandwidth_that_drifts_is_warned_about_and_a_quiet_machine_is_not() -> None:
    assert warnings(QUIET) == []
    assert warnings(replace(QUIET, others_busy=None)) == []
    assert warnings(replace(QUIET, device="cuda", others_busy=4.0)) == []
    (warning,) = warnings(replace(QUIET, read_passes=(33.0, 52.0)))
    assert "33 to 52 GB/s" in warning


def test_the_commands_load_without_torch() -> None:
    code = (
        "import sys, lab.cli.probe, lab.cli.doctor; "
        "print([name for name in ('torch', 'transformers', 'matplotlib') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
