"""Which figures a group gets, with caption and alternative text, each drawn in a light and a dark variant."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from matplotlib.figure import Figure

from lab.analysis.summary import Group
from lab.records import CallRecord
from lab.reports import figures, points, style
from lab.reports.tables import interval, number, size


@dataclass(frozen=True, slots=True)
class Picture:
    """One drawn figure; `file` is its name without the theme and the ending."""

    file: str
    caption: str
    alt: str
    light: bytes
    dark: bytes

    @property
    def light_uri(self) -> str:
        return _uri(self.light)

    @property
    def dark_uri(self) -> str:
        return _uri(self.dark)


def draw(
    group: Group, calls: dict[str, list[CallRecord]], whole: dict[str, list[CallRecord]], *, prefix: str
) -> Iterator[tuple[str, Picture]]:
    """(name, picture) of every figure that has something to show.

    Args:
        calls: cell id -> its calls.
        whole: likewise, of sessions that were replayed whole.
        prefix: goes before the file names.
    """

    def picture(
        name: str, caption: str, alt: str, figure: Callable[[style.Theme], Figure]
    ) -> tuple[str, Picture]:
        light, dark = (style.png(figure(theme)) for theme in (style.LIGHT, style.DARK))
        return name, Picture(prefix + name, caption, alt, light, dark)

    if speed := points.speed_points(group):
        told = "; ".join(
            f"{row.arm} {number(row.tok_per_s)} tokens/s, ratio {interval(row.ratio) or 'undefined'}"
            for row in speed.rows
        )
        yield picture(
            "speed",
            f"Decode speed of every arm, and its ratio to {speed.reference} over the same "
            f"sessions and rounds.",
            f"Bar chart of decode speed: {told}.",
            lambda theme: figures.speed(speed, theme),
        )
    if interaction := points.interaction_points(group):
        yield picture(
            "interaction",
            "Do the gains multiply? If they do, a speculation's line runs parallel to the plain one and "
            "ends in the open diamond.",
            "Line chart of decode speed over precision, one line a speculation, with the product of the "
            "single gains marked.",
            lambda theme: figures.interaction(interaction, theme),
        )
    if ledger := points.ledger_points(group):
        told = "; ".join(f"{row.arm} {number(sum(row.parts_ms))} ms" for row in ledger)
        yield picture(
            "ledger",
            "Where a call's time goes, mean over all calls. Speculation trades drafting for "
            "fewer target forwards; it cannot touch encode and prefill. Guiding is the grammar and its "
            "token masks.",
            f"Stacked bars of a call's mean time: {told}.",
            lambda theme: figures.ledger(ledger, theme),
        )
    if timeline := points.timeline_points(group, whole):
        told = "; ".join(
            f"{row.arm} {number(row.spans[-1].end_s)} s in {len(row.spans)} calls" for row in timeline.rows
        )
        yield picture(
            "timeline",
            f"Session {timeline.session_id}, round {timeline.round}: the reference arm's session of "
            f"median latency, in every arm.",
            f"Timeline of one session: {told}.",
            lambda theme: figures.timeline(timeline, theme),
        )
    if acceptance := points.acceptance_points(group, calls):
        told = "; ".join(f"{row.arm} {row.positions[0].joint:.0%} at position 1" for row in acceptance)
        yield picture(
            "acceptance",
            "How far drafts are accepted. n is the number of verify steps; the table has "
            "it for every position.",
            f"Line charts of acceptance by draft position: {told}.",
            lambda theme: figures.acceptance(acceptance, theme),
        )
    if segments := points.segment_points(group):
        told = "; ".join(
            f"{row.arm}: "
            + ", ".join(f"{name} {each.accepted_length:.1f}" for name, each in row.segments.items())
            for row in segments
        )
        yield picture(
            "segments",
            "Tokens emitted per verify step, by what the step's first token is part of. At each bar, the "
            "number of its steps.",
            f"Bars of accepted length by segment of the reply: {told}.",
            lambda theme: figures.segments(segments, theme),
        )
    if ladder := points.ladder_points(group):
        told = "; ".join(
            f"{row.arm} {row.shares[-1].value:.0%} of {row.n} calls fully right" for row in ladder
        )
        yield picture(
            "ladder",
            "Share of calls that reach each rung of the score ladder, with 95 % Wilson "
            "intervals; first timed round.",
            f"Dot charts of the score ladder: {told}.",
            lambda theme: figures.ladder(ladder, theme),
        )

    if shown := points.precision_points(group):
        told = "; ".join(
            f"{each.arm} {each.args_ok.value:.0%} right, {size(each.weight_bytes)}, "
            f"{number(each.tok_per_s)} tokens/s"
            for each in shown
        )
        yield picture(
            "precisions",
            "Calls that are fully right, with 95 % Wilson intervals, against what the weights take and how "
            "fast they decode without a draft. Best is the upper left corner on the left and the upper right "
            "on the right.",
            f"Two scatter charts of the precisions: {told}.",
            lambda theme: figures.precisions(shown, theme),
        )


def _uri(data: bytes) -> str:
    return f"data:image/png;base64,{base64.b64encode(data).decode('ascii')}"
