"""The head as a module, and its unrolling over its own drafts (training-time test, arXiv 2503.01840).

Step 0 reads the target's features; step s reads what step s - 1 put out for the place before, as in drafting.
A row of step s attends to the entries of step 0 up to where its draft began, and to its own entries of steps
1 .. s. Only rows whose next tokens are replies are unrolled; all others give keys and values alone.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lab.speculation.eagle3.head import HeadConfig

# Sizes of the products are made up to multiples of this. oneDNN compiles a kernel for every size that it
# meets in bf16, and sequences would hardly ever share one.
_BLOCK = 64


class _Attention(nn.Module):
    def __init__(self, hidden: int, heads: int, kv_heads: int, head_dim: int):
        super().__init__()
        self.q_proj = nn.Linear(2 * hidden, heads * head_dim, bias=False)
        self.k_proj = nn.Linear(2 * hidden, kv_heads * head_dim, bias=False)
        self.v_proj = nn.Linear(2 * hidden, kv_heads * head_dim, bias=False)
        self.o_proj = nn.Linear(heads * head_dim, hidden, bias=False)


class _Mlp(nn.Module):
    def __init__(self, hidden: int, intermediate: int):
        super().__init__()
        self.gate_proj = nn.Linear(hidden, intermediate, bias=False)
        self.up_proj = nn.Linear(hidden, intermediate, bias=False)
        self.down_proj = nn.Linear(intermediate, hidden, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.down_proj(F.silu(self.gate_proj(x)) * self.up_proj(x))
        return out


class _Layer(nn.Module):
    def __init__(self, config: HeadConfig):
        super().__init__()
        c = config.decoder
        self.self_attn = _Attention(c.hidden, c.heads, c.kv_heads, c.head_dim)
        self.mlp = _Mlp(c.hidden, c.intermediate)
        self.hidden_norm = nn.RMSNorm(c.hidden, c.norm_eps)
        self.input_layernorm = nn.RMSNorm(c.hidden, c.norm_eps)
        self.post_attention_layernorm = nn.RMSNorm(c.hidden, c.norm_eps)


@dataclass(frozen=True, slots=True)
class Unrolled:
    """One step of the unrolling.

    Attributes:
        loss: sum over the rows of the cross-entropy (nats) between target and draft.
        rows: whose next token is a reply's; `counted` of them have it in the draft vocabulary, and of `hits`
            the head's likeliest token is it.
    """

    loss: Tensor
    rows: int
    counted: int
    hits: int


class TrainableHead(nn.Module):
    """A head in float32 whose parameters bear the names of the EAGLE layout.

    Args:
        embedding: the target's, [vocabulary, hidden]; it is not trained.
        final_norm, output: the target's last norm [hidden] and its head [vocabulary, hidden], not trained:
            they give the distribution that is learnt.
        ids: int64 [draft vocabulary], the target's ids of the draft's tokens, ascending.
    """

    embedding: Tensor
    final_norm: Tensor
    output: Tensor
    target_ids: Tensor
    drafted: Tensor
    cos: Tensor
    sin: Tensor

    def __init__(
        self, config: HeadConfig, embedding: Tensor, final_norm: Tensor, output: Tensor, ids: Tensor
    ):
        super().__init__()
        c = config.decoder
        self.config = config
        self.fc = nn.Linear(3 * c.hidden, c.hidden, bias=False)
        self.midlayer = _Layer(config)
        self.norm = nn.RMSNorm(c.hidden, c.norm_eps)
        self.lm_head = nn.Linear(c.hidden, c.vocabulary, bias=False)
        drafted = torch.zeros(len(embedding), dtype=torch.bool, device=embedding.device)
        drafted[ids] = True
        frozen = {"embedding": embedding, "final_norm": final_norm, "output": output[ids]}
        for name, tensor in frozen.items():
            self.register_buffer(name, tensor.float(), persistent=False)
        self.register_buffer("target_ids", ids, persistent=False)
        self.register_buffer("drafted", drafted, persistent=False)
        angles = torch.outer(torch.arange(c.context, dtype=torch.float32), c.inv_freq)
        turns = torch.cat((angles, angles), dim=-1).to(embedding.device)
        self.register_buffer("cos", turns.cos() * c.rope_gain, persistent=False)
        self.register_buffer("sin", turns.sin() * c.rope_gain, persistent=False)
        with torch.no_grad():
            # The target's own reading of its last hidden state is where the head begins.
            self.lm_head.weight.copy_(output[ids])
            self.norm.weight.copy_(final_norm)

    def tensors(self) -> dict[str, Tensor]:
        """What a checkpoint holds, in bf16, by the names of the EAGLE layout."""
        places = torch.arange(len(self.target_ids), device=self.target_ids.device)
        weights = {
            name: weight.detach().to(torch.bfloat16).cpu() for name, weight in self.state_dict().items()
        }
        return weights | {"d2t": (self.target_ids - places).cpu(), "t2d": self.drafted.cpu()}

    def unroll(self, ids: Tensor, learn: Tensor, features: Tensor, steps: int) -> list[Unrolled]:
        """The losses of `steps` steps over one sequence.

        Args:
            ids: int64 [n + 1]; learn: bool [n + 1]; features: float32 [n, 4 * hidden], as in `Seen`.
        """
        c, n = self.config.decoder, len(features)
        # Row p reads token p + 1 and predicts token p + 2. A draft begins behind a reply's own token.
        rows = (learn[1:-1] & learn[2:]).nonzero()[:, 0]
        # The target's own distribution of token i + 1, for every i that a row comes to.
        wanted, reads = self._wanted(features[:, 3 * c.hidden :], learn)
        meant = torch.arange(len(rows) + -len(rows) % _BLOCK, device=ids.device) < len(rows)
        rows, extra = F.pad(rows, (0, len(meant) - len(rows))), -n % _BLOCK
        fused = F.pad(features[:, : 3 * c.hidden], (0, 0, 0, extra))
        hidden = self.fc(fused).float()
        entries = torch.arange(n + extra, device=ids.device)
        keys, values = self._keys(hidden, F.pad(ids[1:], (0, extra)), entries)
        causal = entries[None] <= rows[:, None]
        own: list[tuple[Tensor, Tensor]] = []
        state, unrolled = hidden[rows], []
        for step in range(steps):
            # Where the sequence ends before a row's draft, its last place stands in and is not counted.
            places = (rows + step).clamp(max=n - 2)
            meant = meant & (rows + step == places)
            if step:
                own.append(self._keys(state, ids[places + 1], places))
            state = self._layer(state, ids[places + 1], places, keys, values, causal, own)
            tokens, counts = ids[places + 2], meant & learn[places + 2]
            unrolled.append(self._score(state, tokens, counts, wanted[reads[places + 1]]))
        return unrolled

    def _wanted(self, last: Tensor, learn: Tensor) -> tuple[Tensor, Tensor]:
        """Probabilities over the draft vocabulary where a reply's token comes next, and where each lies."""
        before = learn[1:].nonzero()[:, 0]
        with torch.no_grad(), torch.autocast(last.device.type, enabled=False):
            normed = F.rms_norm(
                last[before], (last.shape[-1],), self.final_norm, self.config.decoder.norm_eps
            )
            wanted = F.linear(normed, self.output).softmax(-1)
        reads = torch.zeros(len(learn), dtype=torch.int64, device=learn.device)
        reads[before] = torch.arange(len(before), device=learn.device)
        return wanted, reads

    def _inputs(self, state: Tensor, tokens: Tensor) -> Tensor:
        embedded = self.midlayer.input_layernorm(self.embedding[tokens])
        return torch.cat((embedded, self.midlayer.hidden_norm(state)), dim=-1)

    def _keys(self, state: Tensor, tokens: Tensor, places: Tensor) -> tuple[Tensor, Tensor]:
        """Keys and values [n, kv heads, head_dim] of entries."""
        c, inputs = self.config.decoder, self._inputs(state, tokens)
        shape = (len(tokens), c.kv_heads, c.head_dim)
        attention = self.midlayer.self_attn
        return self._turn(attention.k_proj(inputs).view(shape), places), attention.v_proj(inputs).view(shape)

    def _turn(self, x: Tensor, places: Tensor) -> Tensor:
        half = x.shape[-1] // 2
        turned = torch.cat((-x[..., half:], x[..., :half]), dim=-1)
        return x * self.cos[places, None] + turned * self.sin[places, None]

    def _layer(
        self,
        state: Tensor,
        tokens: Tensor,
        places: Tensor,
        keys: Tensor,
        values: Tensor,
        causal: Tensor,
        own: list[tuple[Tensor, Tensor]],
    ) -> Tensor:
        c, layer = self.config.decoder, self.midlayer
        inputs, groups = self._inputs(state, tokens), c.heads // c.kv_heads
        query = layer.self_attn.q_proj(inputs).view(len(tokens), c.heads, c.head_dim)
        query = self._turn(query, places).view(len(tokens), c.kv_heads, groups, c.head_dim)
        scores = torch.einsum("rkgd,nkd->rkgn", query, keys).masked_fill(
            ~causal[:, None, None], float("-inf")
        )
        drafted = [torch.einsum("rkgd,rkd->rkg", query, key)[..., None] for key, _ in own]
        weights = (torch.cat([scores, *drafted], dim=-1) * c.head_dim**-0.5).softmax(-1)
        n = len(keys)
        attended = torch.einsum("rkgn,nkd->rkgd", weights[..., :n], values)
        for step, (_, value) in enumerate(own):
            attended = attended + weights[..., n + step, None] * value[:, :, None]
        residual = layer.hidden_norm(state) if self.config.norm_before_residual else state
        h = residual + layer.self_attn.o_proj(attended.flatten(1))
        out: Tensor = h + layer.mlp(layer.post_attention_layernorm(h))
        return out

    def _score(self, state: Tensor, tokens: Tensor, learn: Tensor, wanted: Tensor) -> Unrolled:
        counts = learn & self.drafted[tokens]
        logits = self.lm_head(self.norm(state)).float()
        loss = -(wanted * logits.log_softmax(-1)).sum(-1)[counts].sum()
        hits = int((self.target_ids[logits.argmax(-1)] == tokens)[counts].sum())
        return Unrolled(loss, int(learn.sum()), int(counts.sum()), hits)


def draft_vocabulary(counts: Tensor, size: int) -> Tensor:
    """The `size` most frequent tokens of the target's replies, ascending; ties go to the smaller id.

    Args:
        counts: int64 [vocabulary].
    """
    order = counts.sort(descending=True, stable=True).indices[:size]
    return order.sort().values
