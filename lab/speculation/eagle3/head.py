"""The head: fused features of three target layers and the next token, through one decoder layer, to logits.

    e = input_norm(embedding(token)), x = hidden_norm(hidden)
    h = hidden + attention([e, x]);  h = h + mlp(post_norm(h));  logits = head(norm(h))

`hidden` is the fused feature of the token before, where the target has been there, and the head's own output
h where it has not. So entry i of its cache holds the feature of token i and the embedding of token i + 1.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from lab.kernels import stack, tree_attention
from lab.models.cache import KVCache
from lab.models.config import DecoderConfig
from lab.models.decoder import Layer, Rotary, attend, sight_of
from lab.precision.base import Linear


@dataclass(frozen=True, slots=True)
class HeadConfig:
    """The shape of a head.

    Attributes:
        decoder: of its one layer; `vocabulary` is the draft's.
        taps: the target layers whose entering hidden states are fused.
        norm_before_residual: the residual is hidden_norm(hidden), not hidden.
        trained_context: positions it was trained on; acceptance collapses beyond.
        layout: of the files it came from.
    """

    decoder: DecoderConfig
    taps: tuple[int, ...]
    norm_before_residual: bool
    trained_context: int
    layout: str


class Head:
    """A head on a device, in the target's dtype.

    Args:
        embedding: [target vocabulary, hidden], mostly the target's own.
        layer: `qkv` takes [e, x], 2 * hidden wide; `input_norm` is e's.
        target_ids: int64 [draft vocabulary], the target's token of each draft token.
    """

    def __init__(
        self,
        config: HeadConfig,
        embedding: Tensor,
        fuse: Linear,
        layer: Layer,
        hidden_norm: Tensor,
        norm: Tensor,
        head: Linear,
        target_ids: Tensor,
    ):
        self.config, self.embedding, self.target_ids = config, embedding, target_ids
        self._fuse, self._layer, self._hidden_norm, self._norm, self._head = (
            *(fuse, layer, hidden_norm, norm, head),
        )
        self._rotary = Rotary(config.decoder, embedding)
        self._stack = stack.pack(config.decoder, [layer])
        self._attention = tree_attention.load(config.decoder, embedding)

    @property
    def forward_bytes(self) -> int:
        """Bytes of weights that one forward reads, but for the embedding's rows."""
        norms = sum(t.numel() * t.element_size() for t in (self._hidden_norm, self._norm))
        return norms + self._layer.stored_bytes + self._head.stored_bytes

    @property
    def fuse_bytes(self) -> int:
        """Bytes of weights that one fusion reads."""
        return self._fuse.stored_bytes

    def new_cache(self) -> KVCache:
        return KVCache(self.config.decoder, self.embedding.dtype, self.embedding.device)

    def fuse(self, features: Tensor) -> Tensor:
        """[n, 3 * hidden] of the target -> [n, hidden]."""
        return self._fuse(features)

    def forward(
        self,
        hidden: Tensor,
        tokens: Tensor,
        cache: KVCache,
        *,
        depths: Tensor | None = None,
        visible: Tensor | None = None,
        last_only: bool = False,
    ) -> tuple[Tensor, Tensor]:
        """One pass over n entries, which are written behind `cache.length` (which moves on).

        Args:
            hidden: [n, hidden], fused features or outputs of this function.
            tokens: int64 [n], the target's ids of the tokens behind them.
            depths, visible: as `Decoder.forward` takes them.
            last_only: return the last row alone.

        Returns:
            The hidden states to go on from [n, hidden], and float32 logits [n, draft vocabulary].
        """
        c, rows, start = self.config.decoder, len(tokens), cache.length
        cache.reserve(rows)
        rotation = self._rotary.at(start, rows, depths)
        shape, eps = (c.hidden,), c.norm_eps
        e = F.rms_norm(self.embedding[tokens], shape, self._layer.input_norm, eps)
        x = F.rms_norm(hidden, shape, self._hidden_norm, eps)
        wide = torch.cat((e, x), dim=-1)
        h = x if self.config.norm_before_residual else hidden
        if self._stack is not None and rows <= self._stack.most_rows:
            h, _ = self._stack(h, rotation, cache, visible, heads_take=wide)
            h = h[-1:] if last_only else h
        else:
            sight = sight_of(c, cache, rows, depths, visible)
            h = h + self._layer.out(attend(c, self._layer, wide, rotation, cache, 0, sight, self._attention))
            h = h[-1:] if last_only else h
            gate, up = self._layer.gate_up(F.rms_norm(h, shape, self._layer.post_norm, eps)).chunk(2, dim=-1)
            h = h + self._layer.down(F.silu(gate) * up)
        cache.length = start + rows
        return h, self._head(F.rms_norm(h, shape, self._norm, eps)).float()
