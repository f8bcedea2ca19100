"""The dynamic token tree (EAGLE-2, arXiv 2406.16858): grown where the head is sure, cut to the best nodes.

Each depth expands the `top_k` likeliest paths; of all nodes seen, the likeliest `nodes` are kept. A path's
probability never exceeds its beginning's, so with a node its ancestors are kept. `top_k` 1 is a chain.
Where no path is as likely as `confidence` any more, drafting ends: what is hardly accepted costs a forward of
the head and rows to verify.

The books are kept in Python: the dozen operators that would keep them take, on a CPU, half as long as a
forward of the head. On a GPU every level waits for its answer.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from lab.models.cache import KVCache
from lab.speculation.eagle3.head import Head
from lab.speculation.options import TreeShape
from lab.speculation.tree import ROOT, TokenTree


def grow(
    head: Head, cache: KVCache, hidden: Tensor, logits: Tensor, shape: TreeShape
) -> tuple[TokenTree, int]:
    """Draft from the root's own output; the cache comes back as it was. A tree may be empty.

    Args:
        hidden, logits: what `Head.forward` returned for the root, [1, hidden] and [1, draft vocabulary].

    Returns:
        The tree, and how many forwards it took.
    """
    committed, least = cache.length, math.log(shape.confidence) if shape.confidence > 0 else -math.inf
    top_k = min(shape.top_k, logits.shape[-1])
    device = hidden.device
    # Of each node the token, as the target's id, the log-probability of its path, and its parent.
    tokens: list[int] = []
    scores: list[float] = []
    parents: list[int] = []
    # The expanded nodes whose outputs `hidden` and `logits` are, and which expanded nodes each one sees.
    frontier = [ROOT]
    sees = torch.ones((1, 0), dtype=torch.bool, device=device)
    forwards = 0
    while True:
        paths, drafts = logits.log_softmax(-1).topk(top_k, dim=-1)
        first = len(tokens)
        for parent, ids, path in zip(frontier, head.target_ids[drafts].tolist(), paths.tolist(), strict=True):
            above = 0.0 if parent == ROOT else scores[parent]
            tokens += ids
            scores += [above + score for score in path]
            parents += [parent] * len(ids)
        if forwards + 1 >= shape.depth or max(scores[first:]) < least:
            break
        likeliest = sorted(range(first, len(tokens)), key=lambda node: -scores[node])[:top_k]
        rows = {node: row for row, node in enumerate(frontier)}
        frontier = sorted(likeliest)
        depths = None
        # A chain sees all that is before it.
        if top_k > 1:
            origin = torch.tensor([rows[parents[node]] for node in frontier], device=device)
            hidden = hidden[origin]
            sees = torch.cat((sees[origin], torch.eye(top_k, dtype=torch.bool, device=device)), dim=1)
            depths = torch.full((top_k,), committed + forwards - cache.length, device=device)
        following = torch.tensor([tokens[node] for node in frontier], device=device)
        hidden, logits = head.forward(
            hidden, following, cache, depths=depths, visible=sees if top_k > 1 else None
        )
        forwards += 1
    cache.truncate(committed)
    # A stable sort puts an ancestor before a descendant of the same probability.
    order = sorted(range(len(tokens)), key=lambda node: -scores[node])[: shape.nodes]
    best = sorted(node for node in order if scores[node] >= least)
    place = {node: index for index, node in enumerate(best)} | {ROOT: ROOT}
    tree = TokenTree(tuple(tokens[node] for node in best), tuple(place[parents[node]] for node in best))
    return tree, forwards
