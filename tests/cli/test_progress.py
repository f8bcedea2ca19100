"""The bar of a run counts what is left: calls or, where their number is not known, live sessions."""

from __future__ import annotations

import io
from types import SimpleNamespace
from typing import Any

import pytest
from rich.console import Console

from lab.cli.progress import RunProgress
from lab.runner.schedule import Unit

ONE, TWO = "native/tiny/bf16/none/made-up", "native/tiny/w4/none/made-up"


def started(replay: str, left: dict[str, int]) -> RunProgress:
    """The progress of a run of two cells that has begun."""
    matrix = SimpleNamespace(rounds=2, replay=replay)
    plan: Any = SimpleNamespace(matrix=matrix, cells=[SimpleNamespace(cell_id=name) for name in (ONE, TWO)])
    progress = RunProgress(plan, Console(file=io.StringIO(), force_terminal=True))
    progress.planned(left)
    progress.started(Unit(1, "travel/0", ONE))
    return progress


def call(cell_id: str) -> Any:
    generation = SimpleNamespace(token_ids=(1, 2), steps=(SimpleNamespace(seconds=0.1),))
    return SimpleNamespace(
        cell_id=cell_id, round=1, session_id="travel/0", call_index=0, generation=generation
    )


def shown(progress: RunProgress) -> tuple[float, float | None]:
    (task,) = progress._bars.tasks
    return task.completed, task.total


def test_teacher_forced_replay_counts_the_calls_that_are_left() -> None:
    progress = started("teacher-forced", {ONE: 5, TWO: 7})
    assert shown(progress) == (0, 12)
    progress.finished(call(ONE))
    assert shown(progress) == (1, 12)


def test_live_replay_counts_sessions_when_they_end() -> None:
    progress = started("live", {ONE: 2, TWO: 2})
    for _ in range(3):
        progress.finished(call(ONE))
    assert shown(progress) == (0, 4)
    outcome: Any = SimpleNamespace(cell_id=ONE)
    progress.ended(outcome)
    assert shown(progress) == (1, 4)


@pytest.mark.parametrize("replay", ["teacher-forced", "live"])
def test_what_a_failed_cell_had_left_is_no_longer_waited_for(replay: str) -> None:
    progress = started(replay, {ONE: 2, TWO: 3})
    progress.failed(TWO, "out of memory")
    assert shown(progress) == (0, 2)
