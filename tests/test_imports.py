"""Who imports whom: dependencies point downwards, in no circle, and every package imported is declared."""

from __future__ import annotations

import ast
import graphlib
import re
import sys
import tomllib
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
PROJECT = PYPROJECT["project"]

# Room -> the only other parts of the lab that its files may name.
ONLY = {
    "lab.kernels": {"lab.errors"},
    "lab.analysis": {"lab.errors", "lab.records"},
    "lab.reports": {"lab.analysis", "lab.errors", "lab.records", "lab.store"},
}
# Room -> what its files may not reach, on any path.
NEVER = {
    "lab.analysis": {"lab.engines", "torch", "transformers"},
    "lab.reports": {"lab.engines", "torch", "transformers"},
    "lab.models": {"lab.engines"},
    "lab.precision": {"lab.engines"},
    "lab.speculation": {"lab.engines"},
    "lab.guided": {"lab.engines", "lab.scoring"},
}
# Import name -> distribution, where they differ by more than a dash.
DISTRIBUTIONS = {"yaml": "pyyaml"}


def imports(source: str, *, tables: bool = True) -> set[str]:
    """Dotted names that a file imports anywhere but under `if TYPE_CHECKING`.

    `from a import b` gives both a and a.b, since b may be a module. With `tables`, the entries "a.b:C" of its
    literal tables, imported on demand, count too.
    """
    found: set[str] = set()
    for node in _running(ast.parse(source)):
        match node:
            case ast.Import():
                found |= {alias.name for alias in node.names}
            case ast.ImportFrom(module=str(module), level=0):
                found |= {module, *(f"{module}.{alias.name}" for alias in node.names)}
            case ast.ImportFrom():
                raise AssertionError(f"relative import in line {node.lineno}")
            case ast.Constant(value=str(value)) if tables and re.fullmatch(r"lab(\.\w+)+:\w+", value):
                found.add(value.partition(":")[0])
    return found


def _running(node: ast.AST) -> Iterator[ast.AST]:
    yield node
    if isinstance(node, ast.If) and ast.unparse(node.test) in ("TYPE_CHECKING", "typing.TYPE_CHECKING"):
        children: Iterable[ast.AST] = node.orelse
    else:
        children = ast.iter_child_nodes(node)
    for child in children:
        yield from _running(child)


@cache
def modules() -> dict[str, str]:
    """The lab's modules -> their source."""
    found = {}
    for package, folder in PYPROJECT["tool"]["setuptools"]["package-dir"].items():
        for file in (ROOT / folder).rglob("*.py"):
            parts = file.relative_to(ROOT / folder).with_suffix("").parts
            name = ".".join((package, *parts)).removesuffix(".__init__")
            found[name] = file.read_text(encoding="utf-8")
    return found


def room(name: str) -> str:
    """lab.engines.native -> lab.engines; torch.nn -> torch."""
    return ".".join(name.split(".")[: 2 if name.startswith("lab.") else 1])


def reachable(start: str) -> dict[str, str]:
    """Each name that the module imports, directly or through the lab's modules -> the module naming it.

    The packages a module lies in are imported before it.
    """
    found: dict[str, str] = {}
    waiting = [start]
    while waiting:
        module = waiting.pop()
        package = module.rpartition(".")[0]
        for name in (imports(modules()[module]) | ({package} & set(modules()))) - set(found):
            found[name] = module
            if name in modules():
                waiting.append(name)
    return found


def third_party(sources: Iterable[str]) -> set[str]:
    """The distributions that the sources import."""
    tops = {name.partition(".")[0] for source in sources for name in imports(source)}
    return {DISTRIBUTIONS.get(top, top.replace("_", "-")) for top in tops - sys.stdlib_module_names - {"lab"}}


def declared(requirements: Iterable[str]) -> set[str]:
    return {re.split(r"[\[<>=!~; ]", requirement)[0].lower() for requirement in requirements}


@pytest.mark.parametrize("lower", ONLY)
def test_a_lower_room_names_only_what_lies_below_it(lower: str) -> None:
    named = {
        (module, room(name))
        for module, source in modules().items()
        if room(module) == lower
        for name in imports(source)
        if name.startswith("lab.")
    }
    assert named, "a room without files"
    assert {pair for pair in named if pair[1] not in ONLY[lower] | {lower}} == set()


@pytest.mark.parametrize("lower", NEVER)
def test_a_lower_room_never_reaches_what_lies_above_it(lower: str) -> None:
    for module in modules():
        if room(module) == lower:
            bad = {name: via for name, via in reachable(module).items() if room(name) in NEVER[lower]}
            assert not bad, f"{module} reaches {bad}"


def test_no_module_imports_itself_through_others() -> None:
    # A table is read when its entry is used: its file and the entries' base class may know each other.
    graph = {
        name: imports(source, tables=False) & set(modules()) - {name} for name, source in modules().items()
    }
    assert any(graph.values())
    graphlib.TopologicalSorter(graph).prepare()


def test_the_dependencies_are_what_the_lab_imports() -> None:
    imported, required = third_party(modules().values()), declared(PROJECT["dependencies"])
    extras = declared(line for lines in PROJECT["optional-dependencies"].values() for line in lines)
    assert required - imported == set()
    assert imported - required - extras == set()


def test_the_test_extra_has_what_the_tests_import() -> None:
    sources = [file.read_text(encoding="utf-8") for file in (ROOT / "tests").rglob("*.py")]
    sources.append((ROOT / "conftest.py").read_text(encoding="utf-8"))
    available = declared(PROJECT["dependencies"] + PROJECT["optional-dependencies"]["test"])
    assert third_party(sources) - available == set()


def test_imports_sees_functions_and_tables_but_not_annotations() -> None:
    source = """
if TYPE_CHECKING:
    import torch
else:
    import yaml
def late():
    from lab.engines import base
DRAFTERS = {"ngram": "lab.speculation.ngram:NgramDrafter"}
"""
    plain = {"yaml", "lab.engines", "lab.engines.base"}
    assert imports(source, tables=False) == plain
    assert imports(source) == {*plain, "lab.speculation.ngram"}
