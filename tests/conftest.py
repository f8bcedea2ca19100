"""A made-up run whose every figure can be worked out by hand, written through the store.

Each call emits one token at the prefill and twelve after it, so an arm's decode speed is 12 / its step time:
100, 200, 200 and 250 tokens/s for the four arms below. Masks take half a millisecond of a guided arm's step.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lab.records import (
    CallRecord,
    CellRecord,
    CellSetup,
    CellStatus,
    Generation,
    OutcomeRecord,
    QualityRecord,
    RunRecord,
    Score,
    Step,
)
from lab.store import Store

# Precision and speculation, and `guided` where it is not off.
Arm = tuple[str, ...]

ARMS: tuple[Arm, ...] = (("bf16", "none"), ("bf16", "ngram"), ("w4", "none"), ("w4", "ngram"))

TOKENS = 12
# Seconds a step: drafting, the target's forward, the rest.
_STEP_S = {
    ("bf16", "none"): (0.0, 0.009, 0.001),
    ("bf16", "ngram"): (0.001, 0.013, 0.001),
    ("w4", "none"): (0.0, 0.004, 0.001),
    ("w4", "ngram"): (0.001, 0.010, 0.001),
}
# (session, call) -> error class, by precision.
_WRONG = {"bf16": {(2, 1): "value"}, "w4": {(2, 1): "value", (1, 0): "missing_call"}}
# (session, call) -> (token, its margin) where a speculative arm leaves the plain arm's tokens.
_DIVERGES: dict[Arm, dict[tuple[int, int], tuple[int, float]]] = {
    ("bf16", "ngram"): {(1, 1): (5, 0.01)},
    ("w4", "ngram"): {(0, 1): (3, 0.5)},
}
LOGIT_NOISE = 0.02


def whole(arm: Arm) -> tuple[str, str, str, str]:
    """Precision, speculation, guided and kv, the last two by default off and bf16."""
    precision, speculation, guided, kv = (*arm, *("off", "bf16")[len(arm) - 2 :])
    return precision, speculation, guided, kv


def cell_id(arm: Arm) -> str:
    return "/".join(("native", "tiny", *whole(arm), "made-up"))


def call_record(
    arm: Arm, round_: int, session: int, index: int, *, session_id: str, text: str = "fine", pace: float = 1.0
) -> CallRecord:
    """One call of the made-up run; `pace` stretches its steps."""
    draft, verify, other = (seconds * pace for seconds in _STEP_S.get(arm[:2], _STEP_S["bf16", "none"]))
    speculates = arm[1] != "none"
    step = Step(
        kind="verify" if speculates else "plain",
        context=100,
        drafted=3 if speculates else 0,
        accepted=2 if speculates else 0,
        emitted=3 if speculates else 1,
        draft_s=draft,
        verify_s=verify,
        other_s=other,
        target_bytes=200_000_000 if arm[0] == "bf16" else 80_000_000,
        draft_bytes=0,
        kv_bytes=0,
        depth=3 if speculates else 0,
        mask_s=0.0005 if whole(arm)[2] != "off" else 0.0,
    )
    tokens, margins = list(range(TOKENS + 1)), [1.0] * (TOKENS + 1)
    if (session, index) in _DIVERGES.get(arm[:2], {}):
        at, margin = _DIVERGES[arm[:2]][session, index]
        tokens[at], margins[at] = 999, margin
    for divergences in _DIVERGES.values():  # the plain arm has the same small margins
        for place, (at, margin) in divergences.items():
            if place == (session, index):
                margins[at] = margin
    generation = Generation(
        token_ids=tuple(tokens),
        text=text,
        finish_reason="stop",
        margins=tuple(margins),
        prompt_tokens=100,
        reused_tokens=0 if index == 0 else 80,
        encode_s=0.002,
        prefill_s=0.08 if index == 0 else 0.04,
        finish_s=0.001,
        steps=(step,) * (4 if speculates else TOKENS),
        peak_memory_bytes=400_000_000,
    )
    error = _WRONG.get(arm[0], {}).get((session, index))
    return CallRecord(
        cell_id=cell_id(arm),
        round=round_,
        session_id=session_id,
        call_index=index,
        cold=index == 0,
        started_at=1_000.0,
        wall_s=generation.ledger_s + 0.0001,
        lab_s=0.0002,
        generation=generation,
        score=Score(True, True, True, True, error is None, error is None, (error,) if error else (), text),
    )


def live_outcome(arm: Arm, round_: int, session: int, session_id: str) -> OutcomeRecord:
    """Session 0 succeeds, 1 with the right state in bf16 only, and 2 runs into the step cap."""
    state_ok, statements_ok = session != 1 or arm[0] == "bf16", None if session == 0 else session == 1
    return OutcomeRecord(
        cell_id=cell_id(arm),
        round=round_,
        session_id=session_id,
        success=state_ok and session < 2,
        state_ok=state_ok,
        statements_ok=statements_ok,
        ended="step cap" if session == 2 else "answered",
        steps=2 + session % 2,
        tool_errors=session,
    )


def quality_record(arm: Arm, session: int, session_id: str) -> QualityRecord:
    tokens, changed = 10 * (session + 1), arm[0] != "bf16"
    kl = 0.1 * (session + 1) * tokens * changed
    return QualityRecord(
        cell_id(arm), session_id, tokens, (0.7 if changed else 0.5) * tokens, kl, tokens - changed
    )


def write_run(
    folder: Path,
    *,
    arms: Sequence[Arm] = ARMS,
    rounds: int = 2,
    sessions: int = 3,
    failed: dict[Arm, str] | None = None,
    unfinished: bool = False,
    gold: bool = True,
    text: str = "fine",
    session_name: str = "travel",
    pace: Callable[[Arm, int, int], float] = lambda arm, round_, session: 1.0,  # noqa: ARG005
    environment: dict[str, Any] | None = None,
    live: bool = False,
    quality: bool = False,
) -> Path:
    """Write the made-up run to `folder` and return it.

    A failed arm has the calls of its first session only. An unfinished run lacks the last session of its
    last round. In a live run every second session makes a third call, no call has a score, and
    `live_outcome` says how a session ended. With `quality`, session n of a plain arm has 10 (n + 1) tokens:
    in bf16 of half a nat each, in w4 of 0.7, with a divergence of 0.1 (n + 1) and one other likeliest token.
    """
    failed = failed or {}
    names = [f"{session_name}/{n}" for n in range(sessions)]
    run = RunRecord(
        run_id=folder.name,
        matrix={
            "name": "made-up",
            "replay": "live" if live else "teacher-forced",
            "rounds": rounds,
            "temperature": 0.0,
        },
        digest="d" * 64,
        command="lab run made-up.yaml",
        environment=environment
        or {
            "machine": {
                "hardware": {
                    "processor": "Made-up CPU",
                    "memory_bytes": 25_000_000_000,
                    "gpus": [{"name": "Made-up GPU", "driver": None}],
                },
                "packages": {"torch": "2.13.0"},
            },
            "ceilings": {"read_gb_per_s": 40.0},
            "threads": 2,
        },
        sessions=[
            {"id": name, "scenario": "made-up", "tags": [], "calls": 2, "scored_calls": 2, "gold": gold}
            for name in names
        ],
        created_at=1_000.0,
        finished_at=None,
        round_wall_s={},
        others_busy=None,
    )
    cells = [
        CellRecord(cell_id(arm), "native", "tiny", *whole(arm), "made-up", "pending", None, None)
        for arm in arms
    ]
    with Store.create(folder, run, cells) as store:
        for arm in arms:
            weights = 200_000_000 if arm[0] == "bf16" else 80_000_000
            store.set_setup(
                cell_id(arm), CellSetup(1.5, weights, {"linear": "dense"}, LOGIT_NOISE, 1, {"threads": 2})
            )
            for n, name in enumerate(names if quality and whole(arm)[1:3] == ("none", "off") else ()):
                store.add_quality(quality_record(arm, n, name))
        for round_ in range(1, rounds + 1):
            wall = 0.0
            for session, name in enumerate(names):
                if unfinished and round_ == rounds and session == sessions - 1:
                    continue
                for arm in arms:
                    if arm in failed and (round_, session) != (1, 0):
                        continue
                    for index in range(2 + session % 2 if live else 2):
                        call = call_record(
                            arm,
                            round_,
                            session,
                            index,
                            session_id=name,
                            text=text,
                            pace=pace(arm, round_, session),
                        )
                        store.add_call(replace(call, score=None) if live else call)
                        wall += call.wall_s
                    if live:
                        store.add_outcome(live_outcome(arm, round_, session, name))
            store.add_round(round_, wall / 0.98, 0.25)
        for arm in arms:
            status: CellStatus = "failed" if arm in failed else "running" if unfinished else "done"
            store.set_cell(cell_id(arm), status, failed.get(arm))
        if not unfinished:
            store.finish(2_000.0)
    return folder


@pytest.fixture
def known_ceilings() -> Callable[..., Any]:
    """`known_ceilings(**changes)`: those of a machine of one thread that was quiet when it was probed."""
    from lab.measure.ceilings import Ceilings  # torch takes seconds to import, and few tests need it

    known = Ceilings(
        device="cpu",
        threads=1,
        read_gb_per_s=33.0,
        bf16_gflop_per_s=413.0,
        fp32_gflop_per_s=150.0,
        int8_gop_per_s=None,
        best={"read": "sum fp32"},
        read_by={"sum fp32": 33.0},
        arithmetic_by={},
        read_passes=(32.0, 33.0),
        buffer_bytes=2**20,
        failed={},
        others_busy=0.0,
        measured_at=1.5,
        seconds=15.0,
    )
    return lambda **changes: replace(known, **changes)


@pytest.fixture
def made_up_run(tmp_path: Path) -> Callable[..., Path]:
    """`made_up_run(**variant)` writes the run of `write_run` and returns its folder."""

    def write(name: str = "made-up-run", **variant: Any) -> Path:
        return write_run(tmp_path / name, **variant)

    return write
