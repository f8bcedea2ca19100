"""What a precision costs: its next-token distribution against the reference's, on recorded replies."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from lab.models.decoder import PREFILL_ROWS, Decoder
from lab.models.examples import Example


@dataclass(frozen=True, slots=True)
class Quality:
    """Sums over the tokens of recorded replies, each predicted from all that was recorded before it.

    Attributes:
        nll: of the recorded tokens, nats.
        kl: Kullback-Leibler divergence of the distribution from the reference's, KL(reference || this), nats.
        agree: tokens where both have the same likeliest one.
    """

    tokens: int
    nll: float
    kl: float
    agree: int

    def __add__(self, other: Quality) -> Quality:
        return Quality(
            self.tokens + other.tokens, self.nll + other.nll, self.kl + other.kl, self.agree + other.agree
        )


NOTHING = Quality(0, 0.0, 0.0, 0)


@torch.inference_mode()
def quality(decoder: Decoder, reference: Decoder, sequences: Sequence[Example]) -> Quality:
    """`decoder` against `reference` over the replies in `sequences`; both may be the same.

    A sequence longer than the model's context is left out.
    """
    found = NOTHING
    for sequence in sequences:
        if len(sequence) <= decoder.config.context:
            found += _of_sequence(decoder, reference, sequence)
    return found


def _of_sequence(decoder: Decoder, reference: Decoder, sequence: Example) -> Quality:
    found = NOTHING
    ids = sequence.ids.long().to(decoder.device)
    caches = [made.new_cache() for made in ((decoder,) if decoder is reference else (decoder, reference))]
    for start in range(0, len(ids) - 1, PREFILL_ROWS):
        block = ids[start : min(start + PREFILL_ROWS, len(ids) - 1)]
        learnt = sequence.learn[start + 1 : start + 1 + len(block)].nonzero()[:, 0].to(decoder.device)
        logits = [
            made.forward(block, cache)[learnt]
            for made, cache in zip((decoder, reference), caches, strict=False)
        ]
        found += _of_logits(logits[0], logits[-1], ids[start + 1 + learnt])
    return found


def _of_logits(logits: Tensor, reference: Tensor, targets: Tensor) -> Quality:
    """Of logits [n, vocabulary] and the tokens [n] that were recorded."""
    if not len(targets):
        return NOTHING
    here, there = F.log_softmax(logits, -1), F.log_softmax(reference, -1)
    kl = float(F.kl_div(here, there, reduction="sum", log_target=True)) if logits is not reference else 0.0
    agree = int((here.argmax(-1) == there.argmax(-1)).sum())
    return Quality(len(targets), float(F.nll_loss(here, targets, reduction="sum")), kl, agree)
