"""The JSON document of a run: what `lab run --json` prints as its last line."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from lab.analysis.arm import Arm
from lab.analysis.quality import Quality
from lab.analysis.stats import Interval
from lab.analysis.summary import Group, Summary

SCHEMA = "lab-run/1"


def run_document(summary: Summary, *, folder: str, report: str | None) -> dict[str, Any]:
    """The run as one JSON-ready document; `verdict` and `interaction` are those of the first group."""
    groups = [_group(group) for group in summary.groups]
    return {
        "schema": SCHEMA,
        "run": {
            "id": summary.run.run_id,
            "folder": folder,
            "report": report,
            "command": summary.run.command,
            "finished": summary.run.finished_at is not None,
            "others_busy": summary.run.others_busy,
            "environment": summary.run.environment,
        },
        "replay": summary.run.replay,
        "ledger_error": summary.ledger_error,
        "lab_overhead": summary.lab_overhead,
        "engine_share": summary.engine_share,
        "reads_gb_per_s": summary.reads_gb_per_s,
        "gold": summary.gold,
        "verdict": groups[0]["verdict"],
        "interaction": groups[0]["interactions"][0] if groups[0]["interactions"] else None,
        "groups": groups,
        "arms": [_arm(arm) for group in summary.groups for arm in group.arms],
    }


def _group(group: Group) -> dict[str, Any]:
    verdict = group.verdict
    return {
        "engine": group.engine,
        "model": group.model,
        "scenario": group.scenario,
        "noise_floor": group.noise_floor,
        "verdict": None
        if verdict is None
        else {
            "best_arm": verdict.best_arm,
            "tied_with": list(verdict.tied_with),
            "compatibility": verdict.compatibility,
            "text": verdict.text,
        },
        "interactions": [
            {
                "precision": item.precision,
                "speculation": item.speculation,
                "guided": item.guided,
                "kv": item.kv,
                **_interval(item.interval),
                "compatibility": item.compatibility,
                "best_single": item.best_single,
                "over_best_single": _interval(item.over_best_single),
            }
            for item in group.interactions
        ],
    }


def _arm(arm: Arm) -> dict[str, Any]:
    return {
        "cell": arm.cell_id,
        "engine": arm.engine,
        "model": arm.model,
        "scenario": arm.scenario,
        "precision": arm.precision,
        "speculation": arm.speculation,
        "guided": arm.guided,
        "kv": arm.kv,
        "status": arm.status,
        "reason": arm.reason,
        "calls": arm.calls,
        "decode_tok_per_s": arm.decode_tok_per_s,
        "ratio": _interval(arm.ratio) if arm.ratio else None,
        "tau": arm.tau,
        "accepted_by_position": [
            {"offered": offered, "accepted": accepted} for offered, accepted in arm.accepted_by_position
        ],
        "acceptance": asdict(arm.acceptance) if arm.acceptance else None,
        "outside_share": arm.outside_share,
        "verify_share": arm.verify_share,
        "mask_share": arm.mask_share,
        "gb_per_s": arm.gb_per_s,
        "mbu": arm.mbu,
        "ttft_ms": arm.ttft_ms,
        "tpot_ms_p50": arm.tpot_ms_p50,
        "tpot_ms_p95": arm.tpot_ms_p95,
        "session_s": arm.session_s,
        "peak_memory_bytes": arm.peak_memory_bytes,
        "weight_bytes": arm.weight_bytes,
        "args_ok": asdict(arm.rungs["args_ok"]),
        "ladder": {rung: asdict(share) for rung, share in arm.rungs.items()},
        "sessions_ok": asdict(arm.sessions_ok) if arm.sessions_ok else None,
        "accuracy": asdict(arm.accuracy) if arm.accuracy else None,
        "quality": _quality(arm.quality) if arm.quality else None,
        "verify_cost": arm.verify_cost,
        "args_ok_by_tag": {tag: asdict(share) for tag, share in arm.args_ok_by_tag.items()},
        "live": asdict(arm.live) if arm.live else None,
        "errors": arm.errors,
        "lossless": asdict(arm.lossless) if arm.lossless else None,
    }


def _quality(quality: Quality) -> dict[str, Any]:
    figures = {name: getattr(quality, name) for name in ("kl", "top1", "ppl")}
    intervals = {
        f"{name}_{end}": getattr(found, end) for name, found in figures.items() for end in ("low", "high")
    }
    return {name: found.value for name, found in figures.items()} | intervals | {"tokens": quality.tokens}


def _interval(interval: Interval) -> dict[str, float | None]:
    return {"value": interval.value, "low": interval.low, "high": interval.high}
