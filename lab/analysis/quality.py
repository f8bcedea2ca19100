"""What a precision costs in quality, apart from whether calls are right."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lab.analysis.stats import Interval, clustered
from lab.records import QualityRecord


@dataclass(frozen=True, slots=True)
class Quality:
    """Over the tokens of recorded replies; intervals resample sessions.

    Attributes:
        kl: mean Kullback-Leibler divergence from the reference precision's distribution, nats a token.
        top1: share of tokens whose likeliest candidate is the reference's.
        ppl: perplexity of the recorded tokens.
    """

    tokens: int
    kl: Interval
    top1: Interval
    ppl: Interval

    @property
    def text(self) -> str:
        """All of it in words."""
        return (
            f"KL {self.kl.text('.3g')} nats a token, the same likeliest token in "
            f"{self.top1.text('.1%')}, perplexity {self.ppl.text('.3g')}, "
            f"over {self.tokens} tokens of recorded replies"
        )


def quality(records: Sequence[QualityRecord]) -> Quality | None:
    """Of one cell's records; None without a token."""
    sizes = np.array([record.tokens for record in records], dtype=np.int64)
    if not sizes.sum():
        return None
    return Quality(
        tokens=int(sizes.sum()),
        kl=clustered(np.array([record.kl for record in records]), sizes),
        top1=clustered(np.array([record.agree for record in records]), sizes),
        ppl=clustered(np.array([record.nll for record in records]), sizes).exp(),
    )
