from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from lab.speculation.base import load_drafter
from lab.speculation.ngram import NgramDrafter
from lab.speculation.options import DraftOptions


def proposal(tokens: list[int], budget: int = 3, **sizes: int) -> list[int]:
    drafter = NgramDrafter(**sizes)
    drafter.prime(tokens)
    tree = drafter.propose(budget)
    assert tree.is_chain
    return list(tree.tokens)


def by_search(tokens: list[int], budget: int, longest: int, shortest: int) -> list[int]:
    """Prompt lookup as it is defined, by looking at every place."""
    for size in range(longest, shortest - 1, -1):
        for start in range(len(tokens) - size - 1, -1, -1):
            if len(tokens) >= size and tokens[start : start + size] == tokens[-size:]:
                return tokens[start + size : start + size + budget]
    return []


@settings(max_examples=300, deadline=None)
@given(st.lists(st.integers(0, 3), max_size=40), st.integers(1, 6), st.data())
def test_the_index_finds_what_a_search_finds_however_the_tokens_arrive(
    tokens: list[int], budget: int, data: st.DataObject
) -> None:
    drafter = NgramDrafter(longest=3, shortest=2)
    cut = data.draw(st.integers(0, len(tokens)))
    drafter.prime(tokens[:cut])
    while cut < len(tokens):
        more = data.draw(st.integers(1, len(tokens) - cut))
        drafter.accept(tokens[cut : cut + more])
        cut += more
    assert list(drafter.propose(budget).tokens) == by_search(tokens, budget, 3, 2)


def test_the_longest_match_wins_over_a_later_shorter_one() -> None:
    # 1 2 3 was followed by 7; the later 2 3 by 8.
    assert proposal([1, 2, 3, 7, 9, 2, 3, 8, 1, 2, 3], budget=1, longest=3, shortest=2) == [7]
    assert proposal([1, 2, 3, 7, 9, 2, 3, 8, 1, 2, 3], budget=1, longest=2, shortest=2) == [8]


def test_of_equal_matches_the_latest_wins() -> None:
    assert proposal([5, 6, 1, 5, 6, 2, 5, 6, 3, 5, 6], budget=2) == [3, 5]


def test_the_budget_bounds_the_proposal() -> None:
    tokens = [1, 2, 3, 4, 5, 6, 7, 1, 2]
    for budget in range(1, 8):
        assert proposal(tokens, budget) == [3, 4, 5, 6, 7, 1, 2][:budget]


def test_nothing_beyond_the_end_of_the_text_is_proposed() -> None:
    # What followed 1 2 is 9 1 2, and then the text ends.
    assert proposal([1, 2, 9, 1, 2], budget=8) == [9, 1, 2]
    # The end does not find itself.
    assert proposal([4, 5, 1, 2], budget=8) == []
    assert proposal([7, 7, 7], budget=8) == [7]


def test_a_match_shorter_than_the_shortest_is_none() -> None:
    assert proposal([1, 8, 9, 1]) == []
    assert proposal([1, 8, 9, 1], shortest=1) == [8, 9, 1]
    assert proposal([]) == proposal([1]) == proposal([1, 1]) == []


def test_a_prompt_that_goes_on_keeps_the_index() -> None:
    drafter = NgramDrafter()
    drafter.prime([1, 2, 3, 4])
    drafter.accept([5, 6])
    drafter.prime([1, 2, 3, 4, 5, 6, 7, 8, 1, 2])
    assert list(drafter.propose(4).tokens) == [3, 4, 5, 6]


def test_a_prompt_that_left_the_known_text_starts_anew() -> None:
    drafter = NgramDrafter()
    drafter.prime([1, 2, 3, 4])
    drafter.accept([5, 6])
    # The reply 5 6 was replaced: nothing of it may be proposed.
    drafter.prime([1, 2, 3, 4, 9, 3, 4])
    assert list(drafter.propose(4).tokens) == [9, 3, 4]
    drafter.prime([3, 4])
    assert len(drafter.propose(4)) == 0
    drafter.prime([8, 8, 3, 4])
    assert len(drafter.propose(4)) == 0


def test_reset_forgets_the_session() -> None:
    drafter = NgramDrafter()
    drafter.prime([1, 2, 3, 1, 2])
    drafter.reset()
    assert len(drafter.propose(4)) == 0
    drafter.prime([1, 2])
    assert len(drafter.propose(4)) == 0


def test_the_table_of_drafters_makes_it_and_none_means_none() -> None:
    made = load_drafter("ngram", DraftOptions(tokens=5), target=None)
    assert isinstance(made, NgramDrafter)
    assert (made.most, made.taps, made.bytes_read) == (5, (), 0)
    assert load_drafter("none", DraftOptions(), target=None) is None
