"""The curves of a training as a PNG."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lab.train.adapter import StepLog


def plot_loss(steps: Sequence[StepLog], path: Path) -> None:
    """Training loss of every step, and validation loss where it was measured, over the tokens read."""
    from itertools import accumulate

    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    from lab.reports.style import DPI, LIGHT, color

    tokens = [total / 1e6 for total in accumulate(step.tokens for step in steps)]
    figure = Figure(figsize=(7, 4), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    losses = [step.loss for step in steps]
    axes.plot(
        tokens, losses, color=color(4), linewidth=1, marker=".", markersize=2, label="training, each step"
    )
    measured = [(at, step.validation_loss) for at, step in zip(tokens, steps, strict=True)]
    held_out = [(at, loss) for at, loss in measured if loss is not None]
    if held_out:
        xs, ys = zip(*held_out, strict=True)
        axes.plot(xs, ys, color=color(5), marker="o", markersize=4, label="validation sessions")
    axes.set_xlabel("tokens read (millions)")
    axes.set_ylabel("cross-entropy of a reply's token (nats)")
    axes.set_ylim(bottom=0)
    axes.grid(color=LIGHT.grid, linewidth=0.6)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False)
    figure.savefig(path, dpi=DPI)
