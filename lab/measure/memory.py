"""The peak memory of a call: of this process on a CPU, of the device on CUDA."""

from __future__ import annotations

from pathlib import Path

import torch

_STATUS = Path("/proc/self/status")
_CLEAR = Path("/proc/self/clear_refs")


def reset_peak(device: torch.device) -> None:
    """Start measuring anew, where the system allows it (CUDA, Linux); elsewhere the peak is the process's."""
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
        return
    try:
        # 5 resets the high-water mark of the resident set (proc(5)).
        _CLEAR.write_text("5")
    except OSError:
        return


def peak_bytes(device: torch.device) -> int | None:
    """The peak in bytes since the last reset; None where the system does not tell."""
    if device.type == "cuda":
        return int(torch.cuda.max_memory_allocated(device))
    try:
        line = next(line for line in _STATUS.read_text().splitlines() if line.startswith("VmHWM:"))
    except (OSError, StopIteration):
        return _portable_peak()
    return int(line.split()[1]) * 1024


def _portable_peak() -> int | None:
    try:
        import resource
    except ImportError:  # Windows
        return None
    import sys

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
