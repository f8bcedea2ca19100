from __future__ import annotations

import getpass
import json
import re
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lab.measure import machine, processor


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from (key, *_strings(inner))
    elif isinstance(value, list):
        for inner in value:
            yield from _strings(inner)
    elif isinstance(value, str):
        yield value


@pytest.fixture
def linux(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A made-up /sys and /proc: four logical processors on two cores, one shared L3."""
    monkeypatch.setattr(processor, "SYS", tmp_path / "sys")
    monkeypatch.setattr(processor, "PROC", tmp_path / "proc")
    monkeypatch.setattr(processor, "usable_cpus", lambda: [0, 1, 2, 3])
    for cpu in range(4):
        core = cpu % 2
        levels = (
            ("Data", "1", "32K", f"{core}"),
            ("Instruction", "1", "32K", "0"),
            ("Unified", "3", "8192K", "0-3"),
        )
        for index, (kind, level, size, shared) in enumerate(levels):
            folder = tmp_path / f"sys/devices/system/cpu/cpu{cpu}/cache/index{index}"
            _write(folder, type=kind, level=level, size=size, shared_cpu_list=shared)
        topology = tmp_path / f"sys/devices/system/cpu/cpu{cpu}/topology"
        _write(topology, physical_package_id="0", core_id=str(core))
    cpuinfo = "model name\t: Some Processor\nflags\t\t: fpu avx2 fma avx512_bf16\n"
    _write(tmp_path / "proc", cpuinfo=cpuinfo)
    _write(tmp_path / "proc/self", cgroup="0::/a/b\n")
    return tmp_path


def _write(folder: Path, **files: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name.replace("__", ".")).write_text(text)


def test_the_fingerprint_is_json_and_names_neither_user_nor_host_nor_path() -> None:
    found = machine.fingerprint()
    assert json.loads(json.dumps(found)) == found
    for text in _strings(found):
        assert not re.search(r"(^|\s)(/|~|[A-Za-z]:\\)", text), text
        assert str(Path.home()) not in text or str(Path.home()) == "/"
        for name in (getpass.getuser(), socket.gethostname()):
            assert not re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-])", text), (name, text)


def test_the_fingerprint_has_what_a_figure_depends_on() -> None:
    found = machine.fingerprint()
    assert found["hardware"]["usable_physical_cores"] >= 1
    assert found["hardware"]["memory_bytes"] > 2**28
    assert found["packages"]["torch"].startswith("2.")
    assert found["torch"]["threads"] >= 1


def test_a_package_that_is_not_installed_has_no_version(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "PACKAGES", ("torch", "no-such-package"))
    assert list(machine.packages()) == ["torch"]


def test_the_key_depends_on_threads_hardware_and_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    key = machine.machine_key(2)
    assert re.fullmatch(r"[0-9a-f]{16}", key)
    assert machine.machine_key(2) == key
    keys = {key, machine.machine_key(1)}
    monkeypatch.setattr(machine, "packages", lambda: {"torch": "0.0"})
    keys.add(machine.machine_key(2))
    monkeypatch.setattr(processor, "model_name", lambda: "another processor")
    keys.add(machine.machine_key(2))
    assert len(keys) == 4


def test_the_key_survives_a_few_megabytes_of_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processor, "memory_total", lambda: 8 * 2**30)
    key = machine.machine_key(2)
    monkeypatch.setattr(processor, "memory_total", lambda: 8 * 2**30 - 5 * 2**20)
    assert machine.machine_key(2) == key


@pytest.mark.usefixtures("linux")
def test_the_processor_is_read_from_the_system() -> None:
    assert processor.model_name() == "Some Processor"
    assert [name for name in processor.features() if name != "neon"] == ["avx2", "fma", "avx512_bf16"]
    assert processor.caches() == {
        "L1d": {"bytes": 32 * 1024, "instances": 2},
        "L3": {"bytes": 8192 * 1024, "instances": 1},
    }
    assert processor.last_level_bytes() == 8192 * 1024


@pytest.mark.usefixtures("linux")
def test_two_threads_of_a_core_count_as_one_core() -> None:
    assert machine.default_threads() == 2


@pytest.mark.parametrize(
    ("quota", "cores"), [("max 100000", 2), ("150000 100000", 1), ("50000 100000", 1), ("400000 100000", 2)]
)
def test_the_quota_of_any_enclosing_control_group_limits_the_cores(
    linux: Path, quota: str, cores: int
) -> None:
    _write(linux / "sys/fs/cgroup/a", cpu__max=quota)
    _write(linux / "sys/fs/cgroup/a/b", cpu__max="max 100000")
    assert processor.usable_cores() == cores


def test_a_version_1_control_group_limits_cores_and_memory(linux: Path) -> None:
    _write(linux / "proc/self", cgroup="4:memory:/x\n2:cpu,cpuacct:/x\n")
    _write(linux / "sys/fs/cgroup/cpu/x", cpu__cfs_quota_us="100000", cpu__cfs_period_us="100000")
    _write(linux / "sys/fs/cgroup/memory/x", memory__limit_in_bytes="1048576")
    assert processor.usable_cores() == 1
    assert processor.memory_total() == 1048576


def test_free_disk_is_that_of_the_nearest_existing_folder(tmp_path: Path) -> None:
    missing = tmp_path / "not" / "yet"
    assert machine.available_disk(missing) > 0
    assert not missing.exists()


def test_load_is_what_others_use(monkeypatch: pytest.MonkeyPatch) -> None:
    busy, own, clock = iter([10.0, 11.5]), iter([3.0, 3.5]), iter([0.0, 0.5])
    monkeypatch.setattr(machine, "_busy", lambda: next(busy))
    monkeypatch.setattr(machine, "_own", lambda: next(own))
    monkeypatch.setattr("lab.measure.machine.time.perf_counter", lambda: next(clock))
    monkeypatch.setattr("lab.measure.machine.time.sleep", lambda _seconds: None)
    assert machine.load_now(0.5) == pytest.approx((1.5 - 0.5) / 0.5)


def test_load_is_unknown_where_the_system_hides_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def hidden() -> float:
        raise PermissionError

    monkeypatch.setattr(machine, "_busy", hidden)
    assert machine.load_now(0.0) is None
