"""EAGLE-3 in the native engine: replies stay as they are, and the head sees the target's own features."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from lab.engines.base import Decoding, Prompt
from lab.engines.native import NativeEngine
from lab.errors import UserError
from lab.models.config import read_config
from lab.models.decoder import Taps
from lab.speculation.eagle3.checkpoint import write_head
from lab.speculation.eagle3.head import HeadConfig
from lab.speculation.options import DraftOptions

Make = Callable[..., NativeEngine]
MakePrompt = Callable[..., Prompt]
TEXTS = ["hello", "abcabcabcabcabcabc", '{"city": "Oslo", "days": 3}']
each_tree = pytest.mark.parametrize("tree", ["chain-4", "tree-3x8x40"])


@pytest.fixture(scope="module")
def head_folder(model_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random head over half of the tiny model's vocabulary."""
    config, draft, h = read_config(model_folder), 129, 32
    torch.manual_seed(3)

    def weight(rows: int, columns: int) -> torch.Tensor:
        return torch.randn(rows, columns) / columns**0.5

    at, kv = "midlayer.", config.kv_width // 2
    tensors = {
        "fc.weight": weight(h, 3 * h),
        **{f"{at}{name}.weight": torch.ones(h) for name in ("input_layernorm", "hidden_norm")},
        f"{at}post_attention_layernorm.weight": torch.ones(h),
        f"{at}self_attn.q_proj.weight": weight(h, 2 * h),
        f"{at}self_attn.k_proj.weight": weight(kv, 2 * h),
        f"{at}self_attn.v_proj.weight": weight(kv, 2 * h),
        f"{at}self_attn.o_proj.weight": weight(h, h),
        f"{at}mlp.gate_proj.weight": weight(64, h),
        f"{at}mlp.up_proj.weight": weight(64, h),
        f"{at}mlp.down_proj.weight": weight(h, 64),
        "norm.weight": torch.ones(h),
        "lm_head.weight": weight(draft, h),
        "d2t": torch.arange(draft),
    }
    folder = tmp_path_factory.mktemp("head") / "tiny-head"
    shape = dataclasses.replace(config, vocabulary=draft, layers=1)
    write_head(folder, tensors, HeadConfig(shape, (0, 1, 1), False, 512, "EAGLE"), config.vocabulary)
    return folder


@pytest.fixture
def eagle(engine: Make, head_folder: Path) -> Callable[[str], NativeEngine]:
    return lambda tree: engine("eagle3", draft=DraftOptions(tree=tree, head=head_folder))


@each_tree
def test_drafts_leave_greedy_replies_as_they_are(
    engine: Make, eagle: Callable[[str], NativeEngine], prompt: MakePrompt, tree: str
) -> None:
    plain, made = engine(), eagle(tree)
    accepted = 0
    for text in TEXTS:
        expected, got = (each.generate(prompt(text), Decoding(40)) for each in (plain, made))
        assert got.token_ids == expected.token_ids
        assert got.margins == pytest.approx(expected.margins, abs=1e-3)
        assert all(step.kind == "verify" for step in got.steps[:-1])
        assert all(step.draft_bytes > 0 for step in got.steps[:-1])
        accepted += sum(step.accepted for step in got.steps)
    assert accepted > 0 or tree.startswith("chain")


@each_tree
def test_the_head_has_the_features_of_every_token_that_the_target_has_read(
    eagle: Callable[[str], NativeEngine], prompt: MakePrompt, tree: str
) -> None:
    made = eagle(tree)
    for text in ("hello", "hello there", "hello there, you"):
        made.generate(prompt(text), Decoding(20))
        drafter, decoder = made.drafter, made.decoder
        taps = Taps(drafter.taps)
        tokens = torch.tensor(drafter._tokens[:-1])
        decoder.forward(tokens, decoder.new_cache(), taps=taps)
        assert drafter._features == len(tokens) == len(made._cached)
        torch.testing.assert_close(
            drafter._fused[: len(tokens)], drafter.head.fuse(taps.take()), rtol=1e-3, atol=1e-3
        )


def test_the_noise_of_margins_is_measured_at_the_trees_size(
    eagle: Callable[[str], NativeEngine], prompt: MakePrompt
) -> None:
    made = eagle("tree-3x8x40")
    rows: list[int] = []
    forward = made.decoder.forward

    def watched(tokens: torch.Tensor, *rest: object, **more: object) -> torch.Tensor:
        rows.append(len(tokens))
        return forward(tokens, *rest, **more)

    made.decoder.forward = watched  # type: ignore[method-assign]
    made.margin_noise(prompt("hello"), Decoding(60), list(range(60)))
    assert 41 in rows


def test_without_a_head_there_is_no_eagle3(engine: Make) -> None:
    with pytest.raises(UserError, match="got no draft head, expected a trained one: --draft-head DIR"):
        engine("eagle3")
