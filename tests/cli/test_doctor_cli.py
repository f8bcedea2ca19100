from __future__ import annotations

import json
from importlib import metadata
from pathlib import Path

import pytest
from click.testing import CliRunner

import lab.engines
from lab.cli import checks
from lab.cli.checks import Check
from lab.cli.doctor import doctor
from lab.measure import machine, processor


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAB_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(machine, "load_now", lambda: 0.0)


def _found(name: str) -> Check:
    (check,) = [check for check in checks.all_checks() if check.name == name]
    return check


def test_what_the_lab_has_is_listed_and_nothing_else() -> None:
    result = CliRunner().invoke(doctor, ["--json"])
    document = json.loads(result.output.splitlines()[-1])
    found = {check["name"]: check for check in document["checks"]}
    engines = [name for name in found if name.startswith("engine ")]
    assert engines == [f"engine {name}" for name in lab.engines.ENGINES]
    assert found["engine native"]["status"] == "ok"
    assert "bf16" in found["precisions"]["found"]
    assert found["speculation"]["found"].startswith("none, ")


def test_a_machine_that_can_run_exits_with_0(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "lab.cli.doctor.all_checks", lambda: [Check("a", "ok", "b"), Check("c", "warn", "d", "e")]
    )
    result = CliRunner().invoke(doctor)
    assert result.exit_code == 0
    assert "`lab run` can run here." in result.output


def test_a_machine_that_cannot_run_exits_with_1_and_says_how_to_mend_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("lab.cli.doctor.all_checks", lambda: [Check("a", "missing", "b", "pip install a[b]")])
    result = CliRunner().invoke(doctor, ["--json"])
    assert result.exit_code == 1
    assert "pip install a[b]" in result.output
    assert json.loads(result.output.splitlines()[-1])["can_run"] is False


def test_an_engine_whose_module_is_not_there_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lab.engines, "ENGINES", {"native": "lab.engines.no_such_module:Engine"})
    assert _found("engine native").status == "missing"


def test_missing_packages_are_the_only_answer_and_name_their_requirement(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def version(name: str) -> str:
        if name == "torch":
            raise metadata.PackageNotFoundError(name)
        return "1"

    needs = ["click>=8", "torch<2.14,>=2.9", 'pytest; extra == "test"']
    monkeypatch.setattr(metadata, "requires", lambda _name: needs)
    monkeypatch.setattr(metadata, "version", version)
    (only,) = checks.all_checks()
    assert only.status == "missing"
    assert only.advice == "pip install 'torch<2.14,>=2.9'"


def test_the_embedded_model_and_the_ceilings_say_how_to_get_them() -> None:
    model, ceilings = _found("embedded model"), _found("ceilings")
    assert (model.status, ceilings.status) == ("warn", "warn")
    assert "lab models pull smollm2-135m" in model.advice
    assert "lab probe" in ceilings.advice


def test_a_cache_that_cannot_be_written_stops_the_lab(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("LAB_CACHE", str(tmp_path / "file" / "cache"))
    check = _found("cache")
    assert check.status == "missing"
    assert "LAB_CACHE" in check.advice


def test_a_full_disk_stops_the_lab(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "available_disk", lambda _path: 1_000_000)
    assert (_found("cache").status, _found("this folder").status) == ("missing", "missing")


def test_what_the_processor_lacks_is_told_with_its_cost(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processor, "features", lambda: ["avx2", "avx512_vnni"])
    assert _found("vectors").status == "ok"
    assert _found("int8 arithmetic").found == "avx512_vnni"
    bf16 = _found("bf16 arithmetic")
    assert bf16.status == "warn"
    assert "emulated" in bf16.advice


def test_other_work_on_the_machine_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "load_now", lambda: 1.0)
    monkeypatch.setattr(processor, "usable_cores", lambda: 2)
    assert _found("load").status == "warn"
    monkeypatch.setattr(machine, "load_now", lambda: None)
    assert _found("load").status == "ok"
