"""Memory of this process or of a device: its peak in a call, and what happens to what was freed."""

from __future__ import annotations

import ctypes
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


def keep_freed() -> bool:
    """Keep freed memory for the next tensors instead of giving it back, where the C library is glibc.

    By default glibc asks the system anew for every block above 32 MiB; the system clears each page when it is
    first touched, which took a quarter of the time of a training step (docs/log.md). Whether it was told.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):  # another C library
        return False
    # malloc.h: M_TRIM_THRESHOLD, M_TOP_PAD, M_MMAP_MAX.
    settings = ((-1, 2**31 - 1), (-2, 64 * 2**20), (-4, 0))
    return all(mallopt(name, value) == 1 for name, value in settings)


def _portable_peak() -> int | None:
    try:
        import resource
    except ImportError:  # Windows
        return None
    import sys

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
