from __future__ import annotations

import platform
import resource
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from lab.measure import memory

CPU = torch.device("cpu")


def test_the_peak_is_the_high_water_mark_of_the_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    status = tmp_path / "status"
    status.write_text("Name:\tpython\nVmPeak:\t  999 kB\nVmHWM:\t  123 kB\nVmRSS:\t  100 kB\n")
    monkeypatch.setattr(memory, "_STATUS", status)
    assert memory.peak_bytes(CPU) == 123 * 1024


PEAKS = """
import torch
from lab.measure import memory
cpu = torch.device("cpu")
memory.reset_peak(cpu)
before = memory.peak_bytes(cpu)
block = torch.ones(200_000_000, dtype=torch.uint8)
del block
print(memory.peak_bytes(cpu) - before)
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the system has no /proc")
def test_memory_that_was_used_and_given_back_is_in_the_peak() -> None:
    # In a process of its own: another test's freed memory would be used again.
    assert int(subprocess.check_output([sys.executable, "-c", PEAKS], text=True)) > 150_000_000


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


FAULTS = """
import resource, torch
from lab.measure.memory import keep_freed
def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(8):
        torch.ones(64 * 2**20, dtype=torch.uint8)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
by_default = faults()
told = keep_freed()
faults()  # the first ones are new all the same
print(told, by_default, faults())
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="the C library is not glibc")
def test_freed_memory_is_used_again_without_asking_for_its_pages() -> None:
    # In a process of its own: it cannot be undone.
    told, by_default, after = subprocess.check_output([sys.executable, "-c", FAULTS], text=True).split()
    assert told == "True"
    assert int(after) * 20 < int(by_default)


def test_another_c_library_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory.ctypes, "CDLL", lambda _: SimpleNamespace())
    assert memory.keep_freed() is False
