"""A decoder's layers in one call, against the eager ones, on every instruction set of this processor."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import pytest
import torch
from torch import Tensor

from lab.errors import UserError
from lab.kernels import cpu, stack
from lab.kernels.cpu import ISAS, Isa
from lab.kernels.stack.cpu import Cpu
from lab.models.cache import KVCache
from lab.models.config import DecoderConfig
from lab.models.decoder import Decoder, Layer, Taps
from lab.precision import KV_PRECISIONS, int8, rtn
from lab.precision.base import Linear, load_precision
from lab.speculation.tree import TokenTree

pytestmark = pytest.mark.skipif(cpu.library() is None, reason="installed without a C++ compiler")

BF16 = torch.bfloat16
HERE = ISAS[: ISAS.index(cpu.best_isa()) + 1]
PINS = {"dense": "cpu"} | dict.fromkeys(("w4", "w4a8", "w8", "w8a8"), "cpu")
CONTEXT = 200
HIDDEN, INTERMEDIATE, VOCABULARY, LAYERS = 64, 128, 50, 3
TOKENS = torch.randint(0, VOCABULARY, (CONTEXT,), generator=torch.Generator().manual_seed(5))
# root -> 1 -> 3 -> 5, root -> 2 -> 4
TREE = TokenTree(tokens=(7, 9, 11, 13, 15), parents=(-1, -1, 0, 1, 2))


@dataclass(frozen=True)
class Variant:
    heads: int = 4
    kv_heads: int = 2
    head_dim: int = 16
    window: int | None = None
    norms: bool = False
    biases: bool = False
    precision: str = "bf16"
    kv: str = "bf16"


QUANTIZE: dict[str, Callable[[Tensor], Any]] = {
    "rtn-w4": rtn.quantize,
    "w4a8": rtn.quantize,
    "int8": int8.quantize,
    "w8a8": int8.quantize,
}
VARIANTS = {
    "llama": Variant(),
    "llama in 4 bits": Variant(precision="rtn-w4"),
    "llama in 4 bits, rows in 8": Variant(precision="w4a8"),
    "llama in 8 bits": Variant(precision="int8"),
    "llama in 8 bits, rows in 8": Variant(precision="w8a8"),
    "qwen2: biases": Variant(biases=True),
    "qwen3: norms of queries and keys": Variant(norms=True),
    "mistral: a window within a chunk": Variant(window=9),
    "mistral: a window over chunks": Variant(window=100),
    "a key head per query head": Variant(kv_heads=4),
    "one key head": Variant(kv_heads=1),
    "heads that no tile and no vector divides": Variant(head_dim=12),
    "wide heads": Variant(heads=2, kv_heads=1, head_dim=40),
    "keys and values in 8 bits": Variant(kv="int8", precision="rtn-w4"),
    "keys and values in 8 bits, heads that no vector divides": Variant(kv="int8", head_dim=12, window=100),
}


def decoder(variant: Variant, precision: str | None = None, stacked: str | None = None) -> Decoder:
    """A random decoder of bf16 weights, or those of it in `precision`."""
    v, generator = variant, torch.Generator().manual_seed(11)
    made = load_precision(precision or v.precision, PINS if precision is None else {})

    def random(*shape: int, mean: float = 0.0, std: float = 0.3) -> Tensor:
        return (torch.randn(shape, generator=generator) * std + mean).to(BF16)

    def linear(out: int, columns: int) -> Linear:
        weight = random(out, columns)
        bias = random(out) if v.biases else None
        if v.precision != "bf16" and precision is not None:
            weight = QUANTIZE[v.precision](weight).dequantize(torch.float32)
        return made.linear(weight, bias)

    config = DecoderConfig(
        architecture="LlamaForCausalLM",
        vocabulary=VOCABULARY,
        hidden=HIDDEN,
        intermediate=INTERMEDIATE,
        layers=LAYERS,
        heads=v.heads,
        kv_heads=v.kv_heads,
        head_dim=v.head_dim,
        norm_eps=1e-5,
        context=256,
        window=v.window,
        tied=True,
        inv_freq=1.0 / 10000 ** (torch.arange(0, v.head_dim, 2) / v.head_dim),
        rope_gain=1.0,
    )
    q = v.heads * v.head_dim
    layers = [
        Layer(
            input_norm=random(HIDDEN, mean=1.0).to(made.dtype),
            qkv=linear(q + 2 * v.kv_heads * v.head_dim, HIDDEN),
            qk_norm=random(v.heads + v.kv_heads, v.head_dim, mean=1.0).to(made.dtype) if v.norms else None,
            out=linear(HIDDEN, q),
            post_norm=random(HIDDEN, mean=1.0).to(made.dtype),
            gate_up=linear(2 * INTERMEDIATE, HIDDEN),
            down=linear(HIDDEN, INTERMEDIATE),
        )
        for _ in range(LAYERS)
    ]
    table = random(VOCABULARY, HIDDEN, std=1.0).to(made.dtype)
    norm = random(HIDDEN, mean=1.0).to(made.dtype)
    return Decoder(
        config, table, layers, norm, made.head(table), {"stack": stacked} if stacked else None, v.kv
    )


def on(isa: Isa, variant: Variant) -> Decoder:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cpu, "best_isa", lambda: isa)
        made = decoder(variant)
    assert isinstance(made._stack, Cpu)
    return made


@pytest.fixture(params=HERE)
def isa(request: pytest.FixtureRequest) -> Isa:
    found: Isa = request.param
    return found


@pytest.fixture(params=VARIANTS.values(), ids=VARIANTS.keys())
def variant(request: pytest.FixtureRequest) -> Variant:
    found: Variant = request.param
    return found


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def states(model: Decoder, *, from_: int, pieces: list[int]) -> Tensor:
    """What enters and leaves the layers, in float64, of the tokens from `from_` on, read in `pieces`."""
    cache, taps = model.new_cache(), Taps(range(LAYERS + 1))
    for block in TOKENS[:from_].split(64):
        model.forward(block, cache)
    for block in TOKENS[from_ : from_ + sum(pieces)].split(pieces):
        model.forward(block, cache, taps=taps)
    return taps.take().double()


@pytest.mark.parametrize("from_", [1, 60, 150])
def test_it_is_as_near_to_float32_as_the_eager_layers(isa: Isa, variant: Variant, from_: int) -> None:
    pieces = [1, 1, 7, 33]
    exact = states(decoder(variant, "fp32"), from_=from_, pieces=pieces)
    eager = states(decoder(variant, stacked="torch"), from_=from_, pieces=pieces)
    stacked = states(on(isa, variant), from_=from_, pieces=pieces)
    assert stacked.shape == exact.shape
    for error in (lambda found: (found - exact).square().mean(), lambda found: (found - exact).abs().max()):
        # Less is rounded to bf16 between the layers' products, so it is nearer if anything; by the mean,
        # and, at the worst of thousands of numbers, within half as much again.
        assert error(stacked) <= 1.5 * error(eager)
    assert (stacked - exact).square().mean() <= 1.1 * (eager - exact).square().mean()


def plain(model: Decoder, start: int, tokens: Tensor) -> Tensor:
    """Logits of `tokens` behind the first `start`, one step each."""
    cache = model.new_cache()
    for block in TOKENS[:start].split(64):
        model.forward(block, cache)
    return torch.cat([model.forward(token[None], cache) for token in tokens])


@pytest.mark.parametrize("start", [1, 62, 130])
def test_a_chain_and_a_tree_get_the_bits_of_plain_steps(isa: Isa, variant: Variant, start: int) -> None:
    model, cache = on(isa, variant), decoder(variant).new_cache()
    for block in TOKENS[:start].split(64):
        model.forward(block, cache)
    chain = model.forward(TOKENS[50:62], cache)
    assert torch.equal(chain, plain(model, start, TOKENS[50:62]))
    cache.truncate(start)

    rows = torch.tensor([TOKENS[50].item(), *TREE.tokens])
    depths, visible = torch.tensor(TREE.depths()), TREE.visible()
    tree = model.forward(rows, cache, depths=depths, visible=visible)
    for path in ([0, 1, 3, 5], [0, 2, 4]):
        assert torch.equal(tree[path], plain(model, start, rows[path]))
    # The accepted path moves together, and what follows is as if nothing else had been drafted.
    cache.keep(start, [0, 2, 4])
    follows = model.forward(TOKENS[70:71], cache)
    assert torch.equal(follows[-1], plain(model, start, torch.cat((rows[[0, 2, 4]], TOKENS[70:71])))[-1])


@pytest.mark.parametrize("variant", list(VARIANTS.values())[:3], ids=list(VARIANTS)[:3])
def test_threads_do_not_change_a_bit(isa: Isa, variant: Variant) -> None:
    found = []
    for threads in (1, 2, 3):
        torch.set_num_threads(threads)
        found.append(states(on(isa, variant), from_=70, pieces=[1, 5]))
    assert torch.equal(found[0], found[1])
    assert torch.equal(found[0], found[2])


@pytest.mark.parametrize("kv", KV_PRECISIONS)
def test_what_is_not_seen_does_not_matter(isa: Isa, kv: str) -> None:
    model = on(isa, Variant(kv=kv))
    clean, dirty = model.new_cache(), model.new_cache()
    for poisoned in _numbers(dirty):
        poisoned.fill_(float("nan"))
    for block in TOKENS[:70].split([64, 1, 5]):
        assert torch.equal(model.forward(block, dirty), model.forward(block, clean))


def _numbers(cache: KVCache) -> tuple[Tensor, Tensor]:
    """What of a cache's keys and of its values can be no number."""
    if cache.key_scales is None or cache.value_scales is None:
        return cache.keys, cache.values
    return cache.key_scales, cache.value_scales


@pytest.mark.parametrize("kv", KV_PRECISIONS)
@pytest.mark.parametrize("what", [0, 1], ids=["keys", "values"])
def test_a_key_or_value_that_is_seen_and_not_a_number_gives_none(isa: Isa, what: int, kv: str) -> None:
    model = on(isa, Variant(kv=kv))
    cache = model.new_cache()
    model.forward(TOKENS[:64], cache)
    model.forward(TOKENS[64:70], cache)
    _numbers(cache)[what][1, 0, 66] = float("nan")
    assert bool(model.forward(TOKENS[70:71], cache).isnan().any())


def test_a_layer_that_is_tapped_twice_comes_twice(isa: Isa) -> None:
    model, found = on(isa, Variant()), []
    for layers in ((1, 1, LAYERS), (1,), (LAYERS,)):
        taps = Taps(layers)
        model.forward(TOKENS[:4], model.new_cache(), taps=taps)
        found.append(taps.take())
    assert torch.equal(found[0], torch.cat((found[1], *found[1:]), dim=-1))


def test_more_rows_than_it_takes_go_through_the_eager_layers(monkeypatch: pytest.MonkeyPatch) -> None:
    model, ran = on(HERE[-1], Variant()), []
    monkeypatch.setattr(cpu, "stack", lambda _, rows, __: ran.append(rows.n))
    for rows in (1, cpu.BLOCK, cpu.BLOCK + 1):
        model.forward(TOKENS[:rows], model.new_cache())
    assert ran == [1, cpu.BLOCK]


def test_it_is_preferred_and_can_be_pinned_away() -> None:
    assert decoder(Variant()).kernels["stack"] == "cpu"
    assert decoder(Variant(), stacked="torch").kernels["stack"] == "torch"


def test_other_products_leave_it_to_the_eager_layers() -> None:
    model, torchs = decoder(Variant()), load_precision("bf16", {"dense": "torch"})
    pinned = replace(model.layers[0], out=torchs.linear(torch.zeros(64, 64), None))
    assert stack.pack(model.config, [pinned]) is None
    with pytest.raises(UserError, match=r"kernel stack=cpu: got .* whose products are those of cpu, torch"):
        stack.pack(model.config, [pinned], "cpu")


def test_an_mlp_that_no_tile_divides_leaves_it_to_the_eager_layers() -> None:
    model = decoder(Variant())
    assert stack.pack(replace(model.config, intermediate=INTERMEDIATE - 2), model.layers) is None
