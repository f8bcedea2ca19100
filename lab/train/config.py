"""What a training does, apart from its data; light enough for the command line to take its defaults from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from lab.errors import UserError


@dataclass(frozen=True)
class AdapterConfig:
    """Supervised fine-tuning of a LoRA adapter (arXiv 2106.09685) on every linear layer but the head.

    Attributes:
        rank, alpha, dropout: of the adapter; its product is scaled by alpha / rank.
        frozen: so many of the lowest layers get no adapter; nothing is computed backwards through them.
        lr: peak learning rate of AdamW, reached after a linear warm-up; a cosine takes it down to zero.
        warmup: share of the steps that warm up.
        epochs: passes over the sessions; a fraction ends within a pass.
        length: longest session in tokens; longer ones are left out.
        forward_tokens: most tokens of one forward; None means `length`.
        batch_tokens: tokens of one optimizer step, gathered over as many forwards as it takes.
        clip: largest norm of a step's gradient.
        precision: `bf16` holds the frozen weights in bf16 and computes under autocast; `fp32` does neither.
            The adapter itself is float32.
        compile: fuse what lies between the matrix products with torch.compile, which needs a C++ compiler
            on CPU and takes a minute or two to start.
        text_weight: what the wording of a reply that calls no tool counts for, 0 to 1.
        no_call_weight: what it counts for that such a reply calls none, one decision against the dozens of
            tokens of a call.
        mask_names: share of the agents whose tools and parameters are trained under other names
            (`lab.train.masking`).
        openings: share of the sessions that are trained up to their first reply only (`lab.train.openings`).
        vary_words: share of the sessions whose copied words are trained as other words of the vocabulary
            (`lab.train.words`).
        copies: sessions beyond those, of one call that copies some twelve words (`lab.train.copies`).
        seed: of the adapter's first weights, the order of the data, dropout, and all that changes or adds
            sessions.
    """

    rank: int = 16
    alpha: int = 32
    dropout: float = 0.0
    frozen: int = 0
    lr: float = 5e-4
    warmup: float = 0.03
    epochs: float = 1.0
    length: int = 2048
    forward_tokens: int | None = None
    batch_tokens: int = 8192
    clip: float = 1.0
    precision: Literal["bf16", "fp32"] = "bf16"
    compile: bool = False
    text_weight: float = 1.0
    no_call_weight: float = 1.0
    mask_names: float = 0.0
    openings: float = 0.0
    vary_words: float = 0.0
    copies: int = 0
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("rank", "alpha", "lr", "epochs", "length", "batch_tokens", "clip", "no_call_weight"):
            if not 0 < getattr(self, name) < float("inf"):
                raise UserError(_option(name), got=getattr(self, name), expected="more than 0")
        if not 0 <= self.dropout < 1:
            raise UserError(_option("dropout"), got=self.dropout, expected="at least 0 and less than 1")
        for name in ("frozen", "copies"):
            if getattr(self, name) < 0:
                raise UserError(_option(name), got=getattr(self, name), expected="0 or more")
        for name in ("warmup", "text_weight", "mask_names", "openings", "vary_words"):
            if not 0 <= getattr(self, name) <= 1:
                raise UserError(_option(name), got=getattr(self, name), expected="0 to 1")
        if self.forward_tokens is not None and self.forward_tokens < self.length:
            expected = f"at least --length ({self.length})"
            raise UserError(_option("forward_tokens"), got=self.forward_tokens, expected=expected)

    @property
    def forward_limit(self) -> int:
        """Most tokens of one forward."""
        return self.forward_tokens or self.length


@dataclass(frozen=True)
class Eagle3Config:
    """Training of an EAGLE-3 head (arXiv 2503.01840) on a target's own replies.

    Attributes:
        unroll: steps of the training-time test: so deep the head learns to draft from its own output.
        decay: weight of each of those steps relative to the one before.
        vocabulary: of the draft: the most frequent tokens of the replies.
        intermediate: width of the head's MLP; None takes the target's.
        lr, warmup, clip: as in `AdapterConfig`.
        epochs: passes over the sequences.
        batch_tokens: tokens of one optimizer step; only the replies' are learnt.
        precision: of the target while it answers. `bf16` also trains the head under autocast, where the
            processor has bf16 arithmetic; its weights are float32 either way.
        seed: of the head's first weights and the order of the data.
    """

    unroll: int = 5
    decay: float = 0.8
    vocabulary: int = 8192
    intermediate: int | None = None
    lr: float = 5e-4
    warmup: float = 0.03
    clip: float = 0.5
    epochs: float = 4.0
    batch_tokens: int = 8192
    precision: Literal["bf16", "fp32"] = "bf16"
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("unroll", "decay", "vocabulary", "lr", "clip", "epochs", "batch_tokens"):
            if not 0 < getattr(self, name) < float("inf"):
                raise UserError(_option(name), got=getattr(self, name), expected="more than 0")
        if self.decay > 1:
            raise UserError(_option("decay"), got=self.decay, expected="at most 1")
        if not 0 <= self.warmup <= 1:
            raise UserError(_option("warmup"), got=self.warmup, expected="0 to 1")


def _option(name: str) -> str:
    return f"--{name.replace('_', '-')}"
