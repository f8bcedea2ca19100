"""The 2x2: ratios to the reference arm, the interaction, and the verdict in its two parts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import exp
from typing import Literal

import numpy as np

from lab.analysis.stats import Floats, Interval, PairedBootstrap
from lab.records import Arm, CallRecord

Compatibility = Literal["compounds", "no gain", "conflicts", "inconclusive"]


@dataclass(frozen=True, slots=True)
class Interaction:
    """log(both/ref) - log(spec/ref) - log(w4/ref) of speeds: below zero, the gains do not multiply.

    All four arms have one `guided` and one `kv`; `ref` is the reference precision without speculation there.
    `over_best_single` is the speed of both over `best_single`, the fastest arm that uses at most one of the
    two; `compatibility` follows from it.
    """

    precision: str
    speculation: str
    guided: str
    kv: str
    interval: Interval
    over_best_single: Interval
    best_single: str
    compatibility: Compatibility


@dataclass(frozen=True, slots=True)
class Verdict:
    """Which arm to use, and whether the two methods go together.

    `best_arm` is the fastest arm that was not shown to get fewer calls right than the reference, `tied_with`
    the arms whose difference in speed to it was not shown.
    """

    best_arm: str
    tied_with: tuple[str, ...]
    compatibility: Compatibility | None
    text: str


def arm_name(precision: str, speculation: str, guided: str, kv: str) -> str:
    """`bf16 + ngram + guided + kv int8`, or `bf16` alone."""
    return " + ".join([precision, *[speculation] * (speculation != "none"), *setting_names(guided, kv)])


def setting_names(guided: str, kv: str) -> list[str]:
    """What an arm has besides precision and speculation, by name; nothing for what is the default."""
    return ["guided"] * (guided != "off") + [f"kv {kv}"] * (kv != "bf16")


def decode_work(calls: list[CallRecord], sessions: list[str], rounds: list[int]) -> tuple[Floats, Floats]:
    """Decode seconds and tokens after the first, each [sessions, rounds]; NaN seconds where there is no call.

    Args:
        calls: of sessions that were replayed whole.
    """
    seconds = np.zeros((len(sessions), len(rounds)))
    tokens, made = np.zeros_like(seconds), np.zeros_like(seconds)
    for call in calls:
        at = sessions.index(call.session_id), rounds.index(call.round)
        seconds[at] += sum(step.seconds for step in call.generation.steps)
        tokens[at] += len(call.generation.token_ids) - 1
        made[at] += 1
    return np.where(made > 0, seconds, np.nan), tokens


def noise_floor(seconds: Floats, tokens: Floats) -> float | None:
    """The same arm against itself: the largest ratio between two rounds' speeds, minus one; None below two
    finished rounds."""
    whole = np.all(np.isfinite(seconds), axis=0)
    speeds = [
        tokens[:, r].sum() / seconds[:, r].sum() for r in np.flatnonzero(whole) if seconds[:, r].sum() > 0
    ]
    return float(max(speeds) / min(speeds) - 1) if len(speeds) > 1 else None


def interaction(boot: PairedBootstrap, arms: dict[Arm, str], reference: Arm, both: Arm) -> Interaction | None:
    """The interaction of the precision and the speculation of `both`; None unless all four arms finished.

    Args:
        boot: the replicates of every arm, by name.
        arms: finished arm -> its name.
        reference: the arm with neither of the two, of the same `guided` and `kv`.
    """
    precision, speculation, guided, kv = both
    spec, quantized = (reference[0], speculation, guided, kv), (precision, reference[1], guided, kv)
    if not {reference, spec, quantized, both} <= arms.keys():
        return None
    # Times, so the sign of a speed's log is turned round.
    gap = boot.contrast({arms[both]: -1, arms[spec]: 1, arms[quantized]: 1, arms[reference]: -1})
    single = min((arms[reference], arms[spec], arms[quantized]), key=boot.log_time)
    gain = boot.contrast({single: 1, arms[both]: -1})
    if gap is None or gain is None:
        return None
    gain = gain.exp()
    return Interaction(*both, gap, gain, single, _compatibility(gain))


def _compatibility(gain: Interval) -> Compatibility:
    if gain.low is None or gain.high is None:
        return "inconclusive"
    if gain.low > 1:
        return "compounds"
    if gain.high < 1:
        return "conflicts"
    # The interval holds 1. It shows "no gain" only if it leaves no room for one worth having.
    return "no gain" if gain.high < 1 + WORTHWHILE_GAIN else "inconclusive"


WORTHWHILE_GAIN = 0.05


def verdict(
    boot: PairedBootstrap,
    arms: dict[Arm, str],
    interactions: list[Interaction],
    worse: Mapping[str, str] | None = None,
) -> Verdict | None:
    """The verdict over all finished arms of a group; None if no arm finished.

    Args:
        worse: arms that were shown to get fewer calls right than the reference, and by how much: they are not
            served, however fast.
    """
    if not boot.pairs or not arms:
        return None
    worse = worse or {}
    every = sorted(arms.values(), key=boot.log_time)
    ranked = [arm for arm in every if arm not in worse]
    best, reference = ranked[0], next(iter(arms.values()))
    tied = []
    for other in ranked[1:]:
        gain = boot.contrast({other: 1, best: -1})
        if gain is not None and not gain.excludes(0.0):
            tied.append(other)
    speedup = exp(boot.log_time(reference) - boot.log_time(best))
    if best == reference:
        text = f"Serve {best}: nothing measured here was faster{' and as often right' * bool(worse)}."
    else:
        text = f"Serve {best}: {speedup:.2f}x the decode speed of {reference}."
    if tied:
        text = f"{text[:-1]}; no difference shown to {', '.join(tied)}."
    if every[0] != best:
        speedup = exp(boot.log_time(reference) - boot.log_time(every[0]))
        text += f" {every[0]} is faster, {speedup:.2f}x, but gets fewer calls right: {worse[every[0]]}."
    if interactions:
        text += " " + " ".join(_sentence(item) for item in interactions)
    return Verdict(best, tuple(tied), interactions[0].compatibility if interactions else None, text)


def _sentence(item: Interaction) -> str:
    both = arm_name(item.precision, item.speculation, item.guided, item.kv)
    gain = item.over_best_single
    bounds = "" if gain.low is None else f" [{gain.low:.2f}, {gain.high:.2f}]"
    what = (
        f"{both} runs at {gain.value:.2f}x{bounds} the speed of {item.best_single}, "
        "the best arm with at most one of them"
    )
    sentence = {
        "compounds": f"The two compound: {what}.",
        "no gain": f"No gain from both: {what}.",
        "conflicts": f"The two conflict: {what}.",
        "inconclusive": f"Inconclusive on both: {what}.",
    }[item.compatibility]
    product = item.interval.exp()
    if product.low is None or product.high is None or not item.interval.excludes(0.0):
        return sentence
    shown = (
        f"{product.value:.2f}x [{product.low:.2f}, {product.high:.2f}] of what the single gains multiply to"
    )
    return f"{sentence} {'Less than the product' if product.value < 1 else 'More than the product'}: {shown}."
