"""The verification cost curve as a table for the terminal, a figure, CSV rows and a JSON-ready document."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, LogLocator, NullLocator
from rich.table import Table
from rich.text import Text

from lab.analysis.curve import FREE, Curve, Point
from lab.analysis.stats import Interval
from lab.reports import style
from lab.reports.csv_files import Row
from lab.reports.style import Theme
from lab.reports.tables import UNDEFINED, interval, number

COLUMNS = (
    *("precision", "kernel", "context", "n"),
    *("step_ms", "step_ms_low", "step_ms_high", "cost", "cost_low", "cost_high"),
    *("matmul_ms", "roofline_ms", "bound", "break_even_chain", "break_even_tree"),
)
# Ratios above this are drawn at the figure's edge: the question is decided long before.
_TOP = 12.0


def table(curve: Curve) -> Table:
    """One row a row count."""
    title = f"{curve.precision} · {curve.kernel} · context {curve.context:,}"
    shown = Table(
        title=title, title_justify="left", title_style="bold", box=None, padding=(0, 1), pad_edge=False
    )
    heads = (
        *("n\nrows", "step\nms", "T_v(n)/T_1\nplain steps", "products\nms", "roofline\nms"),
        *("limited\nby", "pays above\nchain", "\ntree"),
    )
    for head in heads:
        shown.add_column(head, justify="right", header_style="dim", no_wrap=True)
    for point in curve.points:
        figures = (point.matmul_ms, point.roofline_ms)
        shown.add_row(
            str(point.n),
            number(point.step_ms.value),
            interval(point.cost),
            *(number(figure) for figure in figures),
            point.bound,
            *(number(even) or UNDEFINED for even in (point.chain, point.tree)),
        )
    return shown


def sentence(curve: Curve) -> Text:
    """What the curve says: how near the roofline, how many rows are free, where arithmetic takes over."""
    plain = curve.points[0]
    leaves = curve.leaves_memory
    turn = "memory limits every n measured" if leaves is None else f"compute limits it from n = {leaves} on"
    return Text(
        f"A plain step takes {number(plain.step_ms.value / plain.roofline_ms)}x its roofline. "
        f"Up to n = {curve.free} a step costs at most {FREE:g} plain steps. By the roofline {turn}."
    )


def csv_rows(curves: Iterable[Curve]) -> Iterator[Row]:
    """Columns are `COLUMNS`."""
    for curve in curves:
        for point in curve.points:
            spreads = _flat("step_ms", point.step_ms) | _flat("cost", point.cost)
            even = {"break_even_chain": point.chain, "break_even_tree": point.tree}
            yield _place(curve, point) | spreads | even


def document(curves: Iterable[Curve]) -> list[dict[str, Any]]:
    """A flat list, an entry a point."""
    return [
        _place(curve, point)
        | {
            "step_ms": _nested(point.step_ms),
            "cost": _nested(point.cost),
            "break_even": {"chain": point.chain, "tree": point.tree},
        }
        for curve in curves
        for point in curve.points
    ]


def figure(curves: Sequence[Curve], theme: Theme) -> Figure:
    """A row of axes a context length: cost in plain steps, and milliseconds over the roofline.

    Dashed lines are the roofline's own. Colour is the precision and kernel.
    """
    contexts = sorted({curve.context for curve in curves})
    names = list(dict.fromkeys(_name(curve) for curve in curves))
    drawn = style.new_figure(theme, 3.5 * len(contexts) + 0.3 * ((len(names) + 1) // 2))
    grid = drawn.subplots(len(contexts), 2, squeeze=False)
    for (left, right), context in zip(grid, contexts, strict=True):
        style.dress(left, theme, grid="both", title=f"T_v(n) / T_1, context {context:,}")
        style.dress(right, theme, grid="both", title="Step (ms); dashed: roofline")
        for curve in curves:
            if curve.context == context:
                index = names.index(_name(curve))
                _cost(left, curve, index, theme)
                _milliseconds(right, curve, index, theme)
        left.axhline(1, color=theme.muted, linewidth=1)
        left.set_ylim(0, min(_TOP, 1.05 * max(left.get_ylim()[1], 2)))
        right.set_yscale("log")
        right.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        right.yaxis.set_major_formatter(FuncFormatter(lambda ms, _: f"{ms:g}"))
        right.yaxis.set_minor_locator(NullLocator())
        for axes in (left, right):
            _rows_axis(axes, sorted({point.n for curve in curves for point in curve.points}))
    style.legend_above(drawn, grid[0][0], theme, 2)
    return drawn


def _cost(axes: Axes, curve: Curve, index: int, theme: Theme) -> None:
    n = [point.n for point in curve.points]
    first = curve.points[0].roofline_ms
    axes.plot(n, [point.roofline_ms / first for point in curve.points], **_dashed(index))
    _measured(axes, curve, index, theme, [point.cost for point in curve.points])


def _milliseconds(axes: Axes, curve: Curve, index: int, theme: Theme) -> None:
    n = [point.n for point in curve.points]
    axes.plot(n, [point.roofline_ms for point in curve.points], **_dashed(index))
    _measured(axes, curve, index, theme, [point.step_ms for point in curve.points])


def _measured(axes: Axes, curve: Curve, index: int, theme: Theme, figures: list[Interval]) -> None:
    middle = [found.value for found in figures]
    below = [found.value - (found.low or found.value) for found in figures]
    above = [(found.high or found.value) - found.value for found in figures]
    axes.errorbar(
        [point.n for point in curve.points],
        middle,
        yerr=(below, above),
        color=style.color(index),
        linewidth=1.8,
        elinewidth=1,
        capsize=2,
        marker=style.marker(index),
        markersize=6,
        markeredgecolor=theme.ink,
        label=_name(curve),
        zorder=3,
    )


def _dashed(index: int) -> dict[str, Any]:
    return {"color": style.color(index), "linewidth": 1.2, "linestyle": (0, (4, 3)), "zorder": 2}


def _rows_axis(axes: Axes, rows: list[int]) -> None:
    axes.set_xscale("log", base=2)
    axes.xaxis.set_major_locator(FixedLocator(rows))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_xticklabels(map(str, rows))
    axes.set_xlabel("n, rows of the step")


def _name(curve: Curve) -> str:
    return f"{curve.precision}: {curve.kernel}"


def _place(curve: Curve, point: Point) -> Row:
    place = {"precision": curve.precision, "kernel": curve.kernel, "context": curve.context, "n": point.n}
    return place | {name: getattr(point, name) for name in ("matmul_ms", "roofline_ms", "bound")}


def _flat(name: str, found: Interval) -> Row:
    return {name: found.value, f"{name}_low": found.low, f"{name}_high": found.high}


def _nested(found: Interval) -> dict[str, float | None]:
    return {"median": found.value, "low": found.low, "high": found.high}
