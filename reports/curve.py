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
    *("matmul_ms", "roofline_ms", "over_roofline", "over_roofline_low", "over_roofline_high"),
    *("bound", "break_even_chain", "break_even_tree"),
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
        *("n\nrows", "step\nms", "T_v(n)/T_1\nplain steps", "matmul\nms", "roof\nms"),
        *("over\nroof", "limited\nby", "pays >\nchain", "pays >\ntree"),
    )
    for head in heads:
        shown.add_column(head, justify="right", header_style="dim", no_wrap=True)
    for point in curve.points:
        figures = (point.matmul_ms, point.roofline_ms, point.over_roofline.value)
        shown.add_row(
            str(point.n),
            number(point.step_ms.value),
            interval(point.cost),
            *(number(figure) for figure in figures),
            point.bound,
            *(_accepted(even) for even in (point.chain, point.tree)),
        )
    return shown


def _accepted(even: float | None) -> str:
    """An accepted length is one token at least: what costs less than a plain step pays above one."""
    return number(None if even is None else max(even, 1.0)) or UNDEFINED


def sentence(curve: Curve) -> Text:
    """What the curve says: how near the roofline, how many rows are free, where arithmetic takes over."""
    plain = curve.points[0]
    leaves = curve.leaves_memory
    turn = "memory limits every n measured" if leaves is None else f"compute limits it from n = {leaves} on"
    return Text(
        f"A plain step takes {number(plain.over_roofline.value)}x its roofline. "
        f"Up to n = {curve.free} a step costs at most {FREE:g} plain steps. By the roofline {turn}."
    )


def csv_rows(curves: Iterable[Curve]) -> Iterator[Row]:
    """Columns are `COLUMNS`."""
    for curve in curves:
        for point in curve.points:
            spreads = _flat("step_ms", point.step_ms) | _flat("cost", point.cost)
            spreads |= _flat("over_roofline", point.over_roofline)
            even = {"break_even_chain": point.chain, "break_even_tree": point.tree}
            yield _place(curve, point) | spreads | even


def document(curves: Iterable[Curve]) -> list[dict[str, Any]]:
    """A flat list, an entry a point."""
    return [
        _place(curve, point)
        | {
            "step_ms": _nested(point.step_ms),
            "cost": _nested(point.cost),
            "over_roofline": _nested(point.over_roofline),
            "break_even": {"chain": point.chain, "tree": point.tree},
        }
        for curve in curves
        for point in curve.points
    ]


def figure(curves: Sequence[Curve], theme: Theme) -> Figure:
    """A row of axes a precision and context length: cost in plain steps, and milliseconds over the roofline.

    The dashed line is the roofline, as it was while the first kernel ran.
    """
    places = list(dict.fromkeys((curve.precision, curve.context) for curve in curves))
    rows = sorted({point.n for curve in curves for point in curve.points})
    drawn = style.new_figure(theme, 3.4 * len(places))
    grid = drawn.subplots(len(places), 2, squeeze=False)
    for (left, right), (precision, context) in zip(grid, places, strict=True):
        style.dress(left, theme, grid="both", title=f"{precision}: T_v(n) / T_1, context {context:,}")
        style.dress(right, theme, grid="both", title="Step, ms")
        here = [curve for curve in curves if (curve.precision, curve.context) == (precision, context)]
        roofline = [point.roofline_ms for point in here[0].points]
        for axes, ideal in ((left, [ms / roofline[0] for ms in roofline]), (right, roofline)):
            dashes = {"color": theme.muted, "linewidth": 1.4, "linestyle": (0, (4, 3)), "zorder": 2}
            axes.plot([point.n for point in here[0].points], ideal, label="roofline", **dashes)
        for index, curve in enumerate(here):
            _measured(left, curve, index, theme, [point.cost for point in curve.points])
            _measured(right, curve, index, theme, [point.step_ms for point in curve.points])
        left.axhline(1, color=theme.muted, linewidth=1)
        left.set_ylim(0, min(_TOP, 1.05 * max(left.get_ylim()[1], 2)))
        left.legend(loc="upper left", fontsize=8, frameon=False, labelcolor=theme.ink)
        right.set_yscale("log")
        right.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        right.yaxis.set_major_formatter(FuncFormatter(lambda ms, _: f"{ms:g}"))
        right.yaxis.set_minor_locator(NullLocator())
        for axes in (left, right):
            _rows_axis(axes, rows)
    return drawn


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
        label=curve.kernel,
        zorder=3,
    )


def _rows_axis(axes: Axes, rows: list[int]) -> None:
    axes.set_xscale("log", base=2)
    axes.xaxis.set_major_locator(FixedLocator(rows))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_xticklabels(map(str, rows))
    axes.set_xlabel("n, rows of the step")


def _place(curve: Curve, point: Point) -> Row:
    place = {"precision": curve.precision, "kernel": curve.kernel, "context": curve.context, "n": point.n}
    return place | {name: getattr(point, name) for name in ("matmul_ms", "roofline_ms", "bound")}


def _flat(name: str, found: Interval) -> Row:
    return {name: found.value, f"{name}_low": found.low, f"{name}_high": found.high}


def _nested(found: Interval) -> dict[str, float | None]:
    return {"median": found.value, "low": found.low, "high": found.high}
