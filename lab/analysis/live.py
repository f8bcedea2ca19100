"""What live replay adds to a summary: how sessions ended, and which calls are of a session that did."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from lab.analysis.stats import Share
from lab.records import CallRecord, OutcomeRecord, RunRecord


@dataclass(frozen=True, slots=True)
class Live:
    """How an arm's live sessions ended, first timed round; shares are of the sessions that did.

    Attributes:
        statements_ok: of the sessions that require statements.
        capped, out_of_context: sessions ended by the step cap, and by a prompt that did not fit the context.
        steps, tool_errors: model calls, and tool results that were errors, in the mean of a session.
    """

    success: Share
    state_ok: Share
    statements_ok: Share
    capped: Share
    out_of_context: Share
    steps: float
    tool_errors: float


def whole_sessions(
    run: RunRecord, calls: Iterable[CallRecord], outcomes: Iterable[OutcomeRecord]
) -> list[CallRecord]:
    """The calls of the sessions that were replayed to their end: all recorded calls or, live, an outcome."""
    calls = list(calls)
    if run.replay == "live":
        whole = {(each.cell_id, each.round, each.session_id) for each in outcomes}
    else:
        size = {session["id"]: session["calls"] for session in run.sessions}
        made = Counter((call.cell_id, call.round, call.session_id) for call in calls)
        whole = {key for key, count in made.items() if count == size[key[2]]}
    return [call for call in calls if (call.cell_id, call.round, call.session_id) in whole]


def live_figures(outcomes: list[OutcomeRecord]) -> Live | None:
    """How an arm's sessions ended; None if none did, as in a teacher-forced run."""
    if not outcomes:
        return None
    first_round = min(each.round for each in outcomes)
    ended = [each for each in outcomes if each.round == first_round]
    required = [each.statements_ok for each in ended if each.statements_ok is not None]
    return Live(
        success=_share(each.success for each in ended),
        state_ok=_share(each.state_ok for each in ended),
        statements_ok=_share(required),
        capped=_share(each.ended == "step cap" for each in ended),
        out_of_context=_share(each.ended == "context" for each in ended),
        steps=sum(each.steps for each in ended) / len(ended),
        tool_errors=sum(each.tool_errors for each in ended) / len(ended),
    )


def _share(flags: Iterable[bool]) -> Share:
    counted = list(flags)
    return Share(sum(counted), len(counted))
