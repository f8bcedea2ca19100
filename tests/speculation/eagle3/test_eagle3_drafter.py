"""The tree is what a search without a cache finds, and the drafter's state what a fresh one would have."""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from lab.kernels import cpu
from lab.kernels.cpu import ISAS, Isa
from lab.speculation.eagle3.checkpoint import load_head
from lab.speculation.eagle3.drafter import Eagle3Drafter
from lab.speculation.eagle3.head import Head
from lab.speculation.options import DraftPrecision, TreeShape, parse_tree
from lab.speculation.tree import ROOT, TokenTree
from lab.speculation.verify import Sampled, verify

TOKENS = [3, 17, 28, 5, 5, 31, 2]


@pytest.fixture
def head(folder, target) -> Head:
    return load_head(folder, target)


def started(head: Head, read, tokens: list[int], shape: TreeShape) -> Eagle3Drafter:
    drafter = Eagle3Drafter(head, shape)
    drafter.prime(tokens, read(tokens[:-1]))
    return drafter


def log_probabilities(head: Head, fused: Tensor, tokens: list[int], path: tuple[int, ...]) -> Tensor:
    """Of the token after `tokens` and `path`, one sequence from scratch: [draft vocabulary]."""
    hidden = fused
    for drafted in range(len(path) + 1):
        known = torch.tensor([*tokens, *path][1 : len(fused) + 1 + drafted])
        states, logits = head.forward(hidden, known, head.new_cache())
        # Behind the target's features the head lives on its own output.
        hidden = torch.cat((fused, states[len(fused) - 1 :]))
    return logits[-1].log_softmax(-1)


def search(head: Head, fused: Tensor, tokens: list[int], shape: TreeShape) -> set[tuple[int, ...]]:
    """The paths of the tree, every one computed from scratch."""
    found: dict[tuple[int, ...], float] = {}
    frontier: dict[tuple[int, ...], float] = {(): 0.0}
    for _ in range(shape.depth):
        level: dict[tuple[int, ...], float] = {}
        for path, score in frontier.items():
            best = log_probabilities(head, fused, tokens, path).topk(shape.top_k)
            for more, draft in zip(best.values.tolist(), best.indices.tolist(), strict=True):
                level[(*path, int(head.target_ids[draft]))] = score + more
        found |= level
        frontier = dict(sorted(level.items(), key=lambda item: -item[1])[: shape.top_k])
    likely = [path for path in found if found[path] >= (math.log(shape.confidence or 1e-300))]
    return set(sorted(likely, key=lambda path: -found[path])[: shape.nodes])


def head_forwards(head: Head) -> Callable[[], int]:
    """Counts the head's forwards from now on."""
    forward, calls = head.forward, []

    def counted(*arguments: object, **named: object):
        calls.append(1)
        return forward(*arguments, **named)

    head.forward = counted  # type: ignore[method-assign]

    def found() -> int:
        head.forward = forward  # type: ignore[method-assign]
        return len(calls)

    return found


def paths(tree: TokenTree) -> set[tuple[int, ...]]:
    found: dict[int, tuple[int, ...]] = {ROOT: ()}
    for node, (token, parent) in enumerate(zip(tree.tokens, tree.parents, strict=True)):
        found[node] = (*found[parent], token)
    return set(found.values()) - {()}


@pytest.mark.parametrize(
    "text", ["chain-1", "chain-5", "tree-2x3x6", "tree-4x3x12", "tree-5x2x9", "tree-3x4x100"]
)
def test_the_tree_is_the_one_that_a_search_finds(head, read, text) -> None:
    shape = parse_tree(text)
    tree = started(head, read, TOKENS, shape).propose(1000)
    expected = search(head, head.fuse(read(TOKENS[:-1])), TOKENS, shape)
    assert paths(tree) == expected
    assert len(tree) == len(expected)
    assert tree.is_chain == text.startswith("chain")


@pytest.mark.parametrize("text", ["chain-5", "tree-4x3x100"])
def test_paths_that_the_head_does_not_believe_in_are_not_drafted(head, read, text) -> None:
    whole = parse_tree(text)
    fused = head.fuse(read(TOKENS[:-1]))
    likeliest = float(log_probabilities(head, fused, TOKENS, ()).max().exp())
    sizes = []
    for confidence in (0.0, 0.02 * likeliest, 0.5 * likeliest, 0.999 * likeliest, 1.001 * likeliest):
        shape = dataclasses.replace(whole, confidence=confidence)
        drafter = started(head, read, TOKENS, shape)
        forwards = head_forwards(head)
        tree = drafter.propose(1000)
        asked = forwards()
        assert paths(tree) == search(head, fused, TOKENS, shape)
        # Where nothing is left to believe in, the head is not asked any further.
        assert asked == min(max(tree.depths()), whole.depth - 1)
        sizes.append(len(tree))
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[0] > sizes[2] > 0
    assert sizes[-1] == 0


def test_the_budget_cuts_depth_and_nodes(head, read) -> None:
    shape = TreeShape(5, 3, 20)
    for budget in (1, 2, 7):
        tree = started(head, read, TOKENS, shape).propose(budget)
        cut = dataclasses.replace(shape, depth=min(5, budget), nodes=budget)
        assert paths(tree) == search(head, head.fuse(read(TOKENS[:-1])), TOKENS, cut)


def test_after_accepted_tokens_the_draft_is_that_of_a_fresh_drafter(head, read) -> None:
    shape = TreeShape(4, 3, 12)
    drafter = started(head, read, TOKENS, shape)
    known = list(TOKENS)
    for emitted in ([8], [8, 30, 1], [12, 39]):
        drafter.propose(100)
        known += emitted
        features = read(known[:-1])
        drafter.accept(emitted, features[-len(emitted) :])
        assert drafter.propose(100) == started(head, read, known, shape).propose(100)


@pytest.mark.parametrize("kept", [1, 4, 7, 9])
def test_the_next_call_of_a_session_goes_on_from_the_common_prefix(head, read, kept) -> None:
    shape = TreeShape(4, 3, 12)
    drafter = started(head, read, TOKENS, shape)
    drafter.propose(100)
    drafter.accept([8, 9], read([*TOKENS, 8])[-2:])
    told = [*TOKENS, 8, 9]
    prompt = [*told[:kept], *([38, 37, 36] if kept < 9 else []), 30, 14]
    # The target's cache holds what it has read of the common prefix, so it reads the rest alone.
    start = min(kept, len(told) - 1)
    seen: list[int] = []
    forward = head.forward

    def watched(hidden: Tensor, tokens: Tensor, *rest: object, **more: object):
        seen.extend(tokens.tolist())
        return forward(hidden, tokens, *rest, **more)

    head.forward = watched
    drafter.prime(prompt, read(prompt[:-1])[start:])
    # Entry i holds token i + 1, so the first that differs is the first to be read again. What was accepted
    # last waits for the next forward.
    assert seen == prompt[min(kept, len(TOKENS)) :]
    head.forward = forward
    assert drafter.propose(100) == started(head, read, prompt, shape).propose(100)


def test_a_reset_forgets_the_session(head, read) -> None:
    shape = TreeShape(3, 2, 5)
    drafter = started(head, read, TOKENS, shape)
    drafter.propose(100)
    drafter.reset()
    other = [1, 2, 3, 4]
    drafter.prime(other, read(other[:-1]))
    assert drafter.propose(100) == started(head, read, other, shape).propose(100)


def test_bytes_are_the_weights_of_every_forward(head, read) -> None:
    drafter = started(head, read, TOKENS, parse_tree("chain-4"))
    tree = drafter.propose(4)
    assert len(tree) == 4
    # Of four tokens the first comes from the prompt's forward.
    assert drafter.bytes_read == 3 * (head.forward_bytes + 6 * 2 * 2 * 4 * 4)
    drafter.accept([8], read([*TOKENS, 8][:-1])[-1:])
    drafter.propose(4)
    assert drafter.bytes_read == 4 * head.forward_bytes + head.fuse_bytes + (7 + 3 * 7) * 2 * 2 * 4 * 4


@pytest.mark.parametrize("text", ["chain-3", "tree-3x3x9"])
def test_sampling_with_drafts_leaves_the_targets_distribution(head, read, target, text) -> None:
    """Chi-square over 20,000 draws of the first two tokens, at temperature 1."""
    tree = started(head, read, TOKENS, parse_tree(text)).propose(100)
    cache = target.new_cache()
    target.forward(torch.tensor(TOKENS[:-1]), cache)
    rows = torch.tensor([TOKENS[-1], *tree.tokens])
    logits = target.forward(rows, cache, depths=torch.tensor(tree.depths()), visible=tree.visible())
    first = (logits[0]).softmax(-1)
    generator = torch.Generator().manual_seed(0)
    counts = torch.zeros(40)
    accepted = 0
    for _ in range(20_000):
        emitted = verify(tree, Sampled(logits, 1.0, 1.0, 0, generator))
        counts[emitted.tokens[0]] += 1
        accepted += len(emitted.path)
    assert accepted > 100
    expected = first * counts.sum()
    assert expected.min() > 1
    statistic = float(((counts - expected) ** 2 / expected).sum())
    # The 99.9 % point of chi-square with 39 degrees of freedom.
    assert statistic < 72.1


def test_shapes_are_parsed_or_refused() -> None:
    assert parse_tree("chain-5") == TreeShape(5, 1, 5)
    assert parse_tree("tree-6x8x32") == TreeShape(6, 8, 32)
    for text in ("chain", "chain-0", "tree-6x8", "6x8x32", "tree-6x8x0"):
        with pytest.raises(ValueError, match="expected chain-K or tree-DEPTHxTOP_KxNODES"):
            parse_tree(text)


def test_nodes_come_by_depth(head, read) -> None:
    tree = started(head, read, TOKENS, TreeShape(5, 4, 30)).propose(100)
    assert all(a <= b for a, b in itertools.pairwise(tree.depths()[1:]))


@pytest.mark.skipif(cpu.library() is None, reason="installed without a C++ compiler")
@pytest.mark.parametrize("precision", ["target", "int8"])
@pytest.mark.parametrize("before", [False, True])
@pytest.mark.parametrize("isa", ISAS[: ISAS.index(cpu.best_isa()) + 1])
def test_its_layer_in_one_call_is_as_near_to_float32_as_in_operators(
    head, folder, target, monkeypatch, isa: Isa, before: bool, precision: DraftPrecision
) -> None:
    monkeypatch.setattr(cpu, "best_isa", lambda: isa)
    fused, tokens = torch.randn(9, 16), torch.randint(0, 40, (9,))
    depths, visible = (
        torch.tensor([0, 1, 1, 2]),
        torch.tensor([[1, 0, 0, 0], [1, 1, 0, 0], [1, 0, 1, 0], [1, 1, 0, 1]], dtype=torch.bool),
    )

    def outputs(head: Head, stacked: bool) -> Tensor:
        head.config = dataclasses.replace(head.config, norm_before_residual=before)
        if not stacked:
            head._stack = None
        cache, like = head.new_cache(), head.embedding
        found = [head.forward(fused[:5].to(like), tokens[:5], cache, last_only=True)]
        found.append(head.forward(fused[5:].to(like), tokens[5:], cache, depths=depths, visible=visible))
        assert cache.length == 9
        return torch.cat([torch.cat((hidden.float(), logits), dim=-1) for hidden, logits in found])

    exact = outputs(head, stacked=False)
    target.embedding = target.embedding.to(torch.bfloat16)
    stacked, eager = (load_head(folder, target, precision=precision) for _ in range(2))
    assert stacked._stack is not None
    error = [(outputs(made, made is stacked) - exact).square().mean() for made in (stacked, eager)]
    assert error[0] <= 1.5 * error[1]
