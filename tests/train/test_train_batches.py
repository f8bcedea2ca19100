from __future__ import annotations

import itertools

import torch

from lab.models.examples import Example
from lab.train.batches import IGNORED, Bundle, Forward, bundle, collate, plan_epoch

CPU = torch.device("cpu")
SIZES = [17 + 37 * index % 400 for index in range(600)]


def plan(seed: int = 0, epoch: int = 0, sizes: list[int] = SIZES) -> list[list[Forward]]:
    bundles = [Bundle((place,), 0, size) for place, size in enumerate(sizes)]
    return plan_epoch(bundles, forward_tokens=1000, batch_tokens=3000, seed=seed, epoch=epoch)


def tokens(forward: Forward) -> int:
    return sum(each.tokens for each in forward)


def example(ids: list[int], prompt: int) -> Example:
    """Everything after the prompt is learnt."""
    learn = torch.arange(len(ids)) >= prompt
    return Example(torch.tensor(ids, dtype=torch.int32), learn, torch.zeros_like(learn))


def test_every_bundle_occurs_once_an_epoch_within_the_limits() -> None:
    steps = plan()
    forwards = list(itertools.chain(*steps))
    assert sorted(each.places[0] for forward in forwards for each in forward) == list(range(len(SIZES)))
    assert max(map(tokens, forwards)) <= 1000
    sums = [sum(map(tokens, step)) for step in steps]
    assert min(sums[:-1]) >= 3000
    assert sums[-1] >= 1500


def test_the_order_depends_on_seed_and_epoch_alone() -> None:
    before = torch.get_rng_state()
    assert plan(3, 1) == plan(3, 1)
    assert plan(3, 1) != plan(3, 2)
    assert plan(3, 1) != plan(4, 1)
    assert torch.equal(torch.get_rng_state(), before)


def test_a_bundle_longer_than_a_forward_or_too_few_for_a_step_still_come() -> None:
    assert plan(sizes=[2000]) == [[[Bundle((0,), 0, 2000)]]]


def test_a_small_rest_joins_the_last_step() -> None:
    assert [len(step) for step in plan(sizes=[1000] * 4)] == [4]
    assert [len(step) for step in plan(sizes=[1000] * 5)] == [3, 2]


def test_sequences_that_begin_alike_share_a_trunk_wherever_they_are() -> None:
    one, two = [1, 2, 3, 4, 5, 6], [9, 8, 7, 6, 5, 4]
    examples = [example([*start, end, end], 6) for end in (10, 11) for start in (one, two)]
    bundles = bundle(examples, forward_tokens=100)
    # The last token of the prompt predicts the first learnt one, so it is not in the trunk.
    assert bundles == [Bundle((0, 2), 5, 5 + 2 * 3), Bundle((1, 3), 5, 5 + 2 * 3)]


def test_a_trunk_ends_where_sequences_differ() -> None:
    examples = [example([1, 2, 3, 4, end, 7, 8, 9], 7) for end in (5, 6, 5)]
    assert bundle(examples, forward_tokens=100) == [Bundle((0, 2, 1), 4, 4 + 3 * 4)]


def test_sequences_with_little_in_common_are_apart() -> None:
    examples = [example([1, 2, *range(start, start + 8)], 8) for start in (10, 20)]
    assert [each.places for each in bundle(examples, forward_tokens=100)] == [(0,), (1,)]


def test_a_bundle_that_would_be_too_long_for_a_forward_is_cut() -> None:
    examples = [example([*range(100), end, end], 100) for end in range(200, 210)]
    bundles = bundle(examples, forward_tokens=99 + 3 * 4)
    assert [len(each.places) for each in bundles] == [4, 4, 2]
    assert bundles[2].tokens == 99 + 3 * 2
    alone = bundle(examples[:2], forward_tokens=10)
    assert [each.tokens for each in alone] == [102, 102]


def test_collated_tokens_targets_and_positions_are_those_of_the_sequences() -> None:
    examples = [example([1, 2, 3, 4, 5], 3), example([1, 2, 9, 8, 7, 6], 4), example([5, 6], 1)]
    forward = [Bundle((0, 1), 2, 9), Bundle((2,), 0, 2)]
    batch = collate(examples, forward, CPU)
    ids, positions = batch.ids[0].tolist(), batch.positions[0].tolist()
    # Every span is made up to 32.
    assert [(tree.trunk, tree.branches, tree.padding) for tree in batch.layout.trees] == [
        ((0, 32), ((32, 64), (64, 96)), 30),
        ((96, 96), ((96, 128),), 0),
    ]
    assert len(ids) == len(positions) == 128
    assert [ids[:2], ids[32:35], ids[64:68], ids[96:98]] == [[1, 2], [3, 4, 5], [9, 8, 7, 6], [5, 6]]
    assert sum(ids) == 1 + 2 + 3 + 4 + 5 + 9 + 8 + 7 + 6 + 5 + 6
    assert [positions[:2], positions[32:35], positions[64:68], positions[96:98]] == [
        [0, 1],
        [2, 3, 4],
        [2, 3, 4, 5],
        [0, 1],
    ]
    assert batch.predicting[:5].tolist() == [32, 33, 65, 66, 96]
    assert batch.targets.tolist() == [4, 5, 7, 6, 6] + 27 * [IGNORED]
    assert (batch.tokens, batch.learnt) == (11, 5)
    assert not batch.text.any()
    assert not batch.begins.any()


def test_replies_that_call_nothing_are_found_among_the_targets() -> None:
    learn = torch.tensor([False, False, False, True, True, False, True, True])
    text = torch.tensor([False] * 6 + [True, True])
    examples = [
        Example(torch.tensor([1, 2, 3, 4, 5, 3, end, 6], dtype=torch.int32), learn, text) for end in (7, 8)
    ]
    batch = collate(examples, [Bundle((0, 1), 2, 14)], CPU)
    assert batch.targets.tolist()[:8] == [4, 5, 7, 6, 4, 5, 8, 6]
    assert batch.text.nonzero()[:, 0].tolist() == [2, 3, 6, 7]
    assert batch.begins.nonzero()[:, 0].tolist() == [2, 6]
    assert len(batch.text) == len(batch.begins) == len(batch.targets)
