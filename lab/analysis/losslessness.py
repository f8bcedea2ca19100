"""The losslessness audit: a speculative arm against the plain arm of the same precision and guidance.

A guided arm changes the text on purpose, so it is never compared with an unguided one.

Greedy decoding with exact verification must give the plain arm's tokens. Where several rows are multiplied
at once, sums round differently than one row at a time, so two logits that nearly tie can change places.
Each call falls into one of three classes:

- `identical`: the same tokens;
- `near_tie`: at the first divergence the gap between the two largest logits, in both arms, is no larger
  than the threshold, twice the margin noise that the cells measured while they started
  (`CellSetup.logit_noise`);
- `error`: any other divergence.

After the first divergence the contexts differ and nothing more can be said, so only the first counts.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import inf

from lab.records import CallRecord, CellSetup, Generation

NOISE_FACTOR = 2.0
_CLASSES = ("identical", "near_tie", "error")


@dataclass(frozen=True, slots=True)
class Divergence:
    """The first differing token of one call; no margin where one output is the beginning of the other."""

    session_id: str
    call_index: int
    position: int
    margin: float | None
    verdict: str


@dataclass(frozen=True, slots=True)
class Lossless:
    """Calls by class; a call that fell into different classes in different rounds counts as the worst."""

    identical: int
    near_tie: int
    error: int
    threshold: float
    first_divergence: Divergence | None = None


def classify(plain: Generation, other: Generation, threshold: float) -> tuple[str, int, float | None]:
    """(class, position of the first divergence or -1, its margin if there is one) of one call."""
    for position, (a, b) in enumerate(zip(plain.token_ids, other.token_ids, strict=False)):
        if a != b:
            margin = max(plain.margins[position], other.margins[position])
            return ("near_tie" if margin <= threshold else "error", position, margin)
    shorter = min(len(plain.token_ids), len(other.token_ids))
    if len(plain.token_ids) != len(other.token_ids):
        return ("error", shorter, None)
    return ("identical", -1, None)


def threshold(*setups: CellSetup | None) -> float | None:
    """The near-tie threshold from the margin noise of the compared cells; None if none measured it."""
    noises = [setup.logit_noise for setup in setups if setup is not None and setup.logit_noise is not None]
    return NOISE_FACTOR * max(noises) if noises else None


def audit(plain: Iterable[CallRecord], other: Iterable[CallRecord], limit: float) -> Lossless:
    """Compare two arms on the calls that both finished in the same round."""
    reference = {(c.round, c.session_id, c.call_index): c.generation for c in plain}
    worst: dict[tuple[str, int], Divergence] = {}
    for call in other:
        base = reference.get((call.round, call.session_id, call.call_index))
        if base is None:
            continue
        verdict, position, margin = classify(base, call.generation, limit)
        found = Divergence(call.session_id, call.call_index, position, margin, verdict)
        known = worst.get((call.session_id, call.call_index))
        if known is None or _CLASSES.index(verdict) > _CLASSES.index(known.verdict):
            worst[call.session_id, call.call_index] = found
    divergences = sorted(
        (d for d in worst.values() if d.verdict != "identical"),
        key=lambda d: (-_CLASSES.index(d.verdict), -(inf if d.margin is None else d.margin)),
    )
    counts = {name: sum(d.verdict == name for d in worst.values()) for name in _CLASSES}
    return Lossless(**counts, threshold=limit, first_divergence=divergences[0] if divergences else None)
