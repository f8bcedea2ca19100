"""One function a figure: frozen points and a theme in, a matplotlib figure out. Nothing global is touched."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import log

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullLocator, PercentFormatter

from lab.analysis.effects import setting_names
from lab.analysis.segments import SEGMENTS
from lab.analysis.stats import Interval
from lab.records import RUNGS
from lab.reports import style
from lab.reports.points import (
    LEDGER_PARTS,
    AcceptanceRow,
    InteractionPoints,
    LadderRow,
    LedgerRow,
    PrecisionPoint,
    SegmentRow,
    SpeedPoints,
    TimelinePoints,
)
from lab.reports.style import Theme
from lab.reports.tables import interval, number

# Within one bar, parts narrower than this share of the axis carry no number: it would not fit.
LABELLED_SHARE = 0.06
_RATIO_TICKS = [
    0.05,
    0.1,
    0.2,
    0.3,
    0.4,
    0.5,
    0.6,
    0.7,
    0.8,
    0.9,
    1,
    1.2,
    1.4,
    1.6,
    1.8,
    2,
    2.5,
    3,
    3.5,
    4,
    5,
    6,
    8,
    10,
    15,
    20,
    50,
]
_PART_LABELS = {"verify": "target forward", "prefill": "prefill", "draft": "drafting", "mask": "guiding"}


def speed(points: SpeedPoints, theme: Theme) -> Figure:
    """Decode tokens/s a bar; beside it the paired ratio to the reference arm with its interval."""
    names = [row.arm for row in points.rows]
    figure = style.new_figure(theme, style.rows_height(names, 0.9))
    left, right = figure.subplots(1, 2, sharey=True)
    style.dress(left, theme, grid="x", title="Decode speed (tok/s)")
    style.dress(right, theme, grid="x", title=f"Ratio to {points.reference}, 95 % interval")
    style.arm_rows(left, names)
    top = max(row.tok_per_s for row in points.rows)
    for y, row in enumerate(points.rows):
        look = {"color": style.color(y), "edgecolor": theme.ink, "hatch": style.hatch(y), "linewidth": 0.8}
        left.barh(y, row.tok_per_s, height=0.6, **look)
        left.text(
            row.tok_per_s + 0.02 * top, y, number(row.tok_per_s), va="center", color=theme.ink, fontsize=9
        )
        if row.ratio is not None:
            _error_point(right, row.ratio, y, y, theme, along_x=True)
            right.text(
                1.03,
                y,
                interval(row.ratio),
                transform=right.get_yaxis_transform(),
                va="center",
                color=theme.ink,
                fontsize=9,
            )
    left.set_xlim(0, 1.18 * top)
    right.axvline(1, color=theme.ink, linewidth=1.2, linestyle="--")
    right.margins(x=0.12)
    low, high = right.get_xlim()
    right.set_xlim(min(low, 0.9), max(high, 1.1))
    for axes in (left, right):
        axes.xaxis.set_major_locator(MaxNLocator(5))
    return figure


def precisions(points: Sequence[PrecisionPoint], theme: Theme) -> Figure:
    """The share of right calls over the size of the weights, and over the plain decode speed."""
    figure = style.new_figure(theme, 3.4 + 0.3 * ((len(points) + 2) // 3))
    panels = figure.subplots(1, 2, sharey=True)
    titles = ("Weights (MB)", "Plain decode speed (tok/s)")
    for axes, title in zip(panels, titles, strict=True):
        style.dress(axes, theme, grid="both")
        axes.set_xlabel(title)
    panels[0].set_ylabel("calls fully right")
    panels[0].yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    for index, point in enumerate(points):
        places = (point.weight_bytes / 1e6, point.tok_per_s)
        for axes, x in zip(panels, places, strict=True):
            label = style.wrap(point.arm)
            _error_point(axes, point.args_ok, x, index, theme, along_x=False, label=label)
    for axes in panels:
        axes.set_xlim(left=0)
        axes.margins(x=0.1)
        axes.xaxis.set_major_locator(MaxNLocator(5))
    panels[0].set_ylim(bottom=0)
    style.legend_above(figure, panels[0], theme, 3)
    return figure


def interaction(points: InteractionPoints, theme: Theme) -> Figure:
    """The 2x2: ratio to the reference arm over precision, one line a speculation, on a log scale.

    Parallel lines mean that the gains multiply; an open diamond marks where the line would then end.
    """
    figure = style.new_figure(theme, 3.4 + 0.3 * ((len(points.lines) + 3) // 3))
    axes = figure.subplots()
    style.dress(axes, theme, grid="y")
    seen: list[float] = []
    for index, line in enumerate(points.lines):
        shift = 0.05 * (index - (len(points.lines) - 1) / 2)
        known = [(x + shift, ratio) for x, ratio in enumerate(line.ratios) if ratio is not None]
        label = "no speculation" if line.speculation == "none" else style.wrap(line.speculation)
        label = " + ".join([label, *setting_names(line.guided, line.kv)])
        axes.plot(
            [x for x, _ in known],
            [ratio.value for _, ratio in known],
            color=style.color(index),
            linewidth=2,
            marker=style.marker(index),
            markeredgecolor=theme.ink,
            markersize=8,
            label=label,
            zorder=3,
        )
        for x, ratio in known:
            _error_point(axes, ratio, x, index, theme, along_x=False)
            seen += [v for v in (ratio.value, ratio.low, ratio.high) if v is not None]
        for x, expected in enumerate(line.expected):
            if expected is None or line.ratios[0] is None:
                continue
            seen.append(expected)
            axes.plot(
                [shift, x + shift],
                [line.ratios[0].value, expected],
                color=theme.muted,
                linestyle=":",
                linewidth=1.5,
                marker="D",
                markevery=[1],
                markerfacecolor="none",
                markeredgecolor=theme.ink,
                markersize=9,
                label=None if index > 1 else "if the gains multiplied",
            )
    axes.set_yscale("log")
    low, high = min(seen) / 1.08, max(seen) * 1.08
    axes.set_ylim(low, high)
    axes.yaxis.set_major_locator(FixedLocator(_thinned(_RATIO_TICKS, low, high)))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}×"))
    axes.set_xticks(range(len(points.precisions)), [style.wrap(name) for name in points.precisions])
    axes.set_xlim(-0.35, len(points.precisions) - 0.65)
    axes.set_xlabel("precision")
    axes.set_ylabel(f"decode speed / {points.reference} (log)")
    style.legend_above(figure, axes, theme, 3)
    return figure


def ledger(rows: tuple[LedgerRow, ...], theme: Theme) -> Figure:
    """Mean milliseconds of a call, stacked by where they went."""
    names = [row.arm for row in rows]
    figure = style.new_figure(theme, style.rows_height(names, 1.2))
    axes = figure.subplots()
    style.dress(axes, theme, grid="x")
    style.arm_rows(axes, names)
    longest = max(sum(row.parts_ms) for row in rows)
    for part, name in enumerate(LEDGER_PARTS):
        starts = [sum(row.parts_ms[:part]) for row in rows]
        widths = [row.parts_ms[part] for row in rows]
        axes.barh(
            range(len(rows)),
            widths,
            left=starts,
            height=0.6,
            color=style.color(part),
            edgecolor=theme.background,
            hatch=style.hatch(part),
            linewidth=0.6,
            label=_PART_LABELS.get(name, name),
        )
        for y, (start, width) in enumerate(zip(starts, widths, strict=True)):
            if width > LABELLED_SHARE * longest:
                _inside(axes, start + width / 2, y, number(width) or "", style.color(part))
    for y, row in enumerate(rows):
        total = sum(row.parts_ms)
        axes.text(total + 0.01 * longest, y, f"{number(total)} ms", va="center", color=theme.ink, fontsize=9)
    axes.set_xlim(0, 1.13 * longest)
    axes.set_xlabel("mean time of a call (ms)")
    style.legend_above(figure, axes, theme, len(LEDGER_PARTS))
    return figure


def timeline(points: TimelinePoints, theme: Theme) -> Figure:
    """One session in every arm: its calls end to end, each split at its first token."""
    names = [row.arm for row in points.rows]
    figure = style.new_figure(theme, style.rows_height(names, 1.2))
    axes = figure.subplots()
    style.dress(axes, theme, grid="x")
    style.arm_rows(axes, names)
    longest = max(row.spans[-1].end_s for row in points.rows)
    kinds = (("to the first token (encode, prefill)", style.color(1), "///"), ("decode", style.color(0), ""))
    for y, row in enumerate(points.rows):
        for nth, span in enumerate(row.spans, start=1):
            bounds = ((span.start_s, span.first_token_s), (span.first_token_s, span.end_s))
            for (label, fill, hatch), (start, end) in zip(kinds, bounds, strict=True):
                axes.barh(
                    y,
                    end - start,
                    left=start,
                    height=0.6,
                    color=fill,
                    hatch=hatch,
                    edgecolor=theme.background,
                    linewidth=0.6,
                    label=label if y == 0 and nth == 1 else None,
                )
            if span.end_s - span.first_token_s > 0.03 * longest:
                _inside(axes, (span.first_token_s + span.end_s) / 2, y, str(nth), style.color(0))
        end = row.spans[-1].end_s
        axes.text(end + 0.01 * longest, y, f"{number(end)} s", va="center", color=theme.ink, fontsize=9)
    axes.set_xlim(0, 1.1 * longest)
    axes.set_xlabel("session time (s); the numbers are the calls")
    style.legend_above(figure, axes, theme, 2)
    return figure


def acceptance(rows: tuple[AcceptanceRow, ...], theme: Theme) -> Figure:
    """Acceptance by draft position: of all drafts that long, and of those accepted up to there."""
    figure = style.new_figure(theme, 3.0 + 0.25 * ((len(rows) + 1) // 2))
    joint, conditional = figure.subplots(1, 2, sharey=True)
    style.dress(joint, theme, grid="both", title="Accepted up to and with this position")
    style.dress(conditional, theme, grid="both", title="Accepted, if all before it were")
    for index, row in enumerate(rows):
        look = {
            "color": style.color(index),
            "marker": style.marker(index),
            "markeredgecolor": theme.ink,
            "markersize": 7,
            "linestyle": ("-", "--", "-.", ":")[index % 4],
            "linewidth": 1.8,
        }
        label = f"{style.wrap(row.arm)} (n = {row.positions[0].drafted})"
        joint.plot([p.position for p in row.positions], [p.joint for p in row.positions], label=label, **look)
        reached = [(p.position, p.conditional) for p in row.positions if p.conditional is not None]
        conditional.plot([x for x, _ in reached], [y for _, y in reached], **look)
    for axes in (joint, conditional):
        axes.set_ylim(-0.04, 1.06)
        axes.xaxis.set_major_locator(MaxNLocator(8, integer=True, min_n_ticks=1))
        axes.yaxis.set_major_formatter(PercentFormatter(1.0, symbol=" %"))
        axes.set_xlabel("draft position")
        axes.set_xlim(0.6, max(len(row.positions) for row in rows) + 0.4)
    style.legend_above(figure, joint, theme, 2)
    return figure


def segments(rows: tuple[SegmentRow, ...], theme: Theme) -> Figure:
    """Bars of accepted length by segment, one a segment and arm."""
    names = [name for name in SEGMENTS if any(name in row.segments for row in rows)]
    figure = style.new_figure(theme, 2.6 + 0.25 * ((len(rows) + 1) // 2))
    axes = figure.subplots()
    style.dress(axes, theme, grid="y")
    width = 0.8 / len(rows)
    for index, row in enumerate(rows):
        places = [place for place, name in enumerate(names) if name in row.segments]
        found = [row.segments[names[place]] for place in places]
        at = [place + (index - (len(rows) - 1) / 2) * width for place in places]
        heights = [each.accepted_length for each in found]
        bars = axes.bar(at, heights, 0.9 * width, color=style.color(index), label=style.wrap(row.arm))
        axes.bar_label(bars, [str(each.steps) for each in found], fontsize=8, color=theme.ink, padding=2)
    axes.set_xticks(range(len(names)), names)
    axes.set_ylabel("tokens per verify step")
    axes.margins(y=0.12)
    style.legend_above(figure, axes, theme, 2)
    return figure


def ladder(rows: tuple[LadderRow, ...], theme: Theme) -> Figure:
    """One panel a rung: the share of calls that reach it, with its Wilson interval."""
    names = [f"{row.arm} (n = {row.n})" for row in rows]
    figure = style.new_figure(theme, style.rows_height(names, 1.1))
    panels: Iterable[Axes] = figure.subplots(1, len(RUNGS), sharey=True)
    for rung, axes in enumerate(panels):
        style.dress(axes, theme, grid="x", title=RUNGS[rung])
        if rung == 0:
            style.arm_rows(axes, names)
        for y, row in enumerate(rows):
            share = row.shares[rung]
            _error_point(axes, share, y, y, theme, along_x=True)
            axes.text(
                min(max(share.value, 0.14), 0.86),
                y - 0.2,
                f"{100 * share.value:.0f} %",
                ha="center",
                va="bottom",
                color=theme.ink,
                fontsize=8,
            )
        axes.set_xlim(-0.06, 1.06)
        axes.set_xticks([0, 0.5, 1], ["0", "50", "100"])
        axes.set_xlabel("% of calls")
    return figure


def _error_point(
    axes: Axes,
    estimate: Interval,
    at: float,
    index: int,
    theme: Theme,
    *,
    along_x: bool,
    label: str | None = None,
) -> None:
    error = None
    if estimate.low is not None and estimate.high is not None:
        error = [[max(estimate.value - estimate.low, 0)], [max(estimate.high - estimate.value, 0)]]
    x, y = (estimate.value, at) if along_x else (at, estimate.value)
    axes.errorbar(
        x,
        y,
        xerr=error if along_x else None,
        yerr=None if along_x else error,
        fmt=style.marker(index),
        label=label,
        color=style.color(index),
        markeredgecolor=theme.ink,
        ecolor=theme.ink,
        markersize=7,
        elinewidth=1.4,
        capsize=4,
    )


def _inside(axes: Axes, x: float, y: float, text: str, fill: str) -> None:
    box = {"facecolor": fill, "edgecolor": "none", "pad": 1.2}
    axes.text(x, y, text, ha="center", va="center", fontsize=8, color=style.readable_on(fill), bbox=box)


def _thinned(ticks: list[float], low: float, high: float) -> list[float]:
    """The ticks between the limits, 1 among them, no two closer than a tenth of the (log) axis."""
    kept: list[float] = []
    for tick in sorted(
        (t for t in ticks if low <= t <= high), key=lambda t: (t != 1, t not in (0.5, 2, 5, 10), t)
    ):
        if all(abs(log(tick / other)) >= log(high / low) / 10 for other in kept):
            kept.append(tick)
    return sorted(kept)
