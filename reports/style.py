"""How the figures look: two themes, the Okabe-Ito palette, and a hatch and a marker beside every colour."""

from __future__ import annotations

import io
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.text import Text

WIDTH = 9.0
DPI = 150
NAME_WIDTH = 24

# Okabe & Ito's colour-blind-safe set without its black, ordered so that neighbours differ in lightness too.
PALETTE = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#F0E442", "#999999")
MARKERS = ("o", "s", "D", "^", "v", "P", "X", "*")
HATCHES = ("", "///", "...", "\\\\\\", "xxx", "---", "++", "oo")


@dataclass(frozen=True, slots=True)
class Theme:
    """Colours of one variant; `background` is the page's own in `templates/style.css`."""

    name: str
    background: str
    ink: str
    muted: str
    grid: str


LIGHT = Theme("light", "#ffffff", "#1b1f24", "#59636e", "#d9dee3")
DARK = Theme("dark", "#14171b", "#e6e9ed", "#9aa4af", "#343b43")


def color(index: int) -> str:
    return PALETTE[index % len(PALETTE)]


def marker(index: int) -> str:
    return MARKERS[index % len(MARKERS)]


def hatch(index: int) -> str:
    return HATCHES[index % len(HATCHES)]


def readable_on(fill: str) -> str:
    """Black or white, whichever reads better on `fill`."""
    red, green, blue = to_rgb(fill)
    return "#000000" if 0.299 * red + 0.587 * green + 0.114 * blue > 0.45 else "#ffffff"


def wrap(name: str) -> str:
    """An arm's name in lines of at most `NAME_WIDTH` characters."""
    return "\n".join(textwrap.wrap(name, NAME_WIDTH)) or name


def rows_height(names: Sequence[str], extra: float) -> float:
    """Inches for one row a name, wrapped, plus `extra` for axes and legend."""
    lines = max((wrap(name).count("\n") + 1 for name in names), default=1)
    return len(names) * (0.24 + 0.18 * lines) + extra


def new_figure(theme: Theme, height: float) -> Figure:
    figure = Figure(figsize=(WIDTH, height), dpi=DPI, facecolor=theme.background, layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def dress(axes: Axes, theme: Theme, *, grid: str, title: str = "") -> None:
    """Ink, grid (`x`, `y` or `both`) and an optional title in the theme's colours."""
    axes.set_facecolor(theme.background)
    for side, spine in axes.spines.items():
        spine.set_visible(side == "bottom" or (side == "left" and grid != "x"))
        spine.set_color(theme.muted)
    axes.tick_params(colors=theme.ink, labelsize=9, length=0, which="both")
    axes.xaxis.label.set_color(theme.muted)
    axes.yaxis.label.set_color(theme.muted)
    axes.grid(visible=True, axis=grid, color=theme.grid, linewidth=0.8)  # type: ignore[arg-type]
    axes.set_axisbelow(True)
    if title:
        axes.set_title(title, color=theme.ink, fontsize=10, loc="left")


def arm_rows(axes: Axes, names: Sequence[str]) -> None:
    """One row an arm on the y axis, the first on top."""
    axes.set_yticks(range(len(names)), [wrap(name) for name in names])
    axes.set_ylim(len(names) - 0.4, -0.6)


def legend_above(figure: Figure, axes: Axes, theme: Theme, columns: int) -> None:
    handles, labels = axes.get_legend_handles_labels()
    figure.legend(
        handles,
        labels,
        loc="outside upper left",
        ncols=columns,
        fontsize=9,
        frameon=False,
        labelcolor=theme.ink,
        handleheight=1.2,
    )


def png(figure: Figure) -> bytes:
    """The figure as PNG bytes. A `$` in a name is a dollar sign, never mathematics."""
    for text in figure.findobj(Text):
        assert isinstance(text, Text)
        text.set_parse_math(False)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", facecolor=figure.get_facecolor(), metadata={"Software": None})
    return buffer.getvalue()
