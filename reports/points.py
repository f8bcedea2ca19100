"""What each figure shows, as frozen points: plain numbers, taken from the summary and the stored calls."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lab.analysis.acceptance import Emitted
from lab.analysis.arm import Arm
from lab.analysis.stats import Interval, wilson
from lab.analysis.summary import Group, precisions
from lab.records import RUNGS, CallRecord

LEDGER_PARTS = ("encode", "prefill", "draft", "mask", "verify", "other", "finish")


@dataclass(frozen=True, slots=True)
class SpeedRow:
    arm: str
    tok_per_s: float
    ratio: Interval | None


@dataclass(frozen=True, slots=True)
class SpeedPoints:
    reference: str
    rows: tuple[SpeedRow, ...]


@dataclass(frozen=True, slots=True)
class InteractionLine:
    """One speculation over the precisions, in one setting: its ratios to the reference arm, and what they
    would be if the two single gains multiplied, where there are two (None elsewhere)."""

    speculation: str
    guided: str
    kv: str
    ratios: tuple[Interval | None, ...]
    expected: tuple[float | None, ...]


@dataclass(frozen=True, slots=True)
class InteractionPoints:
    reference: str
    precisions: tuple[str, ...]
    lines: tuple[InteractionLine, ...]


@dataclass(frozen=True, slots=True)
class LedgerRow:
    """Mean milliseconds of a call, in the order of `LEDGER_PARTS`."""

    arm: str
    parts_ms: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Span:
    """One call on the session's time axis: begun, first token, done."""

    start_s: float
    first_token_s: float
    end_s: float


@dataclass(frozen=True, slots=True)
class TimelineRow:
    arm: str
    spans: tuple[Span, ...]


@dataclass(frozen=True, slots=True)
class TimelinePoints:
    session_id: str
    round: int
    rows: tuple[TimelineRow, ...]


@dataclass(frozen=True, slots=True)
class AcceptedAt:
    """One depth of the drafts (from 1): verify steps whose draft was so deep, of these those that accepted
    everything above it, and those that accepted a token there too."""

    position: int
    drafted: int
    reached: int
    accepted: int

    @property
    def joint(self) -> float:
        return self.accepted / self.drafted

    @property
    def conditional(self) -> float | None:
        return self.accepted / self.reached if self.reached else None


@dataclass(frozen=True, slots=True)
class AcceptanceRow:
    arm: str
    positions: tuple[AcceptedAt, ...]


@dataclass(frozen=True, slots=True)
class SegmentRow:
    """Verify steps by what their first token is part of."""

    arm: str
    segments: dict[str, Emitted]


@dataclass(frozen=True, slots=True)
class PrecisionPoint:
    """An arm without a draft: how many calls are right, with its Wilson interval, what its weights take, and
    how fast it decodes."""

    arm: str
    args_ok: Interval
    weight_bytes: int
    tok_per_s: float


@dataclass(frozen=True, slots=True)
class LadderRow:
    """Rung shares with their Wilson intervals, in the order of `RUNGS`, over the same n."""

    arm: str
    n: int
    shares: tuple[Interval, ...]


def speed_points(group: Group) -> SpeedPoints | None:
    """Decode speed of every measured arm; None if no arm decoded anything."""
    rows = tuple(
        SpeedRow(arm.name, arm.decode_tok_per_s, arm.ratio)
        for arm in group.arms
        if arm.decode_tok_per_s is not None
    )
    return SpeedPoints(group.arms[0].name, rows) if rows else None


def precision_points(group: Group) -> tuple[PrecisionPoint, ...]:
    """Every precision whose quality was measured; nothing of a single one."""
    found = []
    for arm in precisions(group):
        right = wilson(arm.rungs["args_ok"].k, arm.rungs["args_ok"].n)
        if arm.quality and right and arm.weight_bytes and arm.decode_tok_per_s:
            found.append(PrecisionPoint(arm.name, right, arm.weight_bytes, arm.decode_tok_per_s))
    return tuple(found) if len(found) > 1 else ()


def interaction_points(group: Group) -> InteractionPoints | None:
    """The factorial plot; None unless some 4-bit precision was measured with and without a speculation."""
    if not group.interactions:
        return None
    first = group.arms[0]
    ratios = {(arm.precision, arm.speculation, arm.guided, arm.kv): arm.ratio for arm in group.arms}
    shown = {first.precision, *(item.precision for item in group.interactions)}
    precisions = tuple(dict.fromkeys(arm.precision for arm in group.arms if arm.precision in shown))
    kinds = dict.fromkeys(
        (speculation, item.guided, item.kv)
        for item in group.interactions
        for speculation in (first.speculation, item.speculation)
    )

    def expected(precision: str, speculation: str, guided: str, kv: str) -> float | None:
        if precision == first.precision or speculation == first.speculation:
            return None
        plain = ratios.get((first.precision, first.speculation, guided, kv))
        quantized = ratios.get((precision, first.speculation, guided, kv))
        drafted = ratios.get((first.precision, speculation, guided, kv))
        return quantized.value * drafted.value / plain.value if plain and quantized and drafted else None

    lines = tuple(
        InteractionLine(
            *kind,
            tuple(ratios.get((precision, *kind)) for precision in precisions),
            tuple(expected(precision, *kind) for precision in precisions),
        )
        for kind in kinds
    )
    return InteractionPoints(first.name, precisions, lines)


def ledger_points(group: Group) -> tuple[LedgerRow, ...]:
    """Where a call's time went, one row an arm that ran."""
    return tuple(
        LedgerRow(arm.name, tuple(1e3 * float(getattr(arm.ledger, f"{part}_s")) for part in LEDGER_PARTS))
        for arm in group.arms
        if arm.ledger is not None
    )


def timeline_points(group: Group, calls: dict[str, list[CallRecord]]) -> TimelinePoints | None:
    """The reference arm's session of median latency, and the same session and round in every other arm.

    Args:
        group: its first arm is the reference.
        calls: cell id -> its calls of sessions that were replayed whole.

    Returns:
        None if the reference arm finished no session. A session that every running arm finished is preferred.
    """
    whole = {arm.cell_id: _by_session(calls[arm.cell_id]) for arm in group.arms}
    reference = whole[group.arms[0].cell_id]
    ran = [sessions for sessions in whole.values() if sessions]
    common = [pair for pair in reference if all(pair in sessions for sessions in ran)] or list(reference)
    if not common:
        return None
    common.sort(key=lambda pair: (sum(call.wall_s for call in reference[pair]), pair))
    chosen = common[(len(common) - 1) // 2]
    rows = tuple(
        TimelineRow(arm.name, _spans(whole[arm.cell_id][chosen]))
        for arm in group.arms
        if chosen in whole[arm.cell_id]
    )
    return TimelinePoints(chosen[1], chosen[0], rows)


def acceptance_points(group: Group, calls: dict[str, list[CallRecord]]) -> tuple[AcceptanceRow, ...]:
    """Acceptance by draft position of every arm that verified a draft."""
    rows = ((arm.name, _accepted(calls[arm.cell_id])) for arm in group.arms)
    return tuple(AcceptanceRow(name, positions) for name, positions in rows if positions)


def segment_points(group: Group) -> tuple[SegmentRow, ...]:
    """Accepted length by segment of the reply, of every arm whose tokens can be placed in their replies."""
    return tuple(
        SegmentRow(arm.name, arm.acceptance.segment)
        for arm in group.arms
        if arm.acceptance and arm.acceptance.segment
    )


def ladder_points(group: Group) -> tuple[LadderRow, ...]:
    """The score ladder of every arm with scored calls."""
    return tuple(row for row in map(_ladder_row, group.arms) if row)


def _ladder_row(arm: Arm) -> LadderRow | None:
    shares = [wilson(arm.rungs[rung].k, arm.rungs[rung].n) for rung in RUNGS]
    known = tuple(share for share in shares if share is not None)
    return LadderRow(arm.name, arm.rungs[RUNGS[0]].n, known) if len(known) == len(RUNGS) else None


def _by_session(calls: Sequence[CallRecord]) -> dict[tuple[int, str], list[CallRecord]]:
    sessions: dict[tuple[int, str], list[CallRecord]] = {}
    for call in calls:
        if call.round > 0:
            sessions.setdefault((call.round, call.session_id), []).append(call)
    return sessions


def _spans(calls: list[CallRecord]) -> tuple[Span, ...]:
    """The calls laid end to end: what the session would have waited for."""
    spans, start = [], 0.0
    for call in sorted(calls, key=lambda call: call.call_index):
        first_token = start + call.generation.encode_s + call.generation.prefill_s
        spans.append(Span(start, first_token, start + call.wall_s))
        start += call.wall_s
    return tuple(spans)


def _accepted(calls: Sequence[CallRecord]) -> tuple[AcceptedAt, ...]:
    steps = [
        step for call in calls if call.round > 0 for step in call.generation.steps if step.kind == "verify"
    ]
    return tuple(
        AcceptedAt(
            position=i + 1,
            drafted=sum(step.depth > i for step in steps),
            reached=sum(step.depth > i and step.accepted >= i for step in steps),
            accepted=sum(step.accepted > i for step in steps),
        )
        for i in range(max((step.depth for step in steps), default=0))
    )
