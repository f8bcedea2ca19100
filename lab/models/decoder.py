"""The native engine's decoder: Llama, Mistral, Qwen2 and Qwen3, one sequence at a time.

`Rotary`, `sight_of` and `attend` serve every layer of that kind, also one that drafts. Query, key and value
projections are one matmul, as are gate and up. The layers are eager torch around op `tree_attention`, or op
`stack` where it runs them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from torch import Tensor

from lab.kernels import stack, tree_attention
from lab.kernels.tree_attention import Attention, Sight
from lab.models.cache import KVCache
from lab.models.config import DecoderConfig
from lab.precision.base import Linear

# Rows of one forward over a prompt; bounds the attention mask's memory.
PREFILL_ROWS = 512


@dataclass(frozen=True, slots=True)
class Layer:
    """The weights of one decoder layer.

    `qk_norm` is the gain of the per-head q and k norms [heads + kv_heads, head_dim], None without them.
    """

    input_norm: Tensor
    qkv: Linear
    qk_norm: Tensor | None
    out: Linear
    post_norm: Tensor
    gate_up: Linear
    down: Linear

    @property
    def linears(self) -> tuple[Linear, ...]:
        return self.qkv, self.out, self.gate_up, self.down

    @property
    def stored_bytes(self) -> int:
        """Bytes that a forward reads of this layer."""
        norms = sum(_nbytes(t) for t in (self.input_norm, self.post_norm, self.qk_norm) if t is not None)
        return norms + sum(linear.stored_bytes for linear in self.linears)


class Taps:
    """Collects, in a forward, the hidden states that enter some of the layers.

    Args:
        layers: indices, ascending; one may come twice, and the number of layers means what leaves the last.
    """

    def __init__(self, layers: Sequence[int]):
        self.layers = tuple(layers)
        self._states: list[Tensor] = []

    def see(self, layer: int, state: Tensor) -> None:
        self._states += [state] * self.layers.count(layer)

    def add(self, states: Tensor) -> None:
        """The states [layers, n, hidden] of a whole forward."""
        self._states += states.unbind()

    def clear(self) -> None:
        self._states = []

    def take(self, rows: Sequence[int] | None = None) -> Tensor:
        """The states of all forwards since the last time, side by side: [tokens, layers * hidden].

        Args:
            rows: of these tokens alone.
        """
        size = len(self.layers)
        if size == 0:
            return torch.empty(0)
        forwards = [self._states[at : at + size] for at in range(0, len(self._states), size)]
        self._states = []
        states = torch.cat([torch.cat(states, dim=-1) for states in forwards])
        return states if rows is None else states[rows]


class Rotary:
    """Rope's cosines and sines of every position, in the model's dtype."""

    def __init__(self, config: DecoderConfig, like: Tensor):
        angles = torch.outer(torch.arange(config.context, dtype=torch.float32), config.inv_freq)
        cos, sin = angles.cos() * config.rope_gain, angles.sin() * config.rope_gain
        # Rotation as x * cos + roll(x, half) * sin, the sign of rotate-half folded into the sines.
        self._cos = torch.cat((cos, cos), dim=-1).to(like)
        self._sin = torch.cat((-sin, sin), dim=-1).to(like)

    def at(self, start: int, rows: int, depths: Tensor | None) -> tuple[Tensor, Tensor]:
        """Cosines and sines [rows, 1, head_dim] of the positions `start` + depths, or + 0, 1, .. without."""
        if depths is None:
            return self._cos[start : start + rows, None], self._sin[start : start + rows, None]
        return self._cos[depths + start][:, None], self._sin[depths + start][:, None]


def sight_of(
    config: DecoderConfig, cache: KVCache, rows: int, depths: Tensor | None, visible: Tensor | None
) -> Sight:
    """What `rows` new rows see, with `depths` and `visible` as `Decoder.forward` takes them."""
    return Sight(cache.length, rows, visible, depths, config.window, cache.keys.device)


def attend(
    config: DecoderConfig,
    layer: Layer,
    h: Tensor,
    rotation: tuple[Tensor, Tensor],
    cache: KVCache,
    index: int,
    sight: Sight,
    attention: Attention,
) -> Tensor:
    """What a layer's heads bring of the normed rows h [n, width]: [n, heads * head_dim].

    Keys and values of the rows are written to the cache as those of layer `index`, behind its length.
    """
    c, rows, (cos, sin) = config, len(h), rotation
    qkv = layer.qkv(h).view(rows, c.heads + 2 * c.kv_heads, c.head_dim)
    qk, v = qkv[:, : c.heads + c.kv_heads], qkv[:, c.heads + c.kv_heads :]
    if layer.qk_norm is not None:
        qk = F.rms_norm(qk, (c.head_dim,), None, c.norm_eps) * layer.qk_norm
    qk = torch.addcmul(qk * cos, qk.roll(c.head_dim // 2, -1), sin)
    cache.write(index, sight.start, qk[:, c.heads :].transpose(0, 1), v.transpose(0, 1))
    return attention(qk[:, : c.heads], cache, index, sight)


class Decoder:
    """A decoder-only transformer over a KVCache.

    Args:
        kernels: pinned implementations, of ops `stack` and `tree_attention`; for the rest the best.
        kv: how its caches keep keys and values, one of `lab.precision.KV_PRECISIONS`.
    """

    def __init__(
        self,
        config: DecoderConfig,
        embedding: Tensor,
        layers: list[Layer],
        norm: Tensor,
        head: Linear,
        kernels: Mapping[str, str] | None = None,
        kv: str = "bf16",
    ):
        pins = kernels or {}
        self.config, self.embedding, self.layers, self.norm, self.head = config, embedding, layers, norm, head
        self.kv = kv
        self._rotary = Rotary(config, embedding)
        # Op `stack` attends by itself: whoever names an attention wants the layers one by one.
        stacked = pins.get("stack", "torch" if "tree_attention" in pins else None)
        self._stack = stack.pack(config, layers, stacked)
        self._attention = tree_attention.load(config, embedding, pins.get("tree_attention"))

    @property
    def device(self) -> torch.device:
        return self.embedding.device

    @property
    def kernels(self) -> dict[str, str]:
        """The implementations of its own ops that run; op `stack` attends by itself."""
        if self._stack is not None:
            return {"stack": self._stack.kernel}
        return {"stack": "torch", "tree_attention": self._attention.kernel}

    @property
    def stored_bytes(self) -> int:
        """Bytes of all weights as stored; a tied head counts once, as the head."""
        embedding = 0 if self.config.tied else _nbytes(self.embedding)
        return embedding + self.forward_bytes(0)

    def forward_bytes(self, rows: int) -> int:
        """Bytes of weights that one forward of `rows` tokens reads: everything but the embedding, of which
        only the rows looked up count."""
        lookup = rows * self.config.hidden * self.embedding.element_size()
        return (
            lookup
            + sum(layer.stored_bytes for layer in self.layers)
            + _nbytes(self.norm)
            + self.head.stored_bytes
        )

    def new_cache(self) -> KVCache:
        return KVCache(self.config, self.embedding.dtype, self.device, self.kv)

    @torch.inference_mode()
    def forward(
        self,
        tokens: Tensor,
        cache: KVCache,
        *,
        depths: Tensor | None = None,
        visible: Tensor | None = None,
        last_only: bool = False,
        taps: Taps | None = None,
    ) -> Tensor:
        """Logits of `tokens`, whose keys and values are written behind `cache.length` (which moves on).

        Args:
            tokens: int64 [n].
            depths: int64 [n], positions relative to the first free slot; 0, 1, .. n-1 when None.
            visible: bool [n, m], m >= n: which of the last m rows, the new ones included, each new row sees;
                a causal triangle over the new ones when None. Every row sees all rows before those.
            last_only: compute the logits of the last row alone.
            taps: is shown the hidden states of all rows.

        Returns:
            float32 [n, vocabulary], or [1, vocabulary] with `last_only`.
        """
        c, rows, start = self.config, len(tokens), cache.length
        # A plain step pays nothing for what nobody wants.
        tapped = taps if taps is not None and taps.layers else None
        cache.reserve(rows)
        rotation = self._rotary.at(start, rows, depths)
        x = self.embedding[tokens]
        if self._stack is not None and rows <= self._stack.most_rows:
            wanted = () if tapped is None else tapped.layers
            x, states = self._stack(x, rotation, cache, visible, wanted)
            if tapped is not None:
                tapped.add(states)
        else:
            x = self._each(x, rotation, cache, sight_of(c, cache, rows, depths, visible), tapped)
        cache.length = start + rows
        x = F.rms_norm(x[-1:] if last_only else x, (c.hidden,), self.norm, c.norm_eps)
        return self.head(x).float()

    @torch.inference_mode()
    def attended(self, layer: Layer, h: Tensor) -> Tensor:
        """What a layer's heads bring of a whole sequence: normed [n, hidden] -> [n, heads * head_dim]."""
        config = replace(self.config, layers=1)
        cache = KVCache(config, h.dtype, self.device)
        cache.reserve(len(h))
        rotation, sight = self._rotary.at(0, len(h), None), sight_of(config, cache, len(h), None, None)
        return attend(config, layer, h, rotation, cache, 0, sight, self._attention)

    def _each(
        self,
        x: Tensor,
        rotation: tuple[Tensor, Tensor],
        cache: KVCache,
        sight: Sight,
        taps: Taps | None,
    ) -> Tensor:
        """The layers one after the other, from x [n, hidden] to what leaves the last."""
        c = self.config
        for index, layer in enumerate(self.layers):
            if taps is not None:
                taps.see(index, x)
            h = F.rms_norm(x, (c.hidden,), layer.input_norm, c.norm_eps)
            x = x + layer.out(attend(c, layer, h, rotation, cache, index, sight, self._attention))
            h = F.rms_norm(x, (c.hidden,), layer.post_norm, c.norm_eps)
            gate, up = layer.gate_up(h).chunk(2, dim=-1)
            x = x + layer.down(F.silu(gate) * up)
        if taps is not None:
            taps.see(len(self.layers), x)
        return x


def _nbytes(tensor: Tensor) -> int:
    return tensor.numel() * tensor.element_size()
