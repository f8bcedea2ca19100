"""What gets installed: one package, `lab`, whole, and quick to answer."""

from __future__ import annotations

import importlib.util
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path, PurePosixPath

import pytest

from lab.cli import COMMANDS

ROOT = Path(__file__).resolve().parents[1]
SETUPTOOLS = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["setuptools"]
# Package -> its folder at the root.
FOLDERS: dict[str, str] = SETUPTOOLS["package-dir"]

_BUILD = "import sys; from setuptools import build_meta; build_meta.build_wheel(sys.argv[1])"
# After the help and after each command's module: its heavy imports, one line each.
_LIGHT = """
import importlib, sys
from lab.cli import COMMANDS, cli
cli.main(["--help"], standalone_mode=False)
for module in ["--help", *(target.partition(":")[0] for target, _ in COMMANDS.values())]:
    if module != "--help":
        importlib.import_module(module)
    for heavy in {"torch", "transformers", "matplotlib"} & set(sys.modules):
        sys.exit(f"{module} imports {heavy}")
"""


def source_files() -> dict[str, Path]:
    """Path inside the installed tree -> the file here."""
    return {
        str(PurePosixPath(*package.split("."), file.relative_to(ROOT / folder))): file
        for package, folder in FOLDERS.items()
        for file in (ROOT / folder).rglob("*")
        if file.is_file()
        and "__pycache__" not in file.parts
        and not file.name.startswith(".")
        # An editable install leaves it among the sources.
        and file.suffix != ".so"
    }


@pytest.fixture(scope="module")
def wheel_files(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    # From a copy: setuptools leaves a build folder behind, and packs what an earlier build left there.
    copy = tmp_path_factory.mktemp("source")
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, copy)
    for folder in FOLDERS.values():
        shutil.copytree(ROOT / folder, copy / folder, ignore=shutil.ignore_patterns("__pycache__", "*.so"))
    done = subprocess.run(
        [sys.executable, "-c", _BUILD, "dist"], cwd=copy, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    (wheel,) = (copy / "dist").iterdir()
    return set(zipfile.ZipFile(wheel).namelist())


def test_the_wheel_has_one_top_level_package(wheel_files: set[str]) -> None:
    top = {name.partition("/")[0] for name in wheel_files}
    assert {name for name in top if not name.endswith(".dist-info")} == {"lab"}


def test_the_wheel_holds_every_file_of_the_packages_and_nothing_else(wheel_files: set[str]) -> None:
    found = {name for name in wheel_files if ".dist-info/" not in name}
    assert {name for name in found if not name.endswith(".so")} == set(source_files())


@pytest.mark.skipif(shutil.which("c++") is None, reason="no C++ compiler")
def test_the_wheel_holds_the_compiled_kernels_where_there_is_a_compiler(wheel_files: set[str]) -> None:
    (native,) = (name for name in wheel_files if name.endswith(".so"))
    assert native.startswith("lab/kernels/cpu/_native.")


def test_the_files_the_lab_reads_are_among_them() -> None:
    kinds = {str(PurePosixPath(name).parent / f"*{Path(name).suffix}") for name in source_files()}
    assert kinds >= {
        "lab/*.typed",
        "lab/kernels/cpu/*.cpp",
        "lab/kernels/cpu/*.inc",
        "lab/reports/templates/*.css",
        "lab/reports/templates/*.jinja",
        "lab/scenarios/matrices/*.yaml",
        "lab/scenarios/presets/*.yaml",
        "lab/scenarios/sessions/*.jsonl",
        "lab/zoo/*.jinja",
    }


def test_every_folder_of_python_files_is_a_listed_package() -> None:
    found = {PurePosixPath(name).parent for name in source_files() if name.endswith(".py")}
    assert {".".join(folder.parts) for folder in found} == set(SETUPTOOLS["packages"])


@pytest.mark.parametrize("folder", ["kernels", "reports", "scenarios"])
def test_a_folder_at_the_root_is_importable_under_lab_only(folder: str) -> None:
    assert importlib.util.find_spec(folder) is None
    assert importlib.util.find_spec(f"lab.{folder}") is not None


def test_help_lists_every_command_and_no_command_module_imports_heavy_packages() -> None:
    done = subprocess.run([sys.executable, "-c", _LIGHT], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    for name in COMMANDS:
        assert re.search(rf"^ +{name} ", done.stdout, re.MULTILINE), name
