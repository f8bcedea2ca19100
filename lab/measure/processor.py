"""What the operating system says of the processor and of the share of it this process may use."""

from __future__ import annotations

import os
import platform
import re
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import psutil

SYS = Path("/sys")
PROC = Path("/proc")

# What decides which kernels a CPU can run, as Linux spells it; `asimd` is ARM's NEON.
FEATURES = (
    "avx2", "fma", "f16c", "avx_vnni", "avx512f", "avx512bw", "avx512_vnni", "avx512_bf16", "avx512_fp16",
    "amx_tile", "amx_int8", "amx_bf16", "asimd", "asimddp", "i8mm", "bf16", "sve", "sve2",
)  # fmt: skip


def _read(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return None


@cache
def _sysctl(name: str) -> str | None:
    """One value of macOS' sysctl; None elsewhere."""
    if platform.system() != "Darwin":
        return None
    found = subprocess.run(["sysctl", "-n", name], capture_output=True, text=True, check=False)
    return found.stdout.strip() or None


def _cpuinfo(key: str) -> str | None:
    found = re.search(rf"^{key}\s*:\s*(.+)$", _read(PROC / "cpuinfo") or "", re.MULTILINE)
    return found[1].strip() if found else None


def model_name() -> str:
    """The processor's name as it gives it, or its architecture where it gives none."""
    return _cpuinfo("model name") or _sysctl("machdep.cpu.brand_string") or platform.machine()


def features() -> list[str]:
    """Those of `FEATURES` the processor has; `asimd` is given as `neon`."""
    flags = set((_cpuinfo("flags") or _cpuinfo("Features") or "").split())
    flags |= set((_sysctl("machdep.cpu.leaf7_features") or "").lower().split())
    if platform.machine().lower() in ("arm64", "aarch64"):
        flags.add("asimd")  # part of every 64-bit ARM processor, also where the system lists no flags
    return ["neon" if name == "asimd" else name for name in FEATURES if name in flags]


def usable_cpus() -> list[int]:
    """Numbers of the logical processors that this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return sorted(os.sched_getaffinity(0))
    return list(range(os.cpu_count() or 1))


def cgroup_quota() -> float | None:
    """The processors' worth of time that the control group grants, or None without a limit."""
    quotas = []
    for folder in _cgroup_folders("cpu"):
        quota, _, period = (_read(folder / "cpu.max") or "").partition(" ")
        if not quota:  # version 1 keeps the two numbers in two files
            quota = _read(folder / "cpu.cfs_quota_us") or ""
            period = _read(folder / "cpu.cfs_period_us") or ""
        if quota.isdigit() and period.isdigit() and int(period):
            quotas.append(int(quota) / int(period))
    return min(quotas, default=None)


def usable_cores() -> int:
    """Physical cores that this process may use, by affinity and by quota; at least 1."""
    cpus = usable_cpus()
    topology = SYS / "devices/system/cpu"
    cores = {(_read(topology / f"cpu{n}/topology/physical_package_id"), core)
             for n in cpus if (core := _read(topology / f"cpu{n}/topology/core_id")) is not None}  # fmt: skip
    physical = len(cores) or min(psutil.cpu_count(logical=False) or len(cpus), len(cpus))
    quota = cgroup_quota()
    return max(1, physical if quota is None else min(physical, int(quota)))


def caches() -> dict[str, dict[str, int]]:
    """Name (`L1d`, `L2`, `L3`) -> `bytes` of one and the number of `instances` over the usable processors."""
    seen: dict[str, dict[str, int]] = {}
    for cpu in usable_cpus():
        for entry in sorted((SYS / f"devices/system/cpu/cpu{cpu}/cache").glob("index*")):
            kind, level = _read(entry / "type"), _read(entry / "level")
            size = re.fullmatch(r"(\d+)K", _read(entry / "size") or "")
            if kind in ("Data", "Unified") and size:
                name = f"L{level}{'d' if level == '1' else ''}"
                seen.setdefault(name, {})[_read(entry / "shared_cpu_list") or str(cpu)] = int(size[1]) * 1024
    return {name: {"bytes": max(found.values()), "instances": len(found)} for name, found in seen.items()}


def last_level_bytes() -> int | None:
    """All instances of the largest cache level together, bytes; None where the system does not say."""
    return max((level["bytes"] * level["instances"] for level in caches().values()), default=None)


def memory_total() -> int:
    """Bytes of memory that this process may use: the machine's, or the control group's limit if lower."""
    limits = [psutil.virtual_memory().total]
    for folder in _cgroup_folders("memory"):
        limit = _read(folder / "memory.max") or _read(folder / "memory.limit_in_bytes") or ""
        limits += [int(limit)] if limit.isdigit() else []
    return min(limits)


def describe() -> dict[str, Any]:
    """The hardware part of the fingerprint, without the GPUs."""
    return {
        "processor": model_name(),
        "architecture": platform.machine(),
        "logical_cores": os.cpu_count(),
        "usable_logical_cores": len(usable_cpus()),
        "usable_physical_cores": usable_cores(),
        "cpu_quota": cgroup_quota(),
        "features": features(),
        "caches": caches(),
        "memory_bytes": memory_total(),
    }


def _cgroup_folders(controller: str) -> list[Path]:
    """The control groups of this process for that controller, innermost first, the root last."""
    root, folders = SYS / "fs/cgroup", []
    for line in (_read(PROC / "self/cgroup") or "").splitlines():
        _, controllers, path = line.split(":", 2)
        base = root / controller if controllers else root
        if not controllers or controller in controllers.split(","):
            inner = base / path.lstrip("/")
            folders += [inner, *(parent for parent in inner.parents if parent.is_relative_to(base))]
    return folders
