"""The training of a head over collected sequences, resumable bit for bit."""

from __future__ import annotations

import dataclasses
import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from lab.errors import UserError
from lab.kernels.dense.upcast import has_bf16_arithmetic
from lab.models.checkpoint import Checkpoint
from lab.models.decoder import Decoder
from lab.speculation.eagle3.checkpoint import default_taps, read_head_config, target_ids, write_head
from lab.speculation.eagle3.head import HeadConfig
from lab.train.config import Eagle3Config
from lab.train.eagle3.collect import Seen
from lab.train.eagle3.head import TrainableHead, Unrolled, draft_vocabulary
from lab.train.loop import Loop

Load = Callable[[int], list[Seen]]
"""The sequences of one session."""


@dataclass(frozen=True, slots=True)
class Sizes:
    """What is known of a session's sequences without loading them: tokens read, tokens to be learnt, and the
    longest one."""

    tokens: int
    learnt: int
    longest: int


@dataclass(slots=True)
class Survey:
    """One pass over the collected sessions.

    Attributes:
        replies: how often the target said each token, int64 [vocabulary].
    """

    sizes: list[Sizes]
    replies: Tensor

    @classmethod
    def of(cls, load: Load, sessions: int, vocabulary: int) -> Survey:
        counts: Counter[int] = Counter()
        sizes = []
        for session in range(sessions):
            found = load(session)
            for seen in found:
                counts.update(seen.ids[seen.learn].tolist())
            lengths = [len(seen.features) for seen in found]
            sizes.append(Sizes(sum(lengths), sum(map(_predicted, found)), max(lengths)))
        replies = torch.zeros(vocabulary, dtype=torch.int64)
        for token, number in counts.items():
            replies[token] = number
        return cls(sizes, replies)

    def coverage(self, ids: Tensor) -> float:
        """Share of the replies' tokens that are in a draft vocabulary."""
        return float(self.replies[ids].sum() / self.replies.sum())


def _predicted(seen: Seen) -> int:
    return int((seen.learn[1:-1] & seen.learn[2:]).sum())


@dataclass(slots=True)
class SessionBatch:
    """A session whose sequences are one forward each; they are loaded when they are needed."""

    session: int
    tokens: int
    learnt: int


class HeadTrainer(Loop[Eagle3Config, int, SessionBatch]):
    """A new head for a target, and the plan of its training.

    Attributes:
        head: the module.
    """

    def __init__(
        self,
        target: Decoder,
        output: Tensor,
        load: Load,
        survey: Survey,
        config: Eagle3Config,
        *,
        held_out: Sequence[Seen] = (),
        start: Path | None = None,
        trained_context: int,
    ):
        """
        Args:
            output: the target's output weights [vocabulary, hidden], as they were before its precision.
            load: gives the sequences of session 0 .. len(survey.sizes) - 1.
            held_out: sequences for the validation loss.
            start: a head's folder, whose weights are trained further. The draft vocabulary is chosen anew;
                tokens that the head did not have begin as in a new one.
            trained_context: what the head's configuration says it was trained on, if `start` says no more.

        Raises:
            UserError: `start` is no head of this shape for the target.
        """
        self.config, self.device = config, target.device
        self._fast = config.precision == "bf16" and (self.device.type != "cpu" or has_bf16_arithmetic())
        self._load, self._survey, self._held_out = load, survey, held_out
        self.steps = _plan(survey.sizes, config)
        self.vocabulary = target.config.vocabulary
        self.ids = draft_vocabulary(survey.replies, config.vocabulary).to(target.device)
        if start is not None:
            trained_context = max(trained_context, read_head_config(start, target.config).trained_context)
        torch.manual_seed(config.seed)
        self.head = TrainableHead(
            head_config(target, config, trained_context), target.embedding, target.norm, output, self.ids
        ).to(target.device)
        if start is not None:
            _take_over(start, self.head, target)
        self._begin(dict(self.head.named_parameters()), betas=(0.9, 0.95))

    def save_head(self, folder: Path) -> None:
        """Write the head in bf16, in the layout that vLLM loads."""
        write_head(folder, self.head.tensors(), self.head.config, self.vocabulary)

    def validation_loss(self) -> float | None:
        total, rows = 0.0, 0
        for seen in self._held_out:
            steps = self._unroll(seen)
            total += sum(self.config.decay**i * step.loss.item() for i, step in enumerate(steps))
            rows += steps[0].rows
        return total / rows if rows else None

    def _mode(self, training: bool) -> None:
        self.head.train(training)

    def _batches(self, step: int) -> list[SessionBatch]:
        sizes = self._survey.sizes
        return [SessionBatch(s, sizes[s].tokens, sizes[s].learnt) for s in self.steps[step]]

    def _loss(self, batch: SessionBatch) -> Tensor:
        losses = [
            self.config.decay**i * step.loss
            for seen in self._load(batch.session)
            for i, step in enumerate(self._unroll(seen))
        ]
        return torch.stack(losses).sum()

    def _unroll(self, seen: Seen) -> list[Unrolled]:
        ids, learn, features = (t.to(self.device) for t in (seen.ids, seen.learn, seen.features))
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self._fast):
            return self.head.unroll(ids.long(), learn, features.float(), self.config.unroll)


def head_config(target: Decoder, config: Eagle3Config, trained_context: int) -> HeadConfig:
    """The shape of a head for `target`: the target's own, one layer."""
    c = target.config
    if c.layers < 4:
        raise UserError(
            "model", got=f"{c.layers} layers", expected="at least 4: an EAGLE-3 head reads three of them"
        )
    shape = dataclasses.replace(
        c,
        layers=1,
        vocabulary=min(config.vocabulary, c.vocabulary),
        intermediate=config.intermediate or c.intermediate,
        window=None,
    )
    return HeadConfig(shape, default_taps(c.layers), False, trained_context, "EAGLE")


def _take_over(start: Path, head: TrainableHead, target: Decoder) -> None:
    known, weights = read_head_config(start, target.config), Checkpoint(start)
    if (known.taps, known.layout) != (head.config.taps, head.config.layout):
        got = f"a head of layout {known.layout} on layers {known.taps}"
        expected = f"one of layout {head.config.layout} on layers {head.config.taps}"
        raise UserError(f"--from {start}", got=got, expected=expected)
    ids = target_ids(start, weights, known, target)
    with torch.no_grad():
        for name, parameter in head.named_parameters():
            if name != "lm_head.weight":
                parameter.copy_(weights.get(name, tuple(parameter.shape), target.device))
        shape = (known.decoder.vocabulary, known.decoder.hidden)
        rows = torch.zeros(len(target.embedding), dtype=torch.int64, device=target.device)
        rows[ids] = torch.arange(len(ids), device=target.device)
        both = torch.isin(head.target_ids, ids)
        old = weights.get("lm_head.weight", shape, target.device)
        head.lm_head.weight[both] = old[rows[head.target_ids[both]]].float()


def output_weights(model: Path, target: Decoder) -> Tensor:
    """The target's output weights [vocabulary, hidden] from its folder."""
    c, weights = target.config, Checkpoint(model)
    name = "model.embed_tokens.weight" if c.tied else "lm_head.weight"
    return weights.get(name, (c.vocabulary, c.hidden), target.device)


def _plan(sizes: Sequence[Sizes], config: Eagle3Config) -> list[list[int]]:
    """Per optimizer step the sessions; a pure function of its arguments."""
    useful = [place for place, size in enumerate(sizes) if size.learnt]
    steps: list[list[int]] = []
    for epoch in range(math.ceil(config.epochs)):
        generator = torch.Generator().manual_seed(config.seed * 1_000_003 + epoch)
        of_epoch: list[list[int]] = [[]]
        for index in torch.randperm(len(useful), generator=generator).tolist():
            if sum(sizes[session].tokens for session in of_epoch[-1]) >= config.batch_tokens:
                of_epoch.append([])
            of_epoch[-1].append(useful[index])
        share = min(1.0, config.epochs - epoch)
        steps += of_epoch[: max(1, round(share * len(of_epoch)))]
    return steps
