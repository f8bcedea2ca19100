"""One group of arms as the page shows it: its tables of texts, and its pictures."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from lab.analysis.arm import Arm
from lab.analysis.effects import setting_names
from lab.analysis.summary import Group, Summary, precisions
from lab.reports.pictures import Picture
from lab.reports.points import AcceptanceRow
from lab.reports.tables import UNDEFINED, Cell, cell, columns, interval, number, percent, share, size


@dataclass(frozen=True, slots=True)
class Head:
    text: str
    unit: str = ""
    why: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    heads: tuple[Head, ...]
    rows: list[list[Cell]]
    caption: str = ""


@dataclass(frozen=True, slots=True)
class Section:
    """One group: its arms and everything shown of them."""

    title: str
    verdict: str
    arms: Table
    pictures: dict[str, Picture]
    interactions: Table
    acceptance: Table
    accepted_by: Table
    accuracy: Table
    precisions: Table
    tags: Table
    errors: Table
    outcomes: Table
    lossless: Table


def plain_table(heads: tuple[str, ...], rows: Iterable[tuple[str, ...]], caption: str = "") -> Table:
    """A table of texts without units and reasons."""
    return Table(tuple(Head(text) for text in heads), [[Cell(text) for text in row] for row in rows], caption)


def make_section(
    group: Group, summary: Summary, pictures: dict[str, Picture], acceptance: tuple[AcceptanceRow, ...]
) -> Section:
    shown = columns(summary)
    return Section(
        title=f"{group.model} · {group.engine} · {group.scenario}",
        verdict=group.verdict.text if group.verdict else "No verdict: no arm has finished a session.",
        arms=Table(
            (Head("arm"), *(Head(c.title, c.unit, c.definition) for c in shown)),
            [[Cell(arm.name), *(cell(column, arm) for column in shown)] for arm in group.arms],
        ),
        pictures=pictures,
        interactions=plain_table(
            ("pair", "interaction (of the ratio)", "best arm with at most one", "both over it", "together"),
            [
                (
                    " + ".join([f"{i.precision} × {i.speculation}", *setting_names(i.guided, i.kv)]),
                    interval(i.interval.exp()) or UNDEFINED,
                    i.best_single,
                    interval(i.over_best_single) or UNDEFINED,
                    i.compatibility,
                )
                for i in group.interactions
            ],
        ),
        acceptance=plain_table(
            ("arm", "position", "drafted", "all before accepted", "accepted"),
            [
                (row.arm, str(p.position), str(p.drafted), str(p.reached), str(p.accepted))
                for row in acceptance
                for p in row.positions
            ],
        ),
        accepted_by=_accepted_by_table(group.arms),
        accuracy=_accuracy_table(group.arms),
        precisions=_precision_table(group),
        tags=_tag_table(group.arms),
        errors=_error_table(group.arms),
        outcomes=_outcome_table(group.arms),
        lossless=_lossless_table(group.arms),
    )


def _accepted_by_table(arms: list[Arm]) -> Table:
    rows: list[tuple[str, ...]] = []
    for arm in arms:
        if (found := arm.acceptance) is None:
            continue
        groups = (
            *(("where the step begins", name, each) for name, each in found.segment.items()),
            *(("call of the session", str(index + 1), each) for index, each in found.call.items()),
            *(("tokens of context", name, each) for name, each in found.context.items()),
        )
        rows += [
            (arm.name, what, name, str(each.steps), str(each.tokens), f"{each.accepted_length:.2f}")
            for what, name, each in groups
        ]
        outside = percent(arm.outside_share) or UNDEFINED
        rows.append((arm.name, "draft ended at a token outside its vocabulary", "", "", "", outside))
    heads = ("arm", "by", "", "verify steps", "tokens", "tokens per verify step")
    return plain_table(heads, rows)


def _error_table(arms: list[Arm]) -> Table:
    classes = sorted({name for arm in arms for name in arm.errors})
    rows = [(arm.name, *(str(arm.errors.get(name, 0)) for name in classes)) for arm in arms if arm.calls]
    return plain_table(
        ("arm", *classes),
        rows if classes else [],
        "Error classes over the scored calls of the first timed round",
    )


def _accuracy_table(arms: list[Arm]) -> Table:
    rows = []
    for arm in arms:
        if (found := arm.accuracy) is None:
            continue
        counts = (str(found.gained), str(found.lost), f"{found.p:.2g}")
        rows.append((arm.name, str(found.calls), found.points, str(found.sessions), *counts))
    return plain_table(
        ("arm", "calls", "args_ok", "sessions", "won", "lost", "McNemar p"),
        rows,
        f"Against {arms[0].name} on the same calls of the first timed round. The interval resamples "
        "sessions. Won and lost: sessions that are wholly right in one of the two arms only",
    )


def _precision_table(group: Group) -> Table:
    rows = []
    for arm in precisions(group):
        if (found := arm.quality) is None:
            continue
        figures = (interval(found.kl, ".4f"), interval(found.top1, ".1%"), interval(found.ppl, ".3f"))
        right, speed = share(arm.rungs["args_ok"]), number(arm.decode_tok_per_s)
        cost = None if arm.verify_cost is None else f"{arm.verify_cost:.2f}"
        shown = (right, *figures, size(arm.weight_bytes), speed, cost)
        rows.append((arm.name, *(each or UNDEFINED for each in shown)))
    heads = (
        "precision",
        "args_ok",
        "KL (nats)",
        "top-1",
        "perplexity",
        "weights",
        "plain tok/s",
        "T_v(8)/T_1",
    )
    return plain_table(
        heads,
        rows,
        f"KL divergence from {group.arms[0].precision}'s next-token distribution, share of tokens with its "
        "likeliest candidate, and perplexity, over the recorded replies; intervals resample sessions. "
        "T_v(8)/T_1: a step of eight rows in plain steps, as the kernels were chosen",
    )


def _tag_table(arms: list[Arm]) -> Table:
    tags = sorted({tag for arm in arms for tag in arm.args_ok_by_tag})
    rows = []
    for tag in tags:
        shares = [arm.args_ok_by_tag.get(tag) for arm in arms]
        rows.append((tag, *(share(each) or UNDEFINED for each in shares)))
    return plain_table(
        ("tag of the sessions", *(arm.name for arm in arms)),
        rows,
        "Calls that are args_ok, by the tags of their sessions, first timed round",
    )


def _outcome_table(arms: list[Arm]) -> Table:
    rows = []
    for arm in arms:
        if (live := arm.live) is None:
            continue
        shares = (live.success, live.state_ok, live.statements_ok, live.capped, live.out_of_context)
        rows.append((arm.name, *(share(each) or UNDEFINED for each in shares)))
    heads = ("arm", "success", "state right", "required statements made", "ended by the step cap")
    return plain_table(
        (*heads, "ended by the context"), rows, "Live sessions by how they ended, first timed round"
    )


def _lossless_table(arms: list[Arm]) -> Table:
    rows = []
    for arm in arms:
        if (audit := arm.lossless) is None:
            continue
        first = audit.first_divergence
        margin = UNDEFINED if first is None or first.margin is None else f"{first.margin:.4g}"
        where = (
            f"{first.session_id}, call {first.call_index}, token {first.position} ({first.verdict})"
            if first
            else "none"
        )
        counts = (str(audit.identical), str(audit.near_tie), str(audit.error))
        rows.append((arm.name, *counts, f"{audit.threshold:.4g}", where, margin))
    heads = (
        "arm",
        "identical",
        "near tie",
        "error",
        "threshold (logits)",
        "worst first difference",
        "its margin (logits)",
    )
    return plain_table(heads, rows)
