"""The order of the data, and the tensors of one forward.

Sequences of like length share a forward, one a row, padded on the right. Causal attention never looks to
the right and each row is a sequence of its own, so neither padding nor neighbours reach a sequence. No mask
is needed: the attention kernels keep their fast causal path.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from lab.train.examples import Example

Forward = list[int]
"""Places of the examples that share a forward."""

# Sequences are sorted by length within so many: enough for little padding, too few to make epochs alike.
_POOL = 256


def plan_epoch(
    lengths: Sequence[int], *, forward_tokens: int, batch_tokens: int, seed: int, epoch: int
) -> list[list[Forward]]:
    """The optimizer steps of one epoch, each a list of forwards; a pure function of its arguments.

    Every example occurs once. A forward holds at most `forward_tokens` tokens with padding, or one example;
    a step at least `batch_tokens` without it, the last one at least half of that unless it is the only one.
    """
    generator = torch.Generator().manual_seed(seed * 1_000_003 + epoch)
    order = torch.randperm(len(lengths), generator=generator).tolist()
    forwards: list[Forward] = []
    for start in range(0, len(order), _POOL):
        forwards += _group(
            sorted(order[start : start + _POOL], key=lengths.__getitem__), lengths, forward_tokens
        )
    steps: list[list[Forward]] = []
    waiting: list[Forward] = []
    tokens = 0
    for place in torch.randperm(len(forwards), generator=generator).tolist():
        waiting.append(forwards[place])
        tokens += sum(lengths[index] for index in forwards[place])
        if tokens >= batch_tokens:
            steps.append(waiting)
            waiting, tokens = [], 0
    if steps and 2 * tokens < batch_tokens:
        steps[-1] += waiting
    elif waiting:
        steps.append(waiting)
    return steps


def _group(ascending: Sequence[int], lengths: Sequence[int], forward_tokens: int) -> list[Forward]:
    groups: list[Forward] = []
    for index in ascending:
        if groups and (len(groups[-1]) + 1) * lengths[index] <= forward_tokens:
            groups[-1].append(index)
        else:
            groups.append([index])
    return groups


def collate(examples: Sequence[Example]) -> tuple[Tensor, Tensor]:
    """int64 ids and bool learn, both [rows, longest], padded on the right with token 0, not to be learnt."""
    shape = (len(examples), max(map(len, examples)))
    ids, learn = torch.zeros(shape, dtype=torch.int64), torch.zeros(shape, dtype=torch.bool)
    for row, example in enumerate(examples):
        ids[row, : len(example)] = example.ids
        learn[row, : len(example)] = example.learn
    return ids, learn
