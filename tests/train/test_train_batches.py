from __future__ import annotations

import itertools

import torch

from lab.train.batches import collate, plan_epoch
from lab.train.examples import Example

LENGTHS = [17 + 37 * index % 400 for index in range(600)]


def plan(seed: int = 0, epoch: int = 0, lengths: list[int] = LENGTHS) -> list[list[list[int]]]:
    return plan_epoch(lengths, forward_tokens=1000, batch_tokens=3000, seed=seed, epoch=epoch)


def test_every_example_occurs_once_an_epoch_within_the_limits() -> None:
    steps = plan()
    forwards = list(itertools.chain(*steps))
    assert sorted(itertools.chain(*forwards)) == list(range(len(LENGTHS)))
    assert max(len(forward) * max(LENGTHS[i] for i in forward) for forward in forwards) <= 1000
    sums = [sum(LENGTHS[i] for forward in step for i in forward) for step in steps]
    assert min(sums[:-1]) >= 3000
    assert sums[-1] >= 1500
    # Sorting keeps padding small.
    padded = sum(len(forward) * max(LENGTHS[i] for i in forward) for forward in forwards)
    assert padded < 1.15 * sum(LENGTHS)


def test_the_order_depends_on_seed_and_epoch_alone() -> None:
    before = torch.get_rng_state()
    assert plan(3, 1) == plan(3, 1)
    assert plan(3, 1) != plan(3, 2)
    assert plan(3, 1) != plan(4, 1)
    assert torch.equal(torch.get_rng_state(), before)


def test_an_example_longer_than_a_forward_or_too_few_for_a_step_still_come() -> None:
    assert plan(lengths=[2000]) == [[[0]]]


def test_a_small_rest_joins_the_last_step() -> None:
    assert [len(step) for step in plan(lengths=[1000] * 4)] == [4]
    assert [len(step) for step in plan(lengths=[1000] * 5)] == [3, 2]


def test_rows_are_padded_on_the_right_and_padding_is_not_learnt() -> None:
    def example(*ids: int) -> Example:
        return Example(torch.tensor(ids, dtype=torch.int32), torch.tensor([i > 5 for i in ids]))

    ids, learn = collate([example(5, 6), example(7, 5, 9)])
    assert ids.tolist() == [[5, 6, 0], [7, 5, 9]]
    assert learn.tolist() == [[False, True, False], [True, False, True]]
