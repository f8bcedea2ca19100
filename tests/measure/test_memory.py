from __future__ import annotations

import resource
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from lab.measure import memory

CPU = torch.device("cpu")
MEGABYTE = 1_000_000


def test_the_peak_is_the_high_water_mark_of_the_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    status = tmp_path / "status"
    status.write_text("Name:\tpython\nVmPeak:\t  999 kB\nVmHWM:\t  123 kB\nVmRSS:\t  100 kB\n")
    monkeypatch.setattr(memory, "_STATUS", status)
    assert memory.peak_bytes(CPU) == 123 * 1024


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the system has no /proc")
def test_memory_that_was_used_and_given_back_is_in_the_peak() -> None:
    memory.reset_peak(CPU)
    before = memory.peak_bytes(CPU)
    block = torch.ones(200 * MEGABYTE, dtype=torch.uint8)
    del block
    after = memory.peak_bytes(CPU)
    assert before is not None
    assert after is not None
    assert after - before > 150 * MEGABYTE


@pytest.mark.parametrize(("system", "expected"), [("linux", 7 * 1024), ("darwin", 7)])
def test_without_proc_the_process_s_own_maximum_is_told_in_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, system: str, expected: int
) -> None:
    monkeypatch.setattr(memory, "_STATUS", tmp_path / "none")
    monkeypatch.setattr(resource, "getrusage", lambda who: SimpleNamespace(ru_maxrss=7))  # noqa: ARG005
    monkeypatch.setattr(sys, "platform", system)
    assert memory.peak_bytes(CPU) == expected


def test_where_nothing_tells_the_peak_is_unknown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "_STATUS", tmp_path / "none")
    monkeypatch.setitem(sys.modules, "resource", None)
    assert memory.peak_bytes(CPU) is None


def test_a_system_that_does_not_reset_the_peak_is_no_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memory, "_CLEAR", tmp_path / "no folder" / "clear_refs")
    memory.reset_peak(CPU)
