"""The curves of a training as a PNG."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from lab.train.eagle3.evaluate import HeadEvaluation
    from lab.train.evaluate import Evaluation
    from lab.train.loop import StepLog


def plot_training(steps: Sequence[StepLog], evaluations: Sequence[Evaluation], path: Path) -> None:
    """Losses over the tokens read; below them, if anything was evaluated, the shares of calls that are
    well-formed and right, with 95 % Wilson intervals."""
    below = [partial(_accuracy, evaluations=evaluations)] if evaluations else []
    _plot(steps, "cross-entropy of a\nreply's token (nats)", below, path)


def plot_head_training(steps: Sequence[StepLog], evaluations: Sequence[HeadEvaluation], path: Path) -> None:
    """Losses over the tokens read; below them, if it was evaluated, the held-out accepted length."""
    below = [partial(_accepted, evaluations=evaluations)] if evaluations else []
    _plot(steps, "weighted cross-entropy\nof a draft (nats)", below, path)


def _plot(steps: Sequence[StepLog], label: str, below: Sequence[Callable[[Axes], None]], path: Path) -> None:
    from itertools import accumulate

    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    from lab.reports.style import DPI, LIGHT, color

    tokens = [total / 1e6 for total in accumulate(step.tokens for step in steps)]
    panels = 1 + len(below)
    figure = Figure(figsize=(7, 1 + 3 * panels), layout="constrained")
    FigureCanvasAgg(figure)
    axes, *others = figure.subplots(panels, sharex=True, squeeze=False)[:, 0]
    losses = [step.loss for step in steps]
    axes.plot(
        tokens, losses, color=color(4), linewidth=1, marker=".", markersize=2, label="training, each step"
    )
    measured = [(at, step.validation_loss) for at, step in zip(tokens, steps, strict=True)]
    held_out = [(at, loss) for at, loss in measured if loss is not None]
    if held_out:
        xs, ys = zip(*held_out, strict=True)
        axes.plot(xs, ys, color=color(5), marker="o", markersize=4, label="validation sessions")
    axes.set_ylabel(label)
    axes.set_ylim(bottom=0)
    axes.legend(frameon=False)
    for panel, draw in zip(others, below, strict=True):
        draw(panel)
    for panel in (axes, *others):
        panel.grid(color=LIGHT.grid, linewidth=0.6)
        panel.spines[["top", "right"]].set_visible(False)
    panel.set_xlabel("tokens read (millions)")
    figure.savefig(path, dpi=DPI)


def _accepted(axes: Axes, evaluations: Sequence[HeadEvaluation]) -> None:
    from lab.reports.style import color, marker

    tokens = [found.tokens / 1e6 for found in evaluations]
    lengths = [found.accepted_length for found in evaluations]
    axes.plot(tokens, lengths, color=color(0), marker=marker(0), label=evaluations[-1].tree)
    axes.set_ylabel("tokens emitted per\nverify step, held out")
    axes.set_ylim(bottom=1)
    axes.legend(frameon=False)


def _accuracy(axes: Axes, evaluations: Sequence[Evaluation]) -> None:
    from lab.analysis.stats import wilson
    from lab.reports.style import color, marker

    tokens = [found.tokens / 1e6 for found in evaluations]
    for index, rung in enumerate(("args_ok", "parse_ok")):
        shares = [wilson(getattr(found, rung), found.calls) for found in evaluations]
        known = [(at, share) for at, share in zip(tokens, shares, strict=True) if share is not None]
        at = [x for x, _ in known]
        value, low, high = ([100 * getattr(s, name) for _, s in known] for name in ("value", "low", "high"))
        bars = [
            [v - b for v, b in zip(value, low, strict=True)],
            [b - v for v, b in zip(value, high, strict=True)],
        ]
        axes.errorbar(at, value, bars, color=color(index), marker=marker(index), capsize=3, label=rung)
    axes.set_ylabel(f"share of {evaluations[-1].calls} held-out\ncalls (%)")
    axes.set_ylim(-3, 103)
    axes.legend(frameon=False, loc="center right")
