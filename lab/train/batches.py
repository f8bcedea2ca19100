"""The order of the data, and the tensors of one forward.

An agent's sessions begin alike: the same system prompt, the same tools. Sequences with a common beginning
are bundled, and a forward reads that beginning once, as the trunk that the rest of each grows from. Bundles
are laid one after the other in a single row of tokens without padding; `lab.train.attention` sees to it
that each sequence attends to its trunk and to itself alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from lab.models.examples import Example
from lab.train.attention import Layout, Tree

# The target of padding; cross-entropy's own default.
IGNORED = -100
# A sequence joins a bundle if they have at least this share of its prompt in common.
_ALIKE = 0.5
# Trunks and what grows from them are made up to multiples of this. oneDNN compiles a kernel for every size
# that it meets in bf16, and forwards would hardly ever share one.
_BLOCK = 32


@dataclass(frozen=True, slots=True)
class Bundle:
    """Examples that share a forward and their first tokens.

    Attributes:
        places: of the examples.
        trunk: tokens in common, before anything that is to be learnt; 0 for a single example.
        tokens: to be read, the trunk once.
    """

    places: tuple[int, ...]
    trunk: int
    tokens: int


Forward = list[Bundle]


def bundle(examples: Sequence[Example], *, forward_tokens: int) -> list[Bundle]:
    """All examples, each in one bundle of at most `forward_tokens` tokens, or of one example."""
    ids = [example.ids.tolist() for example in examples]
    bundles: list[Bundle] = []
    for place in sorted(range(len(ids)), key=ids.__getitem__):
        joined = _join(bundles[-1], place, examples, ids) if bundles else None
        if joined is not None and joined.tokens <= forward_tokens:
            bundles[-1] = joined
        else:
            bundles.append(Bundle((place,), 0, len(ids[place])))
    return bundles


def _join(bundle: Bundle, place: int, examples: Sequence[Example], ids: Sequence[list[int]]) -> Bundle | None:
    first = bundle.places[0]
    # What predicts the first learnt token belongs to the sequence, not to the trunk.
    most = min(bundle.trunk or examples[first].prompt - 1, examples[place].prompt - 1)
    trunk = _common(ids[first][:most], ids[place][:most])
    if trunk < 1 or trunk < _ALIKE * examples[place].prompt or trunk < _ALIKE * bundle.trunk:
        return None
    places = (*bundle.places, place)
    return Bundle(places, trunk, trunk + sum(len(ids[other]) - trunk for other in places))


def _common(one: Sequence[int], other: Sequence[int]) -> int:
    return next((at for at, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), len(one))


def plan_epoch(
    bundles: Sequence[Bundle], *, forward_tokens: int, batch_tokens: int, seed: int, epoch: int
) -> list[list[Forward]]:
    """The optimizer steps of one epoch, each a list of forwards; a pure function of its arguments.

    Every bundle occurs once. A forward holds at most `forward_tokens` tokens, or one bundle; a step at least
    `batch_tokens`, the last one at least half of that unless it is the only one.
    """
    generator = torch.Generator().manual_seed(seed * 1_000_003 + epoch)
    forwards: list[Forward] = []
    for place in torch.randperm(len(bundles), generator=generator).tolist():
        if forwards and _tokens([*forwards[-1], bundles[place]]) <= forward_tokens:
            forwards[-1].append(bundles[place])
        else:
            forwards.append([bundles[place]])
    steps: list[list[Forward]] = []
    waiting: list[Forward] = []
    for forward in forwards:
        waiting.append(forward)
        if sum(map(_tokens, waiting)) >= batch_tokens:
            steps.append(waiting)
            waiting = []
    if steps and 2 * sum(map(_tokens, waiting)) < batch_tokens:
        steps[-1] += waiting
    elif waiting:
        steps.append(waiting)
    return steps


def _tokens(forward: Forward) -> int:
    return sum(bundle.tokens for bundle in forward)


@dataclass(frozen=True, slots=True)
class Batch:
    """The tensors of one forward of T tokens, of which N are to be learnt.

    Attributes:
        ids, positions: int64 [1, T], with padding.
        predicting: int64 [N], the places whose next tokens are to be learnt, with padding.
        targets: int64 [N], those tokens, and IGNORED for padding.
        text: bool [N], the tokens of replies that call no tool.
        begins: bool [N], the first tokens of such replies.
        layout: which tokens belong together.
        tokens, learnt: how many of each are no padding.
    """

    ids: Tensor
    positions: Tensor
    predicting: Tensor
    targets: Tensor
    text: Tensor
    begins: Tensor
    layout: Layout
    tokens: int
    learnt: int


def collate(examples: Sequence[Example], forward: Forward, device: torch.device) -> Batch:
    """The forward's tokens, trunk by trunk, each followed by what grows from it."""

    def add(tokens: Tensor, first: int) -> tuple[int, int]:
        """Append a span of tokens whose first position is `first`."""
        length = len(tokens) + _padding(len(tokens))
        ids.append(F.pad(tokens, (0, length - len(tokens))))
        positions.append(torch.arange(first, first + length))
        start = spans[-1][1] if spans else 0
        spans.append((start, start + length))
        return spans[-1]

    ids: list[Tensor] = []
    positions: list[Tensor] = []
    predicting: list[Tensor] = []
    targets: list[Tensor] = []
    text: list[Tensor] = []
    begins: list[Tensor] = []
    spans: list[tuple[int, int]] = []
    trees: list[Tree] = []
    for bundle in forward:
        trunk = bundle.trunk
        start = add(examples[bundle.places[0]].ids[:trunk], 0)
        branches = []
        for place in bundle.places:
            example = examples[place]
            own, learn = example.ids[trunk:], example.learn[trunk:]
            branches.append(add(own, trunk))
            predicting.append(branches[-1][0] + learn[1:].nonzero()[:, 0])
            targets.append(own[1:][learn[1:]])
            text.append(example.text[trunk:][1:][learn[1:]])
            begins.append(example.begins()[trunk:][1:][learn[1:]])
        trees.append(Tree(start, tuple(branches), _padding(trunk)))
    learnt = sum(map(len, targets))
    padding = _padding(learnt)
    predicting.append(torch.zeros(padding, dtype=torch.long))
    targets.append(torch.full((padding,), IGNORED))
    words = F.pad(torch.cat(text), (0, padding))
    flat = [torch.cat(parts).long().to(device) for parts in (ids, positions, predicting, targets)]
    return Batch(
        flat[0][None],
        flat[1][None],
        flat[2],
        flat[3],
        words.to(device),
        (words & F.pad(torch.cat(begins), (0, padding))).to(device),
        Layout(trees, device),
        tokens=_tokens(forward),
        learnt=learnt,
    )


def _padding(length: int) -> int:
    return -length % _BLOCK
