"""The dynamic token tree (EAGLE-2, arXiv 2406.16858): grown where the head is sure, cut to the best nodes.

Each depth expands the `top_k` likeliest paths; of all nodes seen, the likeliest `nodes` are kept. A path's
probability never exceeds its beginning's, so with a node its ancestors are kept. `top_k` 1 is a chain.
Where no path is as likely as `confidence` any more, drafting ends: what is hardly accepted costs a forward of
the head and rows to verify.
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
    # Per level: draft tokens as the target's ids, log-probability of the path, and the parent, a node.
    paths, drafts = logits.log_softmax(-1).topk(top_k, dim=-1)
    tokens, scores = [head.target_ids[drafts[0]]], [paths[0]]
    parents = [torch.full((top_k,), ROOT, device=device)]
    # The nodes to expand, the hidden state that leads to each, and which expanded nodes each one sees.
    frontier = torch.arange(top_k, device=device)
    states = hidden.expand(top_k, -1)
    sees = torch.eye(top_k, dtype=torch.bool, device=device)
    seen = top_k
    forwards = 0
    for level in range(1, shape.depth):
        # Asked only if wanted: on a GPU the answer is waited for.
        if shape.confidence > 0 and float(scores[-1].max()) < least:
            break
        forwards += 1
        rows = len(frontier)
        depths = torch.full((rows,), committed + level - 1 - cache.length, device=device)
        states, logits = head.forward(
            states, tokens[-1][frontier], cache, depths=depths, visible=None if rows == 1 else sees
        )
        paths, drafts = logits.log_softmax(-1).topk(top_k, dim=-1)
        total = (scores[-1][frontier, None] + paths).flatten()
        tokens.append(head.target_ids[drafts.flatten()])
        scores.append(total)
        offset = seen - len(scores[-2])
        parents.append((frontier + offset).repeat_interleave(top_k))
        seen += len(total)
        frontier = total.topk(min(top_k, len(total))).indices.sort().values
        origin = frontier // top_k
        states = states[origin]
        sees = torch.cat((sees[origin], torch.eye(len(frontier), dtype=torch.bool, device=device)), dim=1)
    cache.truncate(committed)
    all_scores = torch.cat(scores)
    # A stable sort puts an ancestor before a descendant of the same probability.
    order = all_scores.sort(descending=True, stable=True)
    best = order.indices[: shape.nodes]
    best = best[all_scores[best] >= least].sort().values
    place = torch.full((seen + 1,), ROOT, device=device)
    place[best] = torch.arange(len(best), device=device)
    return (
        TokenTree(tuple(torch.cat(tokens)[best].tolist()), tuple(place[torch.cat(parents)[best]].tolist())),
        forwards,
    )
