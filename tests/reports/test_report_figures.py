"""Figures are drawn and their texts measured with the renderer that writes them."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path

import pytest
from matplotlib.figure import Figure
from matplotlib.text import Text
from matplotlib.transforms import Bbox

from lab.analysis.stats import Interval
from lab.records import RUNGS
from lab.reports import figures, points, style
from lab.reports.style import DARK, LIGHT, Theme

LONG = ("rtn-w4-of-some-length", "hierarchical-with-a-middle-model")
COUNTS = (1, 4, 8)


def names(count: int) -> list[str]:
    return [f"{LONG[0]}-{i} + {LONG[1]}" if i % 2 else f"bf16 + n{i}" for i in range(count)]


def speed(count: int, theme: Theme) -> Figure:
    rows = [
        points.SpeedRow(n, 80.0 + 30 * i, Interval(1 + i, 0.9 + i, 1.2 + i))
        for i, n in enumerate(names(count))
    ]
    return figures.speed(points.SpeedPoints(names(count)[0], tuple(rows)), theme)


def interaction(count: int, theme: Theme) -> Figure:
    def line(i: int) -> points.InteractionLine:
        ratios = Interval(1 + i / 4, 0.9, 2.0), Interval(1.6 + i / 4, 1.4, 2.4)
        return points.InteractionLine(
            names(8)[i],
            ("off", "schema")[i % 2],
            ("bf16", "int8")[i // 2 % 2],
            ratios,
            (None, 2.1 + i if i else None),
        )

    lines = tuple(line(i) for i in range(count))
    return figures.interaction(
        points.InteractionPoints("bf16", ("bf16", "rtn-w4-of-some-length"), lines), theme
    )


def ledger(count: int, theme: Theme) -> Figure:
    rows = tuple(
        points.LedgerRow(n, (2.0, 1234.5, 30.0, 12.0, 300.0 + i, 25.0, 1.0))
        for i, n in enumerate(names(count))
    )
    return figures.ledger(rows, theme)


def timeline(count: int, theme: Theme) -> Figure:
    spans = tuple(points.Span(i, i + 0.3, i + 1.0) for i in range(20))
    rows = tuple(points.TimelineRow(n, spans) for n in names(count))
    return figures.timeline(points.TimelinePoints("travel/1", 1, rows), theme)


def acceptance(count: int, theme: Theme) -> Figure:
    positions = tuple(points.AcceptedAt(i + 1, 500 - 30 * i, 400 - 30 * i, 300 - 20 * i) for i in range(12))
    return figures.acceptance(tuple(points.AcceptanceRow(n, positions) for n in names(count)), theme)


def ladder(count: int, theme: Theme) -> Figure:
    shares = tuple(Interval(1 - i / 10, 0.4, 1.0) for i in range(len(RUNGS)))
    return figures.ladder(tuple(points.LadderRow(n, 240, shares) for n in names(count)), theme)


def precisions(count: int, theme: Theme) -> Figure:
    shown = [
        points.PrecisionPoint(n, Interval(0.9 - i / 10, 0.1, 1.0), 270_000_000 - 20_000_000 * i, 40.0 + 9 * i)
        for i, n in enumerate(names(count))
    ]
    return figures.precisions(shown, theme)


FIGURES = (speed, interaction, ledger, timeline, acceptance, ladder, precisions)


def texts(figure: Figure) -> list[tuple[str, Bbox]]:
    """Every text that is drawn, with its extent in pixels."""
    figure.draw_without_rendering()
    renderer = figure.canvas.get_renderer()  # type: ignore[attr-defined]
    hidden: set[Text] = set()
    for axes in figure.axes:
        for axis, limits in ((axes.xaxis, sorted(axes.get_xlim())), (axes.yaxis, sorted(axes.get_ylim()))):
            for tick in (*axis.get_major_ticks(), *axis.get_minor_ticks()):
                if not limits[0] <= tick.get_loc() <= limits[1]:
                    hidden |= {tick.label1, tick.label2}
    found = [text for text in figure.findobj(Text) if isinstance(text, Text) and text not in hidden]
    return [
        (t.get_text(), t.get_window_extent(renderer))
        for t in found
        if t.get_visible() and t.get_text().strip()
    ]


@pytest.mark.parametrize("draw", FIGURES)
@pytest.mark.parametrize("count", COUNTS)
def test_no_two_texts_overlap_and_none_leaves_the_picture(
    draw: Callable[[int, Theme], Figure], count: int
) -> None:
    figure = draw(count, LIGHT)
    drawn = texts(figure)
    assert len(drawn) > count
    for (a, box_a), (b, box_b) in itertools.combinations(drawn, 2):
        shared = Bbox.intersection(box_a, box_b)
        assert shared is None or shared.width < 1 or shared.height < 1, f"{a!r} and {b!r} overlap"
    for text, box in drawn:
        assert figure.bbox.x0 <= box.x0 <= box.x1 <= figure.bbox.x1, text
        assert figure.bbox.y0 <= box.y0 <= box.y1 <= figure.bbox.y1, text


@pytest.mark.parametrize("draw", FIGURES)
def test_dark_and_light_differ_only_in_their_colours(draw: Callable[[int, Theme], Figure]) -> None:
    light, dark = draw(2, LIGHT), draw(2, DARK)
    assert [text for text, _ in texts(light)] == [text for text, _ in texts(dark)]
    assert style.png(light) != style.png(dark)


def test_figure_backgrounds_are_those_of_the_page() -> None:
    css = (Path(style.__file__).parent / "templates" / "style.css").read_text(encoding="utf-8")
    first, second = (part.split(";")[0].strip() for part in css.split("--bg:")[1:3])
    assert (LIGHT.background, DARK.background) == (first, second)


def test_every_arm_has_its_own_colour_hatch_and_marker_up_to_eight() -> None:
    for look in (style.color, style.hatch, style.marker):
        assert len({look(index) for index in range(8)}) == 8


def test_ratio_ticks_hold_one_and_are_never_crowded() -> None:
    for low, high in ((0.9, 1.3), (0.5, 2.6), (0.05, 50.0)):
        ticks = figures._thinned(figures._RATIO_TICKS, low, high)
        assert 1 in ticks
        assert 2 <= len(ticks) <= 11


def test_a_dollar_sign_in_a_name_is_not_mathematics() -> None:
    rows = (points.LedgerRow("w4$\\frac{$ + ngram", (1.0,) * 7),)
    assert style.png(figures.ledger(rows, LIGHT)).startswith(b"\x89PNG")
