"""From stored records to the figures that every table, plot and JSON document shows.

A group is one engine, model and scenario: the arms inside it are compared with each other, never across.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from lab.analysis import effects
from lab.analysis.acceptance import beyond_training
from lab.analysis.accuracy import compare
from lab.analysis.arm import Arm, Records, arm_figures, scored_calls
from lab.analysis.effects import Interaction, Verdict
from lab.analysis.live import whole_sessions
from lab.analysis.quality import Quality, quality
from lab.analysis.stats import PairedBootstrap
from lab.records import CallRecord, CellRecord, OutcomeRecord, QualityRecord, RunRecord

# Others taking more than this share of the threads disturb a run.
DISTURBING_SHARE = 0.1


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
        reads_gb_per_s: what large buffers were read with before each session that is stored, in order.
        gold: False if any session is an observation: then scores are agreement with the recording.
        beyond: a sentence if drafts were made further on than their head was trained; None if not.
    """

    run: RunRecord
    groups: list[Group]
    ledger_error: float | None
    lab_overhead: float | None
    engine_share: float | None
    reads_gb_per_s: list[float]
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
    by_cell = {cell.cell_id: Records([], [], []) for cell in cells}
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
    reads = {(c.round, c.session_id): c.read_gb_per_s for c in everything if c.read_gb_per_s is not None}
    return Summary(
        run=run,
        groups=[_group(run, key, members, by_cell, qualities) for key, members in groups.items()],
        ledger_error=max(
            (abs(c.wall_s - c.generation.ledger_s) / c.wall_s for c in everything), default=None
        ),
        lab_overhead=sum(call.lab_s for call in everything) / wall if wall else None,
        engine_share=in_rounds / rounds_wall if rounds_wall else None,
        reads_gb_per_s=list(reads.values()),
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
    by_cell: dict[str, Records],
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
    scored = {cell.arm: scored_calls(by_cell[cell.cell_id].calls) for cell in cells}
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
        arms.append(
            arm_figures(
                run,
                cell,
                by_cell[cell.cell_id],
                base,
                by_cell[base.cell_id].calls if base else [],
                ratio=ratio,
                accuracy=accuracy.get(cell.arm),
                quality=qualities.get(_precision(cell)),
            )
        )
    return Group(*key, arms=arms, interactions=interactions, verdict=verdict, noise_floor=floor)
