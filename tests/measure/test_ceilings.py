from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch._subclasses.fake_tensor import FakeTensorMode

from lab.errors import UserError
from lab.measure import ceilings as module
from lab.measure import machine, processor, workloads
from lab.measure.ceilings import Ceilings, cache_path, cached_ceilings, ceilings, measure_ceilings
from lab.measure.workloads import Workload

KIB16 = 16 * 1024


@pytest.fixture(autouse=True)
def _quiet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(machine, "load_now", lambda: 0.0)


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_buffer_bytes", lambda _device: KIB16)
    monkeypatch.setattr(workloads, "SHAPES", {"cpu": ((32, 48, 64),)})


@pytest.fixture
def measured(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Replaces the measurement; collects the thread counts it was asked for."""
    asked: list[int] = []

    def fake(_device: str, threads: int, **_options: Any) -> Ceilings:
        asked.append(threads)
        return _ceilings(threads)

    monkeypatch.setattr(module, "measure_ceilings", fake)
    return asked


def _ceilings(threads: int = 1) -> Ceilings:
    return Ceilings(
        device="cpu",
        threads=threads,
        read_gb_per_s=33.0,
        bf16_gflop_per_s=413.0,
        fp32_gflop_per_s=150.0,
        int8_gop_per_s=None,
        best={"read": "sum fp32"},
        read_by={"sum fp32": 33.0},
        arithmetic_by={},
        read_passes=(32.0, 33.0),
        buffer_bytes=KIB16,
        failed={},
        others_busy=None,
        measured_at=1.5,
        seconds=15.0,
    )


def _work(ceiling: str, kernel: str, amount: int = 4_000_000_000) -> Workload:
    return Workload(ceiling, kernel, amount, lambda: kernel, lambda result: result == kernel)  # type: ignore[arg-type]


def _timer(seconds: dict[str, Iterator[float]]) -> Callable[[Callable[[], Any]], float]:
    return lambda run: next(seconds[run()])


def test_a_meter_reads_two_buffers_half_as_large_with_the_best_kernel_and_the_threads_of_the_probe(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    threads = torch.get_num_threads()
    seen: list[Any] = []

    def timer(run: Callable[[], Any]) -> float:
        seen.append((torch.get_num_threads(), [float(total) for total in run()]))
        return (1.0, 0.5, 0.7)[len(seen) - 1]

    monkeypatch.setattr(module, "_time_cpu", timer)
    meter = module.ReadMeter(replace(_ceilings(1), buffer_bytes=2 * KIB16))
    assert meter.gb_per_s() == pytest.approx(2 * KIB16 / 0.5 / 1e9)
    assert seen == [(1, [KIB16 / 4] * 2)] * 3  # sums of ones; the best of three
    assert torch.get_num_threads() == threads


@pytest.mark.parametrize(("busy_now", "times"), [(0.0, 2), (1.5, 1)])
def test_figures_taken_while_others_were_busy_are_taken_again_once_they_are_not(
    measured: list[int], monkeypatch: pytest.MonkeyPatch, busy_now: float, times: int
) -> None:
    quiet = module.measure_ceilings
    monkeypatch.setattr(module, "measure_ceilings", lambda *a, **k: replace(quiet(*a, **k), others_busy=0.8))
    ceilings("cpu", 2)
    monkeypatch.setattr("lab.measure.machine.load_now", lambda: busy_now)
    ceilings("cpu", 2)
    assert len(measured) == times


@pytest.mark.usefixtures("small")
def test_bytes_and_operations_are_counted_for_the_shape() -> None:
    found = measure_ceilings(threads=1, budget_s=0, timer=lambda _run: 0.5)
    assert found.read_gb_per_s == pytest.approx(2 * KIB16 / 0.5 / 1e9)
    for rate in (found.bf16_gflop_per_s, found.fp32_gflop_per_s, found.int8_gop_per_s):
        assert rate == pytest.approx(2 * 32 * 48 * 64 / 0.5 / 1e9)
    assert found.failed == {}


def test_a_figure_is_the_best_pass_of_medians_and_names_its_kernel(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = itertools.count()  # one second a look
    monkeypatch.setattr("lab.measure.ceilings.time.perf_counter", lambda: float(next(clock)))
    others = [_work("bf16", "b"), _work("fp32", "f")]
    seconds = {
        "slow": iter([4.0] * 6),
        "fast": iter([2.0, 0.1, 2.0, 1.0, 9.0, 1.0]),  # medians 2 and 1
        "b": itertools.repeat(0.5),
        "f": itertools.repeat(0.8),
    }
    work = [_work("read", "slow"), _work("read", "fast"), *others]
    # One look a workload and one at its end make five seconds a pass: two passes fit.
    found = measure_ceilings(threads=1, budget_s=10, work=work, timer=_timer(seconds))
    assert found.read_by == {"slow": 1.0, "fast": 4.0}
    assert found.read_passes == (2.0, 4.0)
    assert found.read_gb_per_s == 4.0
    assert found.best == {"read": "fast", "bf16": "b", "fp32": "f"}
    assert (found.bf16_gflop_per_s, found.fp32_gflop_per_s, found.int8_gop_per_s) == (8.0, 5.0, None)


def test_a_kernel_that_fails_or_is_wrong_gives_no_figure_but_a_reason() -> None:
    def refuse() -> None:
        raise RuntimeError("no such layout\nmore")

    broken = replace(_work("int8", "broken"), run=refuse)
    wrong = replace(_work("read", "wrong"), correct=lambda _result: False)
    work = [broken, wrong, _work("read", "r"), _work("bf16", "b"), _work("fp32", "f")]
    found = measure_ceilings(threads=1, budget_s=0, work=work, timer=lambda _run: 1.0)
    assert found.failed == {"broken": "no such layout", "wrong": "its result was wrong"}
    assert found.int8_gop_per_s is None
    assert list(found.read_by) == ["r"]


def test_a_size_that_would_take_a_kernel_too_long_is_left_out() -> None:
    def slow() -> str:
        time.sleep(0.02)
        return "small"

    small = replace(_work("bf16", "small", 1_000), kernel="k", size="small", run=slow)
    large = replace(_work("bf16", "large", 1_000_000), kernel="k", size="large")
    other = replace(large, kernel="other")
    work = [small, large, other, _work("read", "r"), _work("fp32", "f")]
    found = measure_ceilings(threads=1, budget_s=0, work=work, timer=lambda _run: 1.0)
    assert list(found.failed) == ["k large"]
    assert "at the rate of smaller ones" in found.failed["k large"]
    assert "other large" in found.arithmetic_by


def test_without_any_kernel_for_a_ceiling_the_user_hears_why() -> None:
    with pytest.raises(UserError, match="cannot measure bf16"):
        measure_ceilings(threads=1, budget_s=0, work=[_work("read", "r")], timer=lambda _run: 1.0)


@pytest.mark.usefixtures("small")
def test_threads_and_random_numbers_are_left_as_they_were() -> None:
    before, state = torch.get_num_threads(), torch.random.get_rng_state()
    seen: list[int] = []
    measure_ceilings(threads=1, budget_s=0, timer=lambda _run: seen.append(torch.get_num_threads()) or 1.0)  # type: ignore[func-returns-value]
    assert set(seen) == {1}
    assert torch.get_num_threads() == before
    assert torch.equal(torch.random.get_rng_state(), state)


def test_progress_ends_at_one() -> None:
    told: list[float] = []
    work = [_work(kind, kind) for kind in ("read", "bf16", "fp32")]
    measure_ceilings(threads=1, budget_s=0.01, work=work, timer=lambda _run: 1.0, progress=told.append)
    assert told == sorted(told)
    assert told[-1] == 1.0


def test_a_wrong_result_is_noticed() -> None:
    read = next(workloads.reads("cpu", KIB16))
    assert read.correct(read.run())
    assert not read.correct([torch.tensor(1.0), torch.tensor(1.0)])
    for product in workloads.products("cpu", (32, 48, 64)):
        y = product.run()
        assert product.correct(y), product.kernel
        assert not product.correct(y + y), product.kernel


def test_the_gpu_path_keeps_every_operand_on_the_gpu() -> None:
    with FakeTensorMode():
        work = [*workloads.reads("cuda", KIB16), *workloads.products("cuda", (32, 48, 64))]
        for workload in work:
            result = workload.run()
            for tensor in result if isinstance(result, list) else [result]:
                assert tensor.device.type == "cuda", workload.kernel


def test_a_measurement_is_cached_and_read_back(measured: list[int]) -> None:
    assert cached_ceilings(threads=1) is None
    first = ceilings(threads=1)
    assert ceilings(threads=1) == first == cached_ceilings(threads=1)
    assert measured == [1]
    assert [path.name for path in cache_path(threads=1).parent.iterdir()] == [cache_path(threads=1).name]


def test_refresh_measures_again(measured: list[int]) -> None:
    ceilings(threads=1)
    ceilings(threads=1, refresh=True)
    assert measured == [1, 1]


@pytest.mark.parametrize("content", ["", "{", "[]", '{"device": "cpu"}', "\0\xff"])
def test_a_corrupt_cache_file_is_measured_anew(measured: list[int], content: str) -> None:
    path = cache_path(threads=1)
    path.parent.mkdir(parents=True)
    path.write_text(content, encoding="latin-1")
    assert ceilings(threads=1) == _ceilings(1)
    assert measured == [1]
    assert cached_ceilings(threads=1) == _ceilings(1)


def test_another_number_of_threads_is_another_measurement(
    measured: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processor, "usable_cpus", lambda: [0, 1])
    assert ceilings(threads=1).threads == 1
    assert ceilings(threads=2).threads == 2
    assert measured == [1, 2]


def test_an_unwritable_cache_is_told_before_anything_is_measured(
    measured: list[int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("LAB_CACHE", str(tmp_path / "file" / "cache"))
    with pytest.raises(UserError, match="LAB_CACHE"):
        ceilings(threads=1)
    assert measured == []


def test_impossible_requests_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(UserError, match="Did you mean 'cuda'"):
        ceilings("cudda")
    with pytest.raises(UserError, match="no GPU"):
        ceilings("cuda")
    with pytest.raises(UserError, match="threads"):
        ceilings(threads=10_000)
    with pytest.raises(UserError, match="threads"):
        ceilings(threads=0)


@pytest.mark.slow
def test_the_real_probe_gives_plausible_figures() -> None:
    found = measure_ceilings(budget_s=5)
    assert 1 < found.read_gb_per_s < 10_000
    assert max(found.read_passes) == found.read_gb_per_s == max(found.read_by.values())
    assert found.fp32_gflop_per_s > 1
    assert found.bf16_gflop_per_s > 0
    # Four bytes feed one addition; were this false, the read kernels would be limited by their arithmetic.
    assert found.fp32_gflop_per_s > found.read_gb_per_s / 4
    assert found.buffer_bytes >= 32 * 2**20
