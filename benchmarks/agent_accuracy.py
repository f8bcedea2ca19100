"""Tool-call accuracy from stored runs: a table by family, and the catalog curve as a figure.

    lab run held-out --out RUNS ; lab run catalog --out RUNS
    python benchmarks/agent_accuracy.py RUN [RUN ...] [--figure docs/figures/catalog.png]

Every run is read from its store alone. For every model and arm: the calls that are `args_ok` by family, and
two rungs by scenario, with 95 % Wilson intervals. The figure is made of the scenarios `catalog-N:...` among
the runs. The last line is one JSON document.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from matplotlib.axes import Axes

from lab.analysis.arm import Arm
from lab.analysis.stats import Share, wilson
from lab.analysis.summary import summarize
from lab.reports.style import LIGHT, color, dress, marker, new_figure
from lab.store import Store


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("runs", type=Path, nargs="+")
    parser.add_argument("--figure", type=Path)
    args = parser.parse_args()

    arms = [arm for run in args.runs for arm in _arms(run)]
    table: dict[str, dict[str, list[Share]]] = {}
    for arm in arms:
        column = f"{Path(arm.model).name} {arm.name}"
        families = {tag: share for tag, share in arm.args_ok_by_tag.items() if tag in _families()}
        for family, share in families.items():
            table.setdefault(column, {}).setdefault(family, []).append(share)
        for rung in ("parse_ok", "args_ok"):
            table.setdefault(column, {}).setdefault(f"{Path(arm.scenario).stem}: {rung}", []).append(
                arm.rungs[rung]
            )
    for column, rows in table.items():
        print(column)
        for name, shares in rows.items():
            print(f"  {name:<28} {_shown(_sum(shares))}")
    if args.figure:
        _draw([arm for arm in arms if arm.scenario.startswith("catalog-")], args.figure)
    document = {
        column: {name: {"k": _sum(shares).k, "n": _sum(shares).n} for name, shares in rows.items()}
        for column, rows in table.items()
    }
    print(json.dumps(document))


def _arms(folder: Path) -> list[Arm]:
    with Store.open(folder) as store:
        summary = summarize(store.run(), store.cells(), store.calls(), store.outcomes(), store.quality())
    return [arm for group in summary.groups for arm in group.arms if arm.rungs["args_ok"].n]


def _families() -> tuple[str, ...]:
    from lab.scenarios.generate import FAMILIES

    return tuple(FAMILIES)


def _sum(shares: list[Share]) -> Share:
    return Share(sum(share.k for share in shares), sum(share.n for share in shares))


def _shown(share: Share) -> str:
    found = wilson(share.k, share.n)
    assert found is not None
    assert found.low is not None
    assert found.high is not None
    low, high = 100 * found.low, 100 * found.high
    return f"{share.k:>4}/{share.n:<4} {100 * found.value:5.1f} %  [{low:.1f}, {high:.1f}]"


def _draw(arms: list[Arm], path: Path) -> None:
    figure = new_figure(LIGHT, 4.0)
    axes = figure.add_subplot()
    names = list(dict.fromkeys(f"{Path(arm.model).name} {arm.name}" for arm in arms))
    for index, name in enumerate(names):
        _curve(axes, [arm for arm in arms if f"{Path(arm.model).name} {arm.name}" == name], index, name)
    sizes = sorted({_size(arm) for arm in arms})
    axes.set_xscale("log", base=2)
    axes.set_xticks(sizes, [str(size) for size in sizes])
    axes.minorticks_off()
    axes.set_xlabel("tools in the catalog")
    axes.set_ylabel("calls that are args_ok (%)")
    axes.set_ylim(0, 102)
    axes.legend(frameon=False, loc="lower left")
    dress(axes, LIGHT, grid="y", title="The same requests under a growing catalog")
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path)


def _curve(axes: Axes, arms: list[Arm], index: int, name: str) -> None:
    arms = sorted(arms, key=_size)
    shares = [wilson(arm.rungs["args_ok"].k, arm.rungs["args_ok"].n) for arm in arms]
    value, low, high = ([100 * getattr(s, bound) for s in shares] for bound in ("value", "low", "high"))
    bars = [
        [v - b for v, b in zip(value, low, strict=True)],
        [b - v for v, b in zip(value, high, strict=True)],
    ]
    label = f"{name}, n = {arms[0].rungs['args_ok'].n} each"
    axes.errorbar(
        [_size(a) for a in arms],
        value,
        bars,
        color=color(index),
        marker=marker(index),
        capsize=3,
        label=label,
    )


def _size(arm: Arm) -> int:
    return int(arm.scenario.split(":")[0].removeprefix("catalog-"))


if __name__ == "__main__":
    main()
