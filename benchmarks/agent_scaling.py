"""What more training of the same kind brings: a power law through runs of the agent's adapters, and a figure.

    lab run held-out --model MERGED --scenario held-out --precision bf16 --speculation none --rounds 1
    python benchmarks/agent_scaling.py TOKENS=RUN TOKENS=RUN TOKENS=RUN [--target 0.92] [--rate 340]
        [--figure docs/figures/agent-scaling.png]

TOKENS is what the run's adapter had read in all its trainings, RUN a stored run, of which the reference arm
counts; all runs have the same calls. Fitted is `log(wrong) = a - b log(tokens)`, wrong being the share of
calls that are not args_ok, by least squares weighted with the binomial variance; the 95 % intervals resample
whole sessions, the same ones for all runs. Each run but the first two is also predicted from those before it.
--target asks for the tokens at which so many calls are right, --rate (tokens/s) for the hours. The last line
is one JSON document.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict
from pathlib import Path

import numpy as np

from lab.analysis.arm import scored_calls
from lab.analysis.stats import CONFIDENCE, RESAMPLES, Floats, Interval, wilson
from lab.reports.style import LIGHT, color, dress, marker, new_figure
from lab.store import Store


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("points", nargs="+", metavar="TOKENS=RUN", type=_point)
    parser.add_argument("--target", type=float, default=0.92)
    parser.add_argument("--rate", type=float, help="training tokens a second")
    parser.add_argument("--figure", type=Path)
    args = parser.parse_args()
    points = sorted(args.points)
    if len({tokens for tokens, _ in points}) < 3:
        parser.error("a power law with an interval takes three runs or more, of as many TOKENS")
    tokens = np.array([float(tokens) for tokens, _ in points])
    wrong, size = _wrong([run for _, run in points])

    rng = np.random.default_rng(0)
    sessions = len(size)
    weights = rng.multinomial(sessions, [1 / sessions] * sessions, size=RESAMPLES)
    shares = np.vstack([wrong.sum(0) / size.sum(), (weights @ wrong) / (weights @ size)[:, None]])
    a, b = _fit(tokens, shares, int(size.sum()))
    needed = np.exp((a - np.log(1 - args.target)) / b)

    print(f"{int(size.sum())} calls of {sessions} sessions")
    print(f"{'tokens':>12} {'right':>12}  {'95 % (Wilson)':<15} predicted by the runs before")
    document: dict[str, object] = {"calls": int(size.sum()), "sessions": sessions, "target": args.target}
    rows = []
    for place, count in enumerate(wrong.sum(0)):
        right = int(size.sum()) - int(count)
        share = wilson(right, int(size.sum()))
        assert share is not None
        before = None
        if place > 1:
            found = _fit(tokens[:place], shares[:, :place], int(size.sum()))
            before = _interval(1 - np.exp(found[0] - found[1] * np.log(tokens[place])))
        print(
            f"{tokens[place]:>12,.0f} {right:>5} {share.value:>6.1%}  [{share.low:.1%}, {share.high:.1%}]"
            f"  {before.text('.1%') if before else ''}"
        )
        rows.append({"tokens": tokens[place], "right": right, "predicted": before.value if before else None})
    law, amount = _interval(b), _interval(needed)
    print(f"wrong calls fall as tokens^-{law.text('.2f')}")
    more = amount.value / tokens[-1]
    print(f"{args.target:.0%} right: {amount.text(',.0f')} tokens, {more:.1f} times the most so far")
    document |= {"points": rows, "exponent": asdict(law), "tokens": asdict(amount)}
    if args.rate:
        hours = _interval((needed - tokens[-1]) / args.rate / 3600)
        print(f"{hours.text('.0f')} hours beyond the last at {args.rate:g} tokens/s")
        document["hours"] = asdict(hours)
    if args.figure:
        _draw(tokens, wrong, size, a, b, args.target, amount, args.figure)
    print(json.dumps(document))


def _point(text: str) -> tuple[int, Path]:
    tokens, _, run = text.partition("=")
    if not tokens.isdigit() or int(tokens) < 1 or not run:
        raise argparse.ArgumentTypeError(f"{text!r} is not TOKENS=RUN, such as 575517=runs/held-out-1")
    return int(tokens), Path(run)


def _wrong(runs: list[Path]) -> tuple[Floats, Floats]:
    """Wrong calls [sessions, runs] and calls [sessions] of runs with the same calls."""
    found: list[dict[tuple[str, int], bool]] = []
    for run in runs:
        with Store.open(run) as store:
            reference = store.cells()[0].cell_id
            calls = scored_calls([call for call in store.calls() if call.cell_id == reference])
        if not calls:
            raise SystemExit(f"{run}: no scored calls")
        found.append({(c.session_id, c.call_index): c.score is not None and c.score.args_ok for c in calls})
        if found[-1].keys() != found[0].keys():
            raise SystemExit(f"{run}: other calls than those of {runs[0]}; all runs take the same scenario")
    sessions = {name: row for row, name in enumerate(sorted({session for session, _ in found[0]}))}
    wrong, size = np.zeros((len(sessions), len(runs))), np.zeros(len(sessions))
    for session, call in found[0]:
        size[sessions[session]] += 1
        wrong[sessions[session]] += [not right[session, call] for right in found]
    return wrong, size


def _fit(tokens: Floats, shares: Floats, calls: int) -> tuple[Floats, Floats]:
    """a and b of log(share) = a - b log(tokens), for every row of shares [replicates, runs]."""
    shares = np.maximum(shares, 0.5 / calls)
    x, y = np.log(tokens), np.log(shares)
    weight = shares / (1 - shares + 1 / calls)  # 1 / variance of log(share), but for the number of calls
    total = weight.sum(1)
    x_mean, y_mean = (weight * x).sum(1) / total, (weight * y).sum(1) / total
    off = x - x_mean[:, None]
    slope = (weight * off * y).sum(1) / (weight * off * off).sum(1)
    return y_mean - slope * x_mean, -slope


def _interval(values: Floats) -> Interval:
    """The estimate and its percentiles: the first value is of all sessions, the others of resampled ones."""
    tail = 100 * (1 - CONFIDENCE) / 2
    low, high = np.percentile(values[1:], [tail, 100 - tail])
    return Interval(float(values[0]), float(low), float(high))


def _draw(
    tokens: Floats,
    wrong: Floats,
    size: Floats,
    a: Floats,
    b: Floats,
    target: float,
    amount: Interval,
    path: Path,
) -> None:
    figure = new_figure(LIGHT, 4.2)
    axes = figure.add_subplot()
    shares = [wilson(int(k), int(size.sum())) for k in wrong.sum(0)]
    value, low, high = (
        np.array([100 * getattr(share, bound) for share in shares]) for bound in ("value", "low", "high")
    )
    assert amount.high is not None
    x = np.geomspace(tokens[0] / 1.3, amount.high * 1.2, 200)
    lines = 100 * np.exp(a[:, None] - b[:, None] * np.log(x))
    tail = 100 * (1 - CONFIDENCE) / 2
    axes.fill_between(
        x, *np.percentile(lines[1:], [tail, 100 - tail], axis=0), color=color(0), alpha=0.15, lw=0
    )
    axes.plot(x, lines[0], color=color(0), lw=1.2, label=f"wrong calls fall as tokens^-{b[0]:.2f}")
    axes.errorbar(
        tokens,
        value,
        [value - low, high - value],
        color=color(0),
        marker=marker(0),
        ls="",
        capsize=3,
        label=f"measured, n = {int(size.sum())} calls",
    )
    axes.axhline(100 * (1 - target), color=color(5), lw=1, ls="--", label=f"{target:.0%} right")
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.minorticks_off()
    bottom, top = 0.6 * min(value.min(), 100 * (1 - target)), 1.25 * high.max()
    axes.set_ylim(bottom, top)
    ticks = [t for t in (1, 2, 5, 10, 20, 40, 80) if bottom <= t <= top]
    axes.set_yticks(ticks, [str(t) for t in ticks])
    millions = [m for m in (0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000) if x[0] <= 1e6 * m <= x[-1]]
    axes.set_xticks([1e6 * m for m in millions], [f"{m:g}" for m in millions])
    axes.set_xlabel("million tokens read in training")
    axes.set_ylabel("calls that are not args_ok (%)")
    axes.legend(frameon=False, loc="lower left")
    dress(axes, LIGHT, grid="y", title="What more training of the same kind brings")
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path)


if __name__ == "__main__":
    main()
