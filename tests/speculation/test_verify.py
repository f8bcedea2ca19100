from __future__ import annotations

from collections import Counter

import pytest
import torch
from torch import Tensor

from lab.speculation.tree import ROOT, TokenTree
from lab.speculation.verify import Greedy, Sampled, distribution, top_two, verify

#   root -+- 0: 10 -+- 2: 20 --- 4: 30
#         |         +- 3: 21
#         +- 1: 11 --- 5: 20
TREE = TokenTree((10, 11, 20, 21, 30, 20), (ROOT, ROOT, 0, 0, 2, 1))
NO = 99


@pytest.mark.parametrize(
    # The argmax behind the root and behind each node in order.
    ("best", "path", "tokens", "rows"),
    [
        ([NO, 1, 2, 3, 4, 5, 6], (), (NO,), (0,)),
        ([10, NO, 2, 3, 4, 5, 6], (0,), (10, NO), (0, 1)),
        ([11, 20, NO, 3, 4, 5, 6], (1,), (11, NO), (0, 2)),
        ([10, 21, 2, 3, NO, 5, 6], (0, 3), (10, 21, NO), (0, 1, 4)),
        ([10, 20, 2, NO, 4, 5, 6], (0, 2), (10, 20, NO), (0, 1, 3)),
        ([10, 20, 2, 30, 4, NO, 6], (0, 2, 4), (10, 20, 30, NO), (0, 1, 3, 5)),
        ([11, 1, 20, 3, 4, 5, NO], (1, 5), (11, 20, NO), (0, 2, 6)),
        # A deeper agreement below a refused node counts for nothing.
        ([NO, 20, 2, 30, 4, 5, 6], (), (NO,), (0,)),
    ],
)
def test_greedy_takes_the_longest_agreeing_path_and_the_target_s_next_token(
    best: list[int], path: tuple[int, ...], tokens: tuple[int, ...], rows: tuple[int, ...]
) -> None:
    verified = verify(TREE, Greedy(best))
    assert (verified.path, verified.tokens, verified.rows) == (path, tokens, rows)


def test_without_a_draft_the_target_s_token_is_emitted() -> None:
    verified = verify(TokenTree.chain(()), Greedy([7]))
    assert (verified.path, verified.tokens, verified.rows) == ((), (7,), (0,))


# Upper critical values of the chi-square distribution at 0.001, by degrees of freedom (NIST/SEMATECH
# e-Handbook of Statistical Methods, section 1.3.6.7.4). The draws are seeded: a test passes always or never.
CRITICAL = {1: 10.828, 2: 13.816, 3: 16.266, 4: 18.467, 5: 20.515, 6: 22.458, 7: 24.322}
DRAWS = 20_000
VOCABULARY = 8
LOGITS = torch.randn((8, VOCABULARY), generator=torch.Generator().manual_seed(3)) * 0.8
CHAIN = TokenTree.chain((6, 4, 1))
# Likely and unlikely siblings at the root: 6 twice, and 7, which top-k and top-p rule out.
BRANCHES = TokenTree((6, 7, 0, 6, 4, 6, 1), (ROOT, ROOT, ROOT, ROOT, 0, 0, 2))


def assert_drawn_from(counts: Counter[int], probabilities: Tensor) -> None:
    total = counts.total()
    possible = {token: p * total for token, p in enumerate(probabilities.tolist()) if p > 0}
    assert set(counts) <= set(possible)
    assert min(possible.values()) > 5, "the test wants more draws"
    statistic = sum((counts[token] - expected) ** 2 / expected for token, expected in possible.items())
    assert statistic < CRITICAL[len(possible) - 1]


@pytest.mark.parametrize(
    ("tree", "top_p", "top_k"),
    [(CHAIN, 1.0, 0), (BRANCHES, 1.0, 0), (BRANCHES, 0.9, 6)],
    ids=["chain", "tree", "tree, top-k and top-p"],
)
def test_emitted_tokens_are_distributed_as_the_target_s_own(
    tree: TokenTree, top_p: float, top_k: int
) -> None:
    generator = torch.Generator().manual_seed(11)
    # Tokens emitted after each row: the row's own distribution, whatever was drafted behind it.
    after: dict[int, Counter[int]] = {}
    for _ in range(DRAWS):
        verified = verify(tree, Sampled(LOGITS, 1.0, top_p, top_k, generator))
        for row, token in zip(verified.rows, verified.tokens, strict=True):
            after.setdefault(row, Counter())[token] += 1
    targets = [distribution(row, 1.0, top_p, top_k) for row in LOGITS]
    assert after[0].total() == DRAWS
    checked = 0
    for row, counts in after.items():
        if counts.total() * float(targets[row][targets[row] > 0].min()) > 5:
            assert_drawn_from(counts, targets[row])
            checked += 1
    assert checked >= 3


def test_the_check_itself_notices_a_draft_that_is_always_taken() -> None:
    counts = Counter({2: 20_000})
    with pytest.raises(AssertionError):
        assert_drawn_from(counts, LOGITS[0].softmax(-1))


def test_a_token_with_all_the_mass_is_accepted_and_one_with_none_refused() -> None:
    logits = torch.full((3, 4), float("-inf"))
    logits[0, 1] = logits[1, 3] = logits[2, 0] = 0.0
    generator = torch.Generator().manual_seed(0)
    for _ in range(50):
        chooser = Sampled(logits, 1.0, 1.0, 0, generator)
        # 2 has no mass; 1 has all of it, and behind it (row 2) so has 0.
        verified = verify(TokenTree((2, 1), (ROOT, ROOT)), chooser)
        assert (verified.path, verified.tokens) == ((1,), (1, 0))


def test_a_refused_token_is_never_drawn_from_the_same_row() -> None:
    generator = torch.Generator().manual_seed(0)
    refused = 0
    for _ in range(200):
        chooser = Sampled(torch.zeros(1, 3), 1.0, 1.0, 0, generator)
        if not chooser.accepts(0, 1):
            refused += 1
            assert chooser.draw(0) != 1
    assert 100 < refused < 170  # two thirds of 200


def test_temperature_divides_the_logits() -> None:
    logits = torch.tensor([2.0, 0.0])
    torch.testing.assert_close(distribution(logits, 2.0, 1.0, 0), torch.tensor([1.0, 0.0]).softmax(-1))


@pytest.mark.parametrize(
    ("top_p", "top_k", "expected"),
    [
        (1.0, 0, [0.5, 0.3, 0.15, 0.05]),
        (1.0, 2, [0.625, 0.375, 0.0, 0.0]),
        (1.0, 9, [0.5, 0.3, 0.15, 0.05]),
        # The nucleus is the fewest likeliest tokens that hold at least top_p.
        (0.6, 0, [0.625, 0.375, 0.0, 0.0]),
        (0.81, 0, [0.5 / 0.95, 0.3 / 0.95, 0.15 / 0.95, 0.0]),
        (0.0001, 0, [1.0, 0.0, 0.0, 0.0]),
        # After top-k 2 the first holds 0.625 of what is left, more than 0.6.
        (0.6, 2, [1.0, 0.0, 0.0, 0.0]),
    ],
)
def test_top_k_then_top_p_cut_the_tail_and_renormalize(
    top_p: float, top_k: int, expected: list[float]
) -> None:
    # In an order that sorting changes.
    order = [2, 0, 3, 1]
    logits = torch.tensor([0.5, 0.3, 0.15, 0.05]).log()[order]
    torch.testing.assert_close(distribution(logits, 1.0, top_p, top_k), torch.tensor(expected)[order])


def test_top_two_gives_the_argmax_and_its_lead() -> None:
    best, lead = top_two(torch.tensor([[1.0, 4.0, 2.5], [-1.0, -3.0, -1.5], [0.0, 0.0, 7.0]]))
    assert (best, lead) == ([1, 0, 2], [1.5, 0.5, 7.0])


def test_of_equals_the_first_is_taken_with_no_lead() -> None:
    best, lead = top_two(torch.tensor([[0.0, 3.0, 1.0, 3.0], [2.0, 2.0, 2.0, 2.0]]))
    assert (best, lead) == ([1, 0], [0.0, 0.0])


def test_top_two_leaves_the_logits_as_they_were() -> None:
    logits = LOGITS.clone()
    top_two(logits)
    assert torch.equal(logits, LOGITS)
