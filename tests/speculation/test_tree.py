from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.speculation.tree import ROOT, TokenTree

# The n-th parent is drawn among ROOT and the nodes before.
PARENTS = st.integers(0, 12).flatmap(
    lambda size: st.tuples(*(st.integers(ROOT, node - 1) for node in range(size)))
)
TREES = PARENTS.map(lambda parents: TokenTree(tuple(range(100, 100 + len(parents))), parents))


def ancestors(tree: TokenTree, node: int) -> set[int]:
    """The nodes above `node`, and itself."""
    found = set()
    while node != ROOT:
        found.add(node)
        node = tree.parents[node]
    return found


@given(TREES)
def test_a_row_sees_the_root_its_ancestors_and_itself(tree: TokenTree) -> None:
    visible = tree.visible()
    assert visible.shape == (len(tree) + 1, len(tree) + 1)
    assert visible[0].nonzero().flatten().tolist() == [0]
    for node in range(len(tree)):
        expected = {0, *(above + 1 for above in ancestors(tree, node))}
        assert set(visible[node + 1].nonzero().flatten().tolist()) == expected


@given(TREES)
def test_depth_is_the_number_of_edges_to_the_root(tree: TokenTree) -> None:
    assert tree.depths() == [0, *(len(ancestors(tree, node)) for node in range(len(tree)))]


@given(TREES)
def test_every_node_is_a_child_of_its_parent_alone(tree: TokenTree) -> None:
    listed = [(node, child) for node in range(ROOT, len(tree)) for child in tree.children(node)]
    assert sorted(listed) == sorted(zip(tree.parents, range(len(tree)), strict=True))


@given(TREES)
def test_a_tree_is_a_chain_if_no_node_has_two_children(tree: TokenTree) -> None:
    branches = any(len(tree.children(node)) > 1 for node in range(ROOT, len(tree)))
    assert tree.is_chain == (not branches)


@given(st.lists(st.integers(0, 99), max_size=10))
def test_a_chain_has_one_branch_in_order(tokens: list[int]) -> None:
    tree = TokenTree.chain(tokens)
    assert (list(tree.tokens), len(tree), tree.is_chain) == (tokens, len(tokens), True)
    assert tree.depths() == list(range(len(tokens) + 1))
    assert tree.visible().equal(tree.visible().tril())
    assert tree.visible().sum() == (len(tokens) + 1) * (len(tokens) + 2) // 2


@pytest.mark.parametrize("parents", [(0,), (1, ROOT), (ROOT, 1), (-2,), (ROOT, ROOT)])
def test_a_parent_stands_before_its_child_and_every_node_has_one(parents: tuple[int, ...]) -> None:
    tokens = (1,) if parents == (ROOT, ROOT) else tuple(range(len(parents)))
    with pytest.raises(AssertionError):
        TokenTree(tokens, parents)
