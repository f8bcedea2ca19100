"""One arm of a run: every figure that its own records give."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np

from lab.analysis import losslessness
from lab.analysis.acceptance import Acceptance, acceptance
from lab.analysis.accuracy import Accuracy
from lab.analysis.effects import arm_name
from lab.analysis.live import Live, live_figures
from lab.analysis.losslessness import Lossless
from lab.analysis.quality import Quality
from lab.analysis.stats import Interval, Share, percentile
from lab.records import RUNGS, CallRecord, CellRecord, CellStatus, OutcomeRecord, RunRecord


@dataclass(frozen=True, slots=True)
class Ledger:
    """Mean seconds of a call by where they went; `gap` is wall time that the ledger does not account for."""

    encode_s: float
    prefill_s: float
    draft_s: float
    mask_s: float
    verify_s: float
    other_s: float
    finish_s: float
    gap_s: float


@dataclass(frozen=True, slots=True)
class Arm:
    """The measured figures of one arm (one cell). None where nothing was measured.

    Attributes:
        decode_tok_per_s: tokens after the first / time after the first, over all calls.
        ratio: the arm's decode speed over the reference arm's.
        tau: tokens emitted per verify step; None for an arm without verify steps.
        verify_share: verify steps / steps (a drafter may propose nothing).
        mask_share: time for the grammar and its masks / time of the steps; None for an arm without guidance.
        gb_per_s, mbu: bytes the steps had to read / their time, and that over the read bandwidth: what was
            measured before each session or, where it was not, the machine's ceiling.
        ttft_ms: median time to first token. tpot_ms_*: percentiles over calls of time per output token.
        session_s: mean session latency, prefill included.
        rungs: ladder rung -> share of the calls that have an expectation, first round.
        sessions_ok: sessions whose every call is `args_ok`.
        accuracy: against the reference arm, on the same calls of the first round; None for that arm itself.
        args_ok_by_tag: tag of the sessions -> share of their calls.
        quality: of the arm's precision; None where it was not measured.
        verify_cost: what a step of eight rows takes, in plain steps, with the kernels that were chosen; None
            where there was nothing to choose from.
        live: how the sessions of a live run ended; its calls have no score.
        accepted_by_position: entry i is (verify steps whose draft was deeper than i, of these accepted more
            than i).
        acceptance: accepted length by segment of the reply, call and context; None without verify steps.
        outside_share: verify steps whose draft ended where the target took a token that cannot be drafted /
            verify steps.
    """

    cell_id: str
    engine: str
    model: str
    scenario: str
    precision: str
    speculation: str
    guided: str
    kv: str
    status: CellStatus
    reason: str | None
    calls: int
    decode_tok_per_s: float | None
    ratio: Interval | None
    tau: float | None
    verify_share: float | None
    mask_share: float | None
    gb_per_s: float | None
    mbu: float | None
    ttft_ms: float | None
    tpot_ms_p50: float | None
    tpot_ms_p95: float | None
    session_s: float | None
    peak_memory_bytes: int | None
    weight_bytes: int | None
    rungs: dict[str, Share]
    errors: dict[str, int]
    sessions_ok: Share | None
    accuracy: Accuracy | None
    args_ok_by_tag: dict[str, Share]
    quality: Quality | None
    verify_cost: float | None
    live: Live | None
    lossless: Lossless | None
    ledger: Ledger | None
    accepted_by_position: list[tuple[int, int]]
    acceptance: Acceptance | None
    outside_share: float | None

    @property
    def name(self) -> str:
        return arm_name(self.precision, self.speculation, self.guided, self.kv)


@dataclass(frozen=True, slots=True)
class Records:
    """What is stored of a cell's timed rounds; `whole` are the calls of sessions replayed to their end."""

    calls: list[CallRecord]
    whole: list[CallRecord]
    outcomes: list[OutcomeRecord]


def arm_figures(
    run: RunRecord,
    cell: CellRecord,
    records: Records,
    plain: CellRecord | None,
    plain_calls: list[CallRecord],
    *,
    ratio: Interval | None,
    accuracy: Accuracy | None,
    quality: Quality | None,
) -> Arm:
    """The figures of `cell`.

    Args:
        plain: the arm without speculation that it must not differ from, and that arm's calls.
        ratio, accuracy, quality: what takes other arms' records, as in `Arm`.
    """
    calls = records.calls
    steps = [step for call in calls for step in call.generation.steps]
    seconds = sum(step.seconds for step in steps)
    tokens = sum(len(call.generation.token_ids) - 1 for call in calls)
    verify = [step for step in steps if step.kind == "verify"]
    bandwidth = sum(step.bytes_read for step in steps) / seconds / 1e9 if seconds else None
    ceiling = (run.environment.get("ceilings") or {}).get("read_gb_per_s")
    tpot = [
        1e3 * sum(step.seconds for step in call.generation.steps) / (len(call.generation.token_ids) - 1)
        for call in calls
        if len(call.generation.token_ids) > 1
    ]
    peaks = [c.generation.peak_memory_bytes for c in calls if c.generation.peak_memory_bytes is not None]
    latencies = _session_latencies(records.whole)
    scored = scored_calls(calls)
    limit = losslessness.threshold(cell.setup, plain.setup if plain else None)
    audited = (
        cell.speculation != "none"
        and plain_calls
        and limit is not None
        and not run.matrix.get("temperature")
        and run.replay != "live"
    )
    return Arm(
        cell_id=cell.cell_id,
        engine=cell.engine,
        model=cell.model,
        scenario=cell.scenario,
        precision=cell.precision,
        speculation=cell.speculation,
        guided=cell.guided,
        kv=cell.kv,
        status=cell.status,
        reason=cell.reason,
        calls=len(calls),
        decode_tok_per_s=tokens / seconds if seconds else None,
        ratio=ratio,
        tau=sum(step.emitted for step in verify) / len(verify) if verify else None,
        verify_share=len(verify) / len(steps) if steps and cell.speculation != "none" else None,
        mask_share=sum(step.mask_s for step in steps) / seconds if seconds and cell.guided != "off" else None,
        gb_per_s=bandwidth,
        mbu=_utilisation(calls, ceiling),
        ttft_ms=percentile([1e3 * (c.generation.encode_s + c.generation.prefill_s) for c in calls], 50),
        tpot_ms_p50=percentile(tpot, 50),
        tpot_ms_p95=percentile(tpot, 95),
        session_s=float(np.mean(latencies)) if latencies else None,
        peak_memory_bytes=max(peaks, default=None),
        weight_bytes=cell.setup.weight_bytes if cell.setup else None,
        rungs={rung: Share(sum(getattr(c.score, rung) for c in scored), len(scored)) for rung in RUNGS},
        errors=dict(Counter(error for call in scored if call.score for error in call.score.errors)),
        sessions_ok=_sessions_ok(run, scored),
        accuracy=accuracy,
        args_ok_by_tag=_by_tag(run, scored),
        quality=quality,
        verify_cost=_verify_cost(run, cell),
        live=live_figures(records.outcomes),
        lossless=losslessness.audit(plain_calls, calls, limit) if audited and limit is not None else None,
        ledger=_ledger(calls),
        accepted_by_position=[
            (sum(s.depth > i for s in verify), sum(s.accepted > i for s in verify))
            for i in range(max((step.depth for step in verify), default=0))
        ],
        acceptance=acceptance(calls),
        outside_share=sum(step.outside for step in verify) / len(verify) if verify else None,
    )


def _utilisation(calls: list[CallRecord], ceiling: float | None) -> float | None:
    """Bytes that the steps read, over what memory gives in their time; `ceiling` (GB/s) counts where a call
    knows no rate of its own."""
    read = possible = 0.0
    for call in calls:
        rate = call.read_gb_per_s or ceiling
        if rate is None:
            return None
        read += sum(step.bytes_read for step in call.generation.steps)
        possible += 1e9 * rate * sum(step.seconds for step in call.generation.steps)
    return read / possible if read and possible else None


def _verify_cost(run: RunRecord, cell: CellRecord) -> float | None:
    choice = (run.environment.get("kernels") or {}).get(f"{cell.model}/{cell.precision}") or {}
    pins = ",".join(f"{op}={name}" for op, name in sorted(choice.get("kernels", {}).items()))
    measured = choice.get("step_ms", {}).get(pins)
    return measured[1] / measured[0] if measured else None


def scored_calls(calls: list[CallRecord]) -> list[CallRecord]:
    """Those of the first round that have a score."""
    first_round = min((call.round for call in calls), default=None)
    return [call for call in calls if call.round == first_round and call.score is not None]


def _by_tag(run: RunRecord, scored: list[CallRecord]) -> dict[str, Share]:
    tags = {session["id"]: session["tags"] for session in run.sessions}
    seen = Counter(tag for call in scored for tag in tags[call.session_id])
    right = Counter(tag for c in scored for tag in tags[c.session_id] if c.score and c.score.args_ok)
    return {tag: Share(right[tag], n) for tag, n in sorted(seen.items())}


def _session_latencies(calls: list[CallRecord]) -> list[float]:
    """Wall seconds of every session among `calls`."""
    walls: dict[tuple[int, str], float] = {}
    for call in calls:
        key = call.round, call.session_id
        walls[key] = walls.get(key, 0.0) + call.wall_s
    return list(walls.values())


def _sessions_ok(run: RunRecord, scored: list[CallRecord]) -> Share | None:
    size = {session["id"]: session["scored_calls"] for session in run.sessions}
    seen = Counter(call.session_id for call in scored)
    right = Counter(call.session_id for call in scored if call.score and call.score.args_ok)
    whole = [session for session in seen if seen[session] == size[session]]
    return Share(sum(right[s] == size[s] for s in whole), len(whole)) if whole else None


def _ledger(calls: list[CallRecord]) -> Ledger | None:
    if not calls:
        return None
    parts = np.array(
        [
            (
                c.generation.encode_s,
                c.generation.prefill_s,
                sum(s.draft_s for s in c.generation.steps),
                sum(s.mask_s for s in c.generation.steps),
                sum(s.verify_s for s in c.generation.steps),
                sum(s.other_s for s in c.generation.steps),
                c.generation.finish_s,
                c.wall_s - c.generation.ledger_s,
            )
            for c in calls
        ]
    )
    return Ledger(*(float(mean) for mean in parts.mean(axis=0)))
