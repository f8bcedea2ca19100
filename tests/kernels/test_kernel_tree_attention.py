"""Every implementation of attention, on every instruction set here, against float64."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from lab.errors import UserError
from lab.kernels import cpu as native
from lab.kernels import tree_attention
from lab.kernels.cpu import ISAS
from lab.kernels.tree_attention import Sight, TreeAttention
from lab.kernels.tree_attention.cpu import Cpu
from lab.kernels.tree_attention.reference import Reference
from lab.kernels.tree_attention.sdpa import Sdpa
from lab.kernels.tree_attention.triton import Triton, able
from lab.models.cache import KVCache
from lab.models.config import DecoderConfig
from lab.speculation.tree import TokenTree

CPU, BF16 = torch.device("cpu"), torch.bfloat16
# root -> 1 -> 3 -> 5, root -> 2 -> 4
TREE = TokenTree(tokens=(7, 9, 11, 13, 15), parents=(-1, -1, 0, 1, 2))


@dataclass(frozen=True)
class Case:
    heads: int = 4
    kv_heads: int = 2
    head_dim: int = 16
    window: int | None = None
    kv: str = "bf16"

    @property
    def config(self) -> DecoderConfig:
        return DecoderConfig(
            architecture="LlamaForCausalLM",
            vocabulary=8,
            hidden=16,
            intermediate=16,
            layers=2,
            heads=self.heads,
            kv_heads=self.kv_heads,
            head_dim=self.head_dim,
            norm_eps=1e-5,
            context=1024,
            window=self.window,
            tied=True,
            inv_freq=torch.ones(self.head_dim // 2),
            rope_gain=1.0,
        )


CASES = {
    "plain": Case(),
    "a key head per query head": Case(kv_heads=4),
    "one key head, wide": Case(heads=6, kv_heads=1, head_dim=64),
    "a window within a chunk": Case(window=9),
    "a window over chunks": Case(window=100),
    "8-bit keys and values": Case(kv="int8", head_dim=32),
    "8-bit keys and values, a window": Case(kv="int8", window=70),
}
MAKE: dict[str, Callable[[Case], TreeAttention]] = {
    "reference": lambda _: Reference(),
    "torch": lambda _: Sdpa(),
}
if native.library() is not None:
    for isa in ISAS[: ISAS.index(native.best_isa()) + 1]:
        MAKE[f"cpu, {isa}"] = lambda case, isa=isa: Cpu(case.config, isa)
if find_spec("triton") is not None:  # in its interpreter, which the root conftest switches on
    MAKE["triton"] = lambda case: Triton(case.config)


def asked(case: Case, start: int, rows: int, *, seed: int = 0) -> tuple[Tensor, KVCache]:
    """Queries [rows, heads, head_dim], and a cache in which all slots before start + rows are written."""
    generator = torch.Generator().manual_seed(seed)
    cache = KVCache(case.config, BF16, CPU, case.kv)
    cache.length = start
    cache.reserve(rows)
    shape = (2, case.kv_heads, start + rows, case.head_dim)
    for layer in range(2):
        cache.write(layer, 0, *torch.randn(shape, generator=generator).to(BF16))
    return torch.randn(rows, case.heads, case.head_dim, generator=generator).to(BF16), cache


def sight(case: Case, start: int, rows: int, tree: TokenTree | None = None) -> Sight:
    if tree is None:
        return Sight(start, rows, None, None, case.window, CPU)
    return Sight(start, rows, tree.visible(), torch.tensor(tree.depths()), case.window, CPU)


def exact(queries: Tensor, cache: KVCache, case: Case, found: Sight) -> Tensor:
    """In float64, from the numbers that the cache stands for, a row and a head at a time."""
    held = [tensor.double() for tensor in cache.read(1, found.stop)]
    if cache.key_scales is not None and cache.value_scales is not None:  # as stored, not as read in bf16
        scales = [s[1, :, : found.stop, None].double() for s in (cache.key_scales, cache.value_scales)]
        codes = [c[1, :, : found.stop].double() for c in (cache.keys, cache.values)]
        held = [c * s for c, s in zip(codes, scales, strict=True)]
    keys, values = held
    out = torch.empty(queries.shape, dtype=torch.float64)
    base = found.stop - found.recent
    for row in range(len(queries)):
        position = int(found.depth[row]) + found.start
        slots = list(range(base))
        for column in range(found.recent):
            if found.visible is None:
                if base + column <= found.start + row:
                    slots.append(base + column)
            elif found.visible[row, column]:
                slots.append(base + column)
        if case.window is not None:
            # A row's own past is in the order of its positions, and it is the last of it.
            slots = slots[-case.window :]
        assert position >= len(slots) - 1
        for head in range(case.heads):
            kv = head // (case.heads // case.kv_heads)
            scores = keys[kv, slots] @ queries[row, head].double() / case.head_dim**0.5
            out[row, head] = scores.softmax(0) @ values[kv, slots]
    return out.flatten(1)


@pytest.mark.parametrize("make", MAKE.values(), ids=MAKE.keys())
@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
@pytest.mark.parametrize("start", [0, 3, 64, 130, 300])
@pytest.mark.parametrize("shape", ["one row", "chain", "tree"])
def test_it_is_attention(make: Callable[[Case], TreeAttention], case: Case, start: int, shape: str) -> None:
    if make is MAKE.get("triton") and (start, shape) not in {(0, "chain"), (300, "tree")}:
        pytest.skip("the interpreter is slow")
    tree = TREE if shape == "tree" else None
    rows = {"one row": 1, "chain": 9, "tree": 1 + len(TREE)}[shape]
    queries, cache = asked(case, start, rows)
    found = sight(case, start, rows, tree)
    y, wanted = make(case)(queries, cache, 1, found), exact(queries, cache, case, found)
    assert y.dtype == BF16
    assert y.shape == (rows, case.heads * case.head_dim)
    # Weights, values and the result are rounded to bf16 at most once each: values are about one.
    assert (y.double() - wanted).abs().max() <= 3 * 2**-8 * wanted.abs().max()
    assert (y.double() - wanted).square().mean().sqrt() <= 2**-8 * wanted.square().mean().sqrt() + 2**-10


@pytest.mark.parametrize("make", MAKE.values(), ids=MAKE.keys())
@pytest.mark.parametrize("kv", ["bf16", "int8"])
def test_what_is_behind_the_last_slot_does_not_matter(make: Callable[[Case], TreeAttention], kv: str) -> None:
    case = Case(kv=kv)
    queries, cache = asked(case, 70, 5)
    clean = make(case)(queries, cache, 1, sight(case, 70, 5))
    for held in (cache.keys, cache.values) if kv == "bf16" else (cache.key_scales, cache.value_scales):
        assert held is not None
        held[:, :, 75:] = float("nan")
    assert torch.equal(make(case)(queries, cache, 1, sight(case, 70, 5)), clean)


@pytest.mark.parametrize("make", MAKE.values(), ids=MAKE.keys())
def test_rows_grown_onto_a_tree_see_its_branches(make: Callable[[Case], TreeAttention]) -> None:
    # Two rows, each below one of three that were there before: m = 5.
    case = Case()
    queries, cache = asked(case, 43, 2)
    visible = torch.tensor([[True, False, True, True, False], [True, True, False, False, True]])
    found = Sight(43, 2, visible, torch.tensor([-1, -1]), None, CPU)
    y, wanted = make(case)(queries, cache, 1, found), exact(queries, cache, case, found)
    assert (y.double() - wanted).abs().max() <= 3 * 2**-8 * wanted.abs().max()


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 150), st.integers(1, 64), st.integers(0, 10**6), st.booleans())
def test_the_lab_s_kernel_gives_a_row_the_same_bits_alone(
    start: int, rows: int, seed: int, small: bool
) -> None:
    if "cpu, portable" not in MAKE:
        pytest.skip("installed without a C++ compiler")
    case = Case(kv="int8" if small else "bf16")
    queries, cache = asked(case, start, rows, seed=seed)
    attention = Cpu(case.config)
    together = attention(queries, cache, 1, sight(case, start, rows))
    for row in {0, rows // 2, rows - 1}:
        alone = attention(queries[row : row + 1], cache, 1, sight(case, start + row, 1))
        assert torch.equal(alone[0], together[row])


def test_many_rows_go_through_torch_s_operator() -> None:
    case = Case()
    queries, cache = asked(case, 3, native.BLOCK + 1)
    attention = tree_attention.load(case.config, queries)
    found = sight(case, 3, len(queries))
    assert torch.equal(attention(queries, cache, 0, found), Sdpa()(queries, cache, 0, found))


def test_the_lab_s_kernel_is_preferred_and_others_can_be_pinned() -> None:
    case, like = Case(), torch.empty(0, dtype=BF16)
    best = "torch" if native.library() is None else "cpu"
    assert tree_attention.load(case.config, like).kernel == best
    assert tree_attention.load(case.config, like.float()).kernel == "torch"
    assert tree_attention.load(case.config, like, "reference").kernel == "reference"
    with pytest.raises(UserError, match=r"kernel tree_attention=triton: got .*bfloat16 heads of 16 on cpu"):
        tree_attention.load(case.config, like, "triton")


@pytest.mark.skipif(find_spec("triton") is None, reason="Triton is not installed")
def test_triton_is_preferred_on_cuda_for_heads_that_products_come_in() -> None:
    from torch._subclasses.fake_tensor import FakeTensorMode

    with FakeTensorMode():
        like = torch.empty(0, dtype=BF16, device="cuda")
        assert able(Case().config, like)
        assert not able(Case(head_dim=12).config, like)
        assert not able(Case().config, like.float())
        assert tree_attention.load(Case().config, like).kernel == "triton"
    assert not able(Case().config, torch.empty(0, dtype=BF16))


VARIANTS = """
from lab.kernels.tree_attention.triton import constants
from lab.kernels.tree_attention.triton_source import attend_to_share as kernel

kinds = {"queries": "*bf16", "allowed": "*u8", "first": "*i32", "scale": "fp32"}
kinds |= dict.fromkeys(("most", "sums", "mixed"), "*fp32")
kinds |= dict.fromkeys(("rows", "stop", "recent", "heads", "head_stride", "slots"), "i32")
held = {
    scaled: dict.fromkeys(("keys", "values"), "*i8" if scaled else "*bf16")
    | dict.fromkeys(("key_scales", "value_scales"), "*fp32" if scaled else "*bf16")
    for scaled in (False, True)
}
variants = [
    (kinds | held[scaled], constants(size, group, scaled=scaled))
    for size in (16, 32, 64, 128)
    for group in (1, 3, 8)
    for scaled in (False, True)
]
"""


@pytest.mark.slow
@pytest.mark.skipif(find_spec("triton") is None, reason="Triton is not installed")
@pytest.mark.parametrize("capability", [80, 89, 90])
def test_the_triton_kernel_compiles_without_spilling_registers(
    capability: int, spilled: Callable[[str, int], list[int]]
) -> None:
    assert spilled(VARIANTS, capability) == [0] * 24
