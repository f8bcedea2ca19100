"""The table of arms for a terminal of 100 columns: speed above, quality and cost below, then the verdict."""

from __future__ import annotations

from rich.console import Group as Stack
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from lab.analysis.summary import Group, Summary, precisions
from lab.reports.tables import Column, cell, columns

_SPEED = ("decode_tok_per_s", "ratio", "ttft_ms", "tpot_ms", "tau")
_QUALITY = (
    *("gb_per_s", "session_s"),
    *("args_ok", "success", "steps", "tool_errors"),  # of scored, of live sessions
    *("lossless", "peak_memory_bytes"),
)


def arms_table(summary: Summary) -> RenderableType:
    """Every group's arms in two stacked tables, the failed arms' reasons, and the verdict sentence."""
    known = {column.key: column for column in columns(summary)}
    parts: list[RenderableType] = []
    for group in summary.groups:
        parts.append(Text(f"{group.model} · {group.engine} · {group.scenario}", style="bold"))
        guided = any(arm.guided != "off" for arm in group.arms)
        for keys in (_SPEED + ("mask_share",) * guided, _QUALITY):
            parts += [_table(group, [known[key] for key in keys if key in known]), Text()]
        parts += [
            Text(f"{arm.name} failed: {arm.reason or 'no reason was recorded'}", style="red")
            for arm in group.arms
            if arm.status == "failed"
        ]
        parts.append(
            Text(
                group.verdict.text if group.verdict else "No verdict: no arm has finished a session.",
                style="bold",
            )
        )
        # A draft changes no text, so the arms without one say it all.
        parts += [
            Text(f"Accuracy of {arm.name} against {group.arms[0].name}: {arm.accuracy.text}.")
            for arm in group.arms
            if arm.accuracy and arm.speculation == group.arms[0].speculation
        ]
        parts += [
            Text(f"Quality of {arm.name}: {arm.quality.text}.") for arm in precisions(group) if arm.quality
        ]
    if summary.contexts:
        parts.append(Text(summary.contexts))
    if summary.beyond:
        parts.append(Text(summary.beyond, style="yellow"))
    if summary.disturbance:
        parts.append(Text(summary.disturbance, style="yellow"))
    return Stack(*parts)


def _table(group: Group, shown: list[Column]) -> Table:
    table = Table(box=None, padding=(0, 1), header_style="dim", pad_edge=False)
    table.add_column("arm", overflow="fold", max_width=30)
    for column in shown:
        table.add_column(f"{column.title}\n{column.unit}", justify="right", overflow="fold")
    for arm in group.arms:
        table.add_row(Text(arm.name), *(Text(cell(column, arm).text) for column in shown))
    return table


def audit_table(summary: Summary) -> RenderableType:
    """Every audited arm's calls by class, and the worst first difference."""
    parts: list[RenderableType] = []
    for group in summary.groups:
        parts.append(Text(f"{group.model} · {group.engine} · {group.scenario}", style="bold"))
        table = Table(box=None, padding=(0, 1), header_style="dim", pad_edge=False)
        table.add_column("arm", overflow="fold", max_width=30)
        for head in ("identical", "near tie", "error", "threshold\nlogits"):
            table.add_column(head, justify="right")
        table.add_column("worst first difference", overflow="fold")
        table.add_column("its margin\nlogits", justify="right")
        for arm in group.arms:
            if (found := arm.lossless) is None:
                continue
            first = found.first_divergence
            where = f"{first.session_id} call {first.call_index} token {first.position}" if first else "none"
            margin = "–" if first is None or first.margin is None else f"{first.margin:.3g}"
            counts = (str(found.identical), str(found.near_tie))
            error = Text(str(found.error), style="red" if found.error else "")
            table.add_row(Text(arm.name), *counts, error, f"{found.threshold:.3g}", where, margin)
        parts.append(table if table.row_count else Text("Nothing to audit: " + _NO_AUDIT))
    return Stack(*parts)


_NO_AUDIT = "it takes a speculative arm and the plain arm of its precision, teacher-forced and greedy."
