"""The two ceilings of the machine: how fast it reads memory, and how fast it multiplies.

Memory-bandwidth utilisation is relative to the first, the roofline of a verify step needs both. They are
measured with the kernels of torch and the lab, and cached per machine, torch, build of the lab's kernels and
thread count:

    lab probe --refresh
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

import torch
from pydantic import TypeAdapter, ValidationError

from lab.errors import UserError, did_you_mean
from lab.kernels import cpu
from lab.measure import machine, processor, workloads
from lab.measure.workloads import Ceiling, Workload
from lab.paths import cache_dir, writable_cache_dir, write_atomically

DEVICES = ("cpu", "cuda")
BUDGET_S = 15.0
_REPEATS = 3
# No workload may take longer than this once, as far as its kernel's smaller ones tell.
_LONGEST_S = 0.5
_MIB = 2**20

Timer = Callable[[Callable[[], object]], float]
"""Runs a function once and returns its seconds, the device's work included."""
Progress = Callable[[float], None]
"""Told the fraction that is done, 0 to 1."""


@dataclass(frozen=True, slots=True)
class Ceilings:
    """The best that was seen of each kind; GB are 1e9 bytes, a multiply-add is two operations.

    Attributes:
        read_gb_per_s: bytes read only.
        int8_gop_per_s: None where no int8 product ran.
        best: ceiling (`read`, `bf16`, `fp32`, `int8`) -> the kernel that reached it.
        read_by, arithmetic_by: kernel -> its best GB/s or Gop/s.
        read_passes: the best GB/s of each pass, in order; their spread is the machine's unrest.
        buffer_bytes: size of each of the two buffers that were read.
        failed: kernel -> why it gave no figure.
        others_busy: processors kept busy by others just before; None where unknown.
        measured_at: Unix time.
    """

    device: str
    threads: int
    read_gb_per_s: float
    bf16_gflop_per_s: float
    fp32_gflop_per_s: float
    int8_gop_per_s: float | None
    best: dict[str, str]
    read_by: dict[str, float]
    arithmetic_by: dict[str, float]
    read_passes: tuple[float, ...]
    buffer_bytes: int
    failed: dict[str, str]
    others_busy: float | None
    measured_at: float
    seconds: float

    @property
    def disturbed(self) -> bool:
        """Whether others used the processors, so that the figures may be too low."""
        return self.device == "cpu" and machine.is_busy(self.others_busy, self.threads)


_stored = TypeAdapter(Ceilings)


def ceilings(
    device: str = "cpu",
    threads: int | None = None,
    *,
    refresh: bool = False,
    progress: Progress | None = None,
) -> Ceilings:
    """The cached ceilings of this machine, measured and cached now if there are none or on `refresh`.

    Cached ones that were measured while others used the processors are measured anew once those are idle.

    Args:
        threads: torch's intra-op threads; by default the usable physical cores.

    Raises:
        UserError: as `measure_ceilings`, or nothing can be written to the cache.
    """
    threads = _check(device, threads)
    found = None if refresh else cached_ceilings(device, threads)
    if found and not (device == "cpu" and machine.is_overtaken(found.others_busy, threads)):
        return found
    writable_cache_dir("ceilings")  # before the seconds are spent, not after
    measured = measure_ceilings(device, threads, progress=progress)
    write_atomically(cache_path(device, threads), _stored.dump_json(measured, indent=1).decode())
    return measured


def cached_ceilings(device: str = "cpu", threads: int | None = None) -> Ceilings | None:
    """The cached ceilings, or None if there are none or the file cannot be understood."""
    try:
        return _stored.validate_json(cache_path(device, threads).read_bytes())
    except (OSError, ValidationError):
        return None


def cache_path(device: str = "cpu", threads: int | None = None) -> Path:
    """Where the ceilings of this machine are cached, or would be."""
    key = machine.machine_key(threads or machine.default_threads())
    return cache_dir() / "ceilings" / f"{key}-{cpu.build()}-{device}.json"


def measure_ceilings(
    device: str = "cpu",
    threads: int | None = None,
    *,
    budget_s: float = BUDGET_S,
    progress: Progress | None = None,
    work: Iterable[Workload] | None = None,
    timer: Timer | None = None,
) -> Ceilings:
    """Measure now: passes over all workloads until `budget_s` seconds are spent, at least one whole pass.

    A pass takes the median of three timings of every workload; a workload's figure is its best pass. All
    workloads take part in every pass, as what others do to the memory bus comes and goes within seconds.

    Args:
        work, timer: what runs and what times it; by default the lab's workloads and the device's own clock.

    Raises:
        UserError: unknown device, no such device here, or a thread count the machine does not have.
    """
    threads = _check(device, threads)
    buffer_bytes = _buffer_bytes(device)
    others = machine.load_now()
    started = time.perf_counter()
    with torch.inference_mode(), _undisturbed(device, threads):
        timer = timer or (_time_cuda if device == "cuda" else _time_cpu)
        ready, failed = _warm_up(_workloads(device, buffer_bytes) if work is None else work)
        rates = _passes(ready, timer, budget_s, progress or (lambda _fraction: None))
    best = _best(rates)
    for ceiling in ("read", "bf16", "fp32"):
        if ceiling not in best:
            raise UserError(
                f"cannot measure {ceiling} on {device}", got="; ".join(failed.values()) or "no kernel for it"
            )
    top = {ceiling: max(rates[workload]) for ceiling, workload in best.items()}
    return Ceilings(
        device=device,
        threads=threads,
        read_gb_per_s=top["read"],
        bf16_gflop_per_s=top["bf16"],
        fp32_gflop_per_s=top["fp32"],
        int8_gop_per_s=top.get("int8"),
        best={ceiling: workload.label for ceiling, workload in best.items()},
        read_by={w.label: max(rate) for w, rate in rates.items() if w.ceiling == "read"},
        arithmetic_by={w.label: max(rate) for w, rate in rates.items() if w.ceiling != "read"},
        read_passes=tuple(
            map(max, zip(*(rate for w, rate in rates.items() if w.ceiling == "read"), strict=True))
        ),
        buffer_bytes=buffer_bytes,
        failed=failed,
        others_busy=others,
        measured_at=time.time(),
        seconds=time.perf_counter() - started,
    )


def best_read(top: Ceilings, buffer_bytes: int) -> Workload:
    """The kernel that read fastest, over two new buffers of `buffer_bytes` (a multiple of 16 KiB)."""
    return next(w for w in workloads.reads(top.device, buffer_bytes) if w.label == top.best["read"])


class ReadMeter:
    """How fast a CPU's memory reads at the moment, by the kernel that the probe found best.

    Memory that is shared with others changes its rate within seconds. The buffers are half as large as the
    probe's.
    """

    def __init__(self, top: Ceilings):
        self._work, self._threads = best_read(top, top.buffer_bytes // 2), top.threads

    def gb_per_s(self) -> float:
        """Read the buffers three times, for the best; some 30 to 150 ms."""
        with torch.inference_mode(), _undisturbed("cpu", self._threads):
            return self._work.best_rate(_time_cpu) / 1e9


def _workloads(device: str, buffer_bytes: int) -> Iterator[Workload]:
    yield from workloads.reads(device, buffer_bytes)
    for shape in workloads.SHAPES[device]:
        yield from workloads.products(device, shape)


def _warm_up(work: Iterable[Workload]) -> tuple[list[Workload], dict[str, str]]:
    """The workloads that run and are right, and why the others are not among them."""
    ready, failed = [], {}
    rates: dict[str, float] = {}
    for workload in work:
        expected_s = workload.work / rates.get(workload.kernel, float("inf"))
        if expected_s > _LONGEST_S:
            failed[workload.label] = f"would take {expected_s:.1f} s at the rate of smaller ones"
            continue
        began = time.perf_counter()
        try:
            result = workload.run()
            rates[workload.kernel] = workload.work / (time.perf_counter() - began)
            right = workload.correct(result)
        except (
            RuntimeError,
            AttributeError,
        ) as error:  # a torch build without the operator, or refusing the layout
            failed[workload.label] = str(error).splitlines()[0]
            continue
        if right:
            ready.append(workload)
        else:
            failed[workload.label] = "its result was wrong"
    return ready, failed


def _passes(
    work: list[Workload], timer: Timer, budget_s: float, progress: Progress
) -> dict[Workload, list[float]]:
    """1e9 units of work a second, per workload and pass."""
    rates: dict[Workload, list[float]] = {workload: [] for workload in work}
    started = began = time.perf_counter()
    spent = last_pass = 0.0
    while spent == 0.0 or spent + last_pass <= budget_s:
        for workload in work:
            seconds = statistics.median(timer(workload.run) for _ in range(_REPEATS))
            rates[workload].append(workload.work / seconds / 1e9)
            if budget_s > 0:
                progress(min(1.0, (time.perf_counter() - started) / budget_s))
        now = time.perf_counter()
        spent, last_pass, began = now - started, now - began, now
    progress(1.0)
    return rates


def _best(rates: dict[Workload, list[float]]) -> dict[str, Workload]:
    kinds = {kind: [w for w in rates if w.ceiling == kind] for kind in get_args(Ceiling)}
    return {kind: max(found, key=lambda w: max(rates[w])) for kind, found in kinds.items() if found}


def _buffer_bytes(device: str) -> int:
    """Size of one buffer: many times the last-level cache, but no large part of the free memory."""
    if device == "cuda":
        size = min(1024 * _MIB, torch.cuda.mem_get_info()[0] // 8)
    else:
        wanted = 8 * (processor.last_level_bytes() or 32 * _MIB)
        size = min(max(wanted, 128 * _MIB), 1024 * _MIB, machine.available_memory() // 8)
    return max(1, size // _MIB) * _MIB


def _time_cpu(run: Callable[[], object]) -> float:
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def _time_cuda(run: Callable[[], object]) -> float:
    start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    start.record()
    run()
    end.record()
    end.synchronize()
    return float(start.elapsed_time(end)) / 1e3


@contextmanager
def _undisturbed(device: str, threads: int) -> Iterator[None]:
    """Computes with `threads`, and leaves torch's thread count and random numbers as they were."""
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        with torch.random.fork_rng(devices=[torch.cuda.current_device()] if device == "cuda" else []):
            torch.manual_seed(0)
            yield
    finally:
        torch.set_num_threads(before)


def _check(device: str, threads: int | None) -> int:
    if device not in DEVICES:
        raise UserError(
            "device", got=device, expected=f"one of {', '.join(DEVICES)}", hint=did_you_mean(device, DEVICES)
        )
    if device == "cuda" and not torch.cuda.is_available():
        raise UserError(
            "device cuda", got="no GPU that torch can use", hint="`lab doctor` says what is missing."
        )
    cores = len(processor.usable_cpus())
    if threads is not None and not 1 <= threads <= cores:
        raise UserError("threads", got=threads, expected=f"1 to {cores}, the processors this process may use")
    return threads or machine.default_threads()
