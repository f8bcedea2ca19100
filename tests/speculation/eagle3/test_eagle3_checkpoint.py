"""The published layouts are read alike, and what does not fit is told with both sides."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from lab.errors import UserError
from lab.kernels import cpu
from lab.speculation.eagle3.checkpoint import WEIGHTS, default_taps, load_head, read_head_config


def change(folder: Path, **changes: object) -> dict:
    path = folder / "config.json"
    raw = json.loads(path.read_text()) | changes
    raw = {key: value for key, value in raw.items() if value is not None}
    path.write_text(json.dumps(raw))
    return raw


def output(folder: Path, target, **options: object) -> torch.Tensor:
    head = load_head(folder, target, **options)
    hidden = torch.linspace(-1, 1, 3 * 16).view(3, 16)
    return head.forward(hidden, torch.tensor([5, 6, 7]), head.new_cache())[1]


def test_what_is_written_is_read(folder, target, tensors, head_config) -> None:
    head = load_head(folder, target)
    assert head.config.taps == (2, 3, 3) == default_taps(6)
    assert head.config.layout == "EAGLE"
    assert head.config.trained_context == 64
    assert (head.config.decoder.context, head.config.decoder.vocabulary) == (128, 24)
    torch.testing.assert_close(head.config.decoder.inv_freq, head_config.decoder.inv_freq)
    assert head.target_ids.tolist() == [*range(0, 32, 2), *range(32, 40)]
    torch.testing.assert_close(head.fuse(torch.eye(48)), tensors["fc.weight"].T)
    assert head.embedding is target.embedding


def test_a_head_may_be_held_in_8_bits_and_is_where_the_labs_kernel_multiplies_it(folder, target) -> None:
    assert (
        load_head(folder, target, precision="int8").forward_bytes == load_head(folder, target).forward_bytes
    )
    target.embedding = target.embedding.to(torch.bfloat16)
    heads = {held: load_head(folder, target, precision=held) for held in ("target", "int8", "auto")}
    numbers = sum(t.numel() for t in (heads["target"]._hidden_norm, heads["target"]._norm))
    whole, half = (heads[held].forward_bytes - 2 * numbers for held in ("target", "int8"))
    assert 0.5 * whole < half < 0.75 * whole  # small rows: their scales count
    assert (
        heads["auto"].forward_bytes == heads["int8" if cpu.able(target.embedding) else "target"].forward_bytes
    )
    hidden = torch.linspace(-1, 1, 3 * 16).view(3, 16).bfloat16()
    exact, rounded = (
        heads[held].forward(hidden, torch.tensor([5, 6, 7]), heads[held].new_cache())[1]
        for held in ("target", "int8")
    )
    torch.testing.assert_close(rounded, exact, rtol=0, atol=0.1 * exact.std().item())


def test_the_speculators_layout_gives_the_same_head(folder, target) -> None:
    expected = output(folder, target)
    raw = json.loads((folder / "config.json").read_text())
    layer = {key: value for key, value in raw.items() if "eagle" not in key and key != "architectures"}
    (folder / "config.json").write_text(
        json.dumps(
            {
                "speculators_model_type": "eagle3",
                "architectures": ["Eagle3Speculator"],
                "draft_vocab_size": 24,
                "norm_before_residual": False,
                "eagle_aux_hidden_state_layer_ids": [2, 3, 3],
                "transformer_layer_config": layer | {"vocab_size": 24},
            }
        )
    )
    tensors = load_file(folder / WEIGHTS)
    save_file({n.replace("midlayer.", "layers.0."): t for n, t in tensors.items()}, folder / WEIGHTS)
    assert read_head_config(folder, target.config).layout == "speculators"
    torch.testing.assert_close(output(folder, target), expected)


def test_specforge_names_the_layers_that_states_leave(folder, target) -> None:
    change(
        folder,
        eagle_aux_hidden_state_layer_ids=None,
        eagle_config={"eagle_aux_hidden_state_layer_ids": [0, 2, 4]},
    )
    config = read_head_config(folder, target.config)
    assert (config.layout, config.taps) == ("SpecForge", (1, 3, 5))
    change(folder, eagle_config=None)
    assert read_head_config(folder, target.config).taps == (2, 3, 3)


def test_its_own_embedding_stands_in_for_the_targets(folder, target) -> None:
    before = output(folder, target)
    tensors = load_file(folder / WEIGHTS)
    save_file(tensors | {"embed_tokens.weight": target.embedding.flip(0).contiguous()}, folder / WEIGHTS)
    assert not torch.allclose(output(folder, target), before)


def test_the_residual_may_be_the_normed_state(folder, target) -> None:
    before = output(folder, target)
    change(folder, norm_before_residual=True)
    assert not torch.allclose(output(folder, target), before)


def test_a_head_without_a_reduced_vocabulary_needs_the_targets(folder, target) -> None:
    tensors = load_file(folder / WEIGHTS)
    del tensors["d2t"]
    save_file(tensors, folder / WEIGHTS)
    with pytest.raises(UserError, match=r"vocabulary: got 24, expected 40, as its target has"):
        load_head(folder, target)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"hidden_size": 8}, "hidden size: got 8, expected 16, as its target has"),
        ({"vocab_size": 50}, "vocabulary: got 50, expected 40, as its target has"),
        (
            {"architectures": ["LlamaForCausalLM"]},
            "got architecture LlamaForCausalLM, expected LlamaForCausalLMEagle3",
        ),
        ({"speculators_model_type": "eagle"}, "got a eagle model, expected an eagle3 head"),
        (
            {"eagle_aux_hidden_state_layer_ids": [1, 2, 9]},
            r"target layers: got \(1, 2, 9\), expected three of 6",
        ),
        ({"num_key_value_heads": 1}, r"k_proj.weight: got shape \(8, 32\), expected \(4, 32\)"),
    ],
)
def test_what_does_not_fit_the_target_is_told_with_both_sides(folder, target, changes, message) -> None:
    change(folder, **changes)
    with pytest.raises(UserError, match=message):
        load_head(folder, target)


def test_a_missing_tensor_and_target_ids_beyond_the_vocabulary_are_told(folder, target) -> None:
    tensors = load_file(folder / WEIGHTS)
    save_file(tensors | {"d2t": tensors["d2t"] + 1}, folder / WEIGHTS)
    with pytest.raises(UserError, match=r"d2t: got target ids from 1 to 40, expected 0 to 39"):
        load_head(folder, target)
    del tensors["midlayer.hidden_norm.weight"]
    save_file(tensors, folder / WEIGHTS)
    with pytest.raises(UserError, match=r"hidden_norm.weight: got none, expected shape \(16,\)"):
        load_head(folder, target)


def test_a_folder_that_is_no_head_is_told(tmp_path, target) -> None:
    with pytest.raises(UserError, match=r"got no config.json"):
        read_head_config(tmp_path, target.config)
    (tmp_path / "config.json").write_text("{")
    with pytest.raises(UserError, match="not valid JSON"):
        read_head_config(tmp_path, target.config)


def test_pickled_weights_are_read_only_where_that_is_allowed(folder, target) -> None:
    expected = output(folder, target)
    torch.save(load_file(folder / WEIGHTS), folder / "pytorch_model.bin")
    (folder / WEIGHTS).unlink()
    with pytest.raises(
        UserError, match=r"pickled weights \(pytorch_model.bin\), expected safetensors.*--allow-pickle"
    ):
        load_head(folder, target)
    assert torch.equal(output(folder, target, allow_pickle=True), expected)
    (folder / "pytorch_model.bin").write_bytes(b"cos\nsystem\n(S'true'\ntR.")
    with pytest.raises(UserError, match="expected pickled tensors and no more"):
        load_head(folder, target, allow_pickle=True)


def test_the_heads_dtype_is_the_targets_whatever_the_files(folder, target, tensors, head_config) -> None:
    from lab.speculation.eagle3.checkpoint import write_head

    bf16 = {name: t.bfloat16() if t.is_floating_point() else t for name, t in tensors.items()}
    write_head(folder, bf16, dataclasses.replace(head_config, trained_context=32), 40)
    head = load_head(folder, target)
    assert head.fuse(torch.zeros(1, 48)).dtype == torch.float32
    assert head.config.trained_context == 32
