"""From stored records to the figures that every table, plot and JSON document shows.

A group is one engine, model and scenario: the arms inside it are compared with each other, never across.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np

from lab.analysis import effects, losslessness
from lab.analysis.acceptance import Acceptance, acceptance, beyond_training
from lab.analysis.accuracy import Accuracy, compare
from lab.analysis.effects import Interaction, Verdict
from lab.analysis.live import Live, live_figures, whole_sessions
from lab.analysis.losslessness import Lossless
from lab.analysis.quality import Quality, quality
from lab.analysis.stats import Interval, PairedBootstrap, Share, percentile
from lab.records import (
    RUNGS,
    CallRecord,
    CellRecord,
    CellStatus,
    OutcomeRecord,
    QualityRecord,
    RunRecord,
)

# Others taking more than this share of the threads disturb a run.
DISTURBING_SHARE = 0.1


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
        gb_per_s, mbu: bytes the steps had to read / their time, and that over the machine's read bandwidth.
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
        return effects.arm_name(self.precision, self.speculation, self.guided, self.kv)


@dataclass(frozen=True, slots=True)
class Group:
    """The arms of one engine, model and scenario, the reference arm first."""

    engine: str
    model: str
    scenario: str
    arms: list[Arm]
    interactions: list[Interaction]
    verdict: Verdict | None
    noise_floor: float | None


@dataclass(frozen=True, slots=True)
class Summary:
    """A whole run.

    Attributes:
        ledger_error: the largest relative gap between a call's ledger and its wall time.
        lab_overhead: the lab's own work on calls / their wall time.
        engine_share: wall time inside `Engine.generate` / wall time of the finished rounds.
        gold: False if any session is an observation: then scores are agreement with the recording.
        beyond: a sentence if drafts were made further on than their head was trained; None if not.
    """

    run: RunRecord
    groups: list[Group]
    ledger_error: float | None
    lab_overhead: float | None
    engine_share: float | None
    gold: bool
    beyond: str | None

    @property
    def contexts(self) -> str | None:
        """A sentence if the arms did not see the same contexts; None if they did."""
        if self.run.replay != "live":
            return None
        return (
            "Live replay: every arm's own calls ran in the sessions' tool worlds, so contexts differ between "
            "arms, and one that gives up early has the shorter ones. Ratios are of whole sessions' decode "
            "time per token, and not to be compared with teacher-forced ones."
        )

    @property
    def disturbance(self) -> str | None:
        """A sentence if others used the processors so much that the speeds suffered; None if not."""
        busy, threads = self.run.others_busy, self.run.environment.get("threads")
        if busy is None or threads is None or busy <= DISTURBING_SHARE * threads:
            return None
        return (
            f"Others kept {busy:.1f} processors busy while this ran on {threads}: speeds read too low and "
            "intervals too wide. Repeat it on a quiet machine."
        )


@dataclass(frozen=True, slots=True)
class _Records:
    """What is stored of a cell's timed rounds; `whole` are the calls of sessions replayed to their end."""

    calls: list[CallRecord]
    whole: list[CallRecord]
    outcomes: list[OutcomeRecord]


def precisions(group: Group) -> list[Arm]:
    """The arms that neither draft nor guide: one a precision of weights and cache."""
    return [arm for arm in group.arms if arm.speculation == "none" and arm.guided == "off"]


def summarize(
    run: RunRecord,
    cells: list[CellRecord],
    calls: Iterable[CallRecord],
    outcomes: Iterable[OutcomeRecord],
    compared: Iterable[QualityRecord] = (),
) -> Summary:
    """Every figure of a run, from the records of its timed rounds alone."""
    everything = [call for call in calls if call.round > 0]
    outcomes = list(outcomes)
    mixed = any(call.score for call in everything) if run.replay == "live" else outcomes
    assert not mixed, "teacher-forced and live records in one run"
    by_cell = {cell.cell_id: _Records([], [], []) for cell in cells}
    by_precision: dict[_Precision, list[QualityRecord]] = {}
    precisions = {cell.cell_id: _precision(cell) for cell in cells}
    for record in compared:
        by_precision.setdefault(precisions[record.cell_id], []).append(record)
    qualities = {key: quality(records) for key, records in by_precision.items()}
    for call in everything:
        by_cell[call.cell_id].calls.append(call)
    for call in whole_sessions(run, everything, outcomes):
        by_cell[call.cell_id].whole.append(call)
    for outcome in outcomes:
        by_cell[outcome.cell_id].outcomes.append(outcome)
    groups: dict[tuple[str, str, str], list[CellRecord]] = {}
    for cell in cells:
        groups.setdefault((cell.engine, cell.model, cell.scenario), []).append(cell)
    wall = sum(call.wall_s for call in everything)
    in_rounds = sum(call.wall_s for call in everything if call.round in run.round_wall_s)
    rounds_wall = sum(run.round_wall_s.values())
    return Summary(
        run=run,
        groups=[_group(run, key, members, by_cell, qualities) for key, members in groups.items()],
        ledger_error=max(
            (abs(c.wall_s - c.generation.ledger_s) / c.wall_s for c in everything), default=None
        ),
        lab_overhead=sum(call.lab_s for call in everything) / wall if wall else None,
        engine_share=in_rounds / rounds_wall if rounds_wall else None,
        gold=all(session.get("gold", True) for session in run.sessions),
        beyond=beyond_training(cells, {cell_id: found.calls for cell_id, found in by_cell.items()}),
    )


_Precision = tuple[str, str, str, str, str]


def _precision(cell: CellRecord) -> _Precision:
    """What all arms of a precision share: a draft and a guide do not change the model."""
    return cell.engine, cell.model, cell.scenario, cell.precision, cell.kv


def _group(
    run: RunRecord,
    key: tuple[str, str, str],
    cells: list[CellRecord],
    by_cell: dict[str, _Records],
    qualities: dict[_Precision, Quality | None],
) -> Group:
    sessions = [s["id"] for s in run.sessions if s.get("scenario") in (None, key[2])]
    rounds = sorted({call.round for cell in cells for call in by_cell[cell.cell_id].calls})
    work = {}
    measured = {}
    # Every arm is compared on the sessions that all finished, so an arm that failed on the way, or has none
    # yet, would take them from the others.
    for cell in cells:
        seconds, tokens = effects.decode_work(by_cell[cell.cell_id].whole, sessions, rounds)
        if cell.status != "failed" and np.isfinite(seconds).any():
            measured[cell.arm] = effects.arm_name(*cell.arm)
            work[measured[cell.arm]] = seconds, tokens
    scored = {cell.arm: _scored(by_cell[cell.cell_id].calls) for cell in cells}
    reference_calls = scored[cells[0].arm]
    compared = {cell.arm: compare(scored[cell.arm], reference_calls) for cell in cells[1:]}
    accuracy = {arm: found for arm, found in compared.items() if found is not None}
    boot = None
    floor = None
    if work:
        boot = PairedBootstrap({a: w[0] for a, w in work.items()}, {a: w[1] for a, w in work.items()})
        floor = effects.noise_floor(*next(iter(work.values())))
    plain = {(cell.precision, cell.guided, cell.kv): cell for cell in cells if cell.speculation == "none"}
    interactions = []
    verdict = None
    # Without the reference arm (listed first) there is nothing to relate the others to.
    if boot is not None and cells[0].arm in measured:
        for both in list(measured)[1:]:
            reference = (cells[0].precision, cells[0].speculation, *both[2:])
            if both[0] != reference[0] and both[1] != reference[1]:
                item = effects.interaction(boot, measured, reference, both)
                interactions += [item] if item else []
        worse = {
            measured[arm]: found.points
            for arm, found in accuracy.items()
            if arm in measured and found.shown_worse
        }
        verdict = effects.verdict(boot, measured, interactions, worse)
    arms = []
    for cell in cells:
        ratio = None
        if boot is not None and cell.arm in measured and cells[0].arm in measured:
            log_ratio = boot.contrast(
                {measured[cells[0].arm]: 1, measured[cell.arm]: -1} if cell is not cells[0] else {}
            )
            ratio = log_ratio.exp() if log_ratio else None
        base = plain.get((cell.precision, cell.guided, cell.kv))
        arm = _arm(run, cell, by_cell[cell.cell_id], ratio, base, by_cell[base.cell_id].calls if base else [])
        arms.append(replace(arm, accuracy=accuracy.get(cell.arm), quality=qualities.get(_precision(cell))))
    return Group(*key, arms=arms, interactions=interactions, verdict=verdict, noise_floor=floor)


def _arm(
    run: RunRecord,
    cell: CellRecord,
    records: _Records,
    ratio: Interval | None,
    plain: CellRecord | None,
    plain_calls: list[CallRecord],
) -> Arm:
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
    scored = _scored(calls)
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
        mbu=bandwidth / ceiling if bandwidth and ceiling else None,
        ttft_ms=percentile([1e3 * (c.generation.encode_s + c.generation.prefill_s) for c in calls], 50),
        tpot_ms_p50=percentile(tpot, 50),
        tpot_ms_p95=percentile(tpot, 95),
        session_s=float(np.mean(latencies)) if latencies else None,
        peak_memory_bytes=max(peaks, default=None),
        weight_bytes=cell.setup.weight_bytes if cell.setup else None,
        rungs={rung: Share(sum(getattr(c.score, rung) for c in scored), len(scored)) for rung in RUNGS},
        errors=dict(Counter(error for call in scored if call.score for error in call.score.errors)),
        sessions_ok=_sessions_ok(run, scored),
        accuracy=None,
        args_ok_by_tag=_by_tag(run, scored),
        quality=None,
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


def _verify_cost(run: RunRecord, cell: CellRecord) -> float | None:
    choice = (run.environment.get("kernels") or {}).get(f"{cell.model}/{cell.precision}") or {}
    pins = ",".join(f"{op}={name}" for op, name in sorted(choice.get("kernels", {}).items()))
    measured = choice.get("step_ms", {}).get(pins)
    return measured[1] / measured[0] if measured else None


def _scored(calls: list[CallRecord]) -> list[CallRecord]:
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
