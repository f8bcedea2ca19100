from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from lab.errors import UserError
from lab.models.checkpoint import load_decoder
from lab.models.decoder import Decoder
from lab.precision.base import load_precision

Load = Callable[..., Decoder]
TOKENS = torch.arange(10)


@pytest.fixture
def copy(llama: Path, tmp_path: Path) -> Path:
    """The tiny checkpoint, to be damaged."""
    return Path(shutil.copytree(llama, tmp_path / "copy"))


def change(path: Path, **tensors: torch.Tensor | None) -> None:
    """Replace tensors of a checkpoint's one file (`__` for a dot); None removes one."""
    file = path / "model.safetensors"
    held = load_file(file)
    for name, tensor in tensors.items():
        held.pop(name.replace("__", "."), None)
        if tensor is not None:
            held[name.replace("__", ".")] = tensor
    save_file(held, file, metadata={"format": "pt"})


def shard(path: Path) -> list[Path]:
    """Split a checkpoint's one file in two, under other names than transformers', with an index."""
    held = load_file(path / "model.safetensors")
    (path / "model.safetensors").unlink()
    names = sorted(held)
    where = {name: f"part-{index % 2}.safetensors" for index, name in enumerate(names)}
    for file in set(where.values()):
        save_file({n: held[n] for n in names if where[n] == file}, path / file, metadata={"format": "pt"})
    index = {"metadata": {}, "weight_map": where}
    (path / "model.safetensors.index.json").write_text(json.dumps(index))
    return sorted(path / file for file in set(where.values()))


def test_a_sharded_checkpoint_is_the_same_model(llama: Path, copy: Path, load: Load) -> None:
    assert len(shard(copy)) == 2
    whole, parts = load(llama), load(copy)
    expected = whole.forward(TOKENS, whole.new_cache())
    assert torch.equal(parts.forward(TOKENS, parts.new_cache()), expected)


def test_only_the_files_of_the_index_are_read(llama: Path, copy: Path, load: Load) -> None:
    shard(copy)
    (copy / "consolidated.safetensors").write_bytes(b"another layout of the same weights")
    whole, parts = load(llama), load(copy)
    expected = whole.forward(TOKENS, whole.new_cache())
    assert torch.equal(parts.forward(TOKENS, parts.new_cache()), expected)


def test_shards_without_an_index_are_found(llama: Path, copy: Path, load: Load) -> None:
    shard(copy)
    (copy / "model.safetensors.index.json").unlink()
    whole, parts = load(llama), load(copy)
    expected = whole.forward(TOKENS, whole.new_cache())
    assert torch.equal(parts.forward(TOKENS, parts.new_cache()), expected)


def test_a_missing_shard_is_told_by_name(copy: Path, load: Load) -> None:
    shard(copy)[1].unlink()
    with pytest.raises(UserError, match=r"weights file .*part-1.safetensors"):
        load(copy)


@pytest.mark.parametrize("content", ['{"weight_map": {', '{"metadata": {}}'], ids=["cut", "without a map"])
def test_a_damaged_index_is_refused(copy: Path, load: Load, content: str) -> None:
    shard(copy)
    (copy / "model.safetensors.index.json").write_text(content)
    with pytest.raises(UserError, match=r"weights index .*It is damaged; fetch the model again"):
        load(copy)


@pytest.mark.parametrize(
    "keep", [0, 4, 100, -10], ids=["empty", "no header", "half a header", "cut at the end"]
)
def test_a_truncated_file_is_refused(copy: Path, load: Load, keep: int) -> None:
    file = copy / "model.safetensors"
    file.write_bytes(file.read_bytes()[:keep])
    with pytest.raises(UserError, match=r"weights file .*It is damaged; fetch the model again"):
        load(copy)


def test_a_folder_without_weights_is_refused(copy: Path, load: Load) -> None:
    (copy / "model.safetensors").rename(copy / "pytorch_model.bin")
    with pytest.raises(UserError, match=r"got no \*.safetensors file, expected safetensors weights"):
        load(copy)


@pytest.mark.parametrize(
    "name",
    [
        "model.embed_tokens.weight",
        "model.norm.weight",
        "model.layers.1.input_layernorm.weight",
        "model.layers.1.self_attn.k_proj.weight",
        "model.layers.0.mlp.up_proj.weight",
    ],
)
def test_a_missing_tensor_is_told_by_name(copy: Path, load: Load, name: str) -> None:
    change(copy, **{name.replace(".", "__"): None})
    with pytest.raises(UserError, match=f"tensor {name}: got none, expected shape"):
        load(copy)


def test_a_missing_head_is_not_replaced_by_the_embedding(
    save: Callable[..., Any], tmp_path: Path, load: Load
) -> None:
    save(tmp_path, "Llama", tie_word_embeddings=False)
    change(tmp_path, lm_head__weight=None)
    with pytest.raises(UserError, match=r"tensor lm_head\.weight: got none"):
        load(tmp_path)


@pytest.mark.parametrize(
    ("family", "name"),
    [
        ("Qwen3", "self_attn.q_norm.weight"),
        ("Qwen3", "self_attn.k_norm.weight"),
        ("Qwen2", "self_attn.k_proj.bias"),
    ],
)
def test_a_norm_or_bias_that_only_one_layer_lacks_is_missed(
    save: Callable[..., Any], tmp_path: Path, load: Load, family: str, name: str
) -> None:
    save(tmp_path, family)
    change(tmp_path, **{f"model.layers.1.{name}".replace(".", "__"): None})
    with pytest.raises(UserError, match=f"tensor model.layers.1.{name}: got none"):
        load(tmp_path)


@pytest.mark.parametrize(
    ("name", "shape"),
    [
        ("model.embed_tokens.weight", (95, 32)),
        ("model.layers.0.self_attn.v_proj.weight", (32, 16)),
        ("model.layers.1.mlp.down_proj.weight", (48, 32)),
        ("model.norm.weight", (32, 1)),
    ],
)
def test_a_tensor_of_another_shape_is_told_with_both_shapes(
    copy: Path, load: Load, name: str, shape: tuple[int, ...]
) -> None:
    change(copy, **{name.replace(".", "__"): torch.zeros(shape)})
    with pytest.raises(UserError) as caught:
        load(copy)
    assert f"model.safetensors: tensor {name}: got shape {shape}, expected (" in str(caught.value)
    assert "do not belong together" in str(caught.value)


def test_weights_stored_in_bf16_are_widened_exactly(copy: Path, load: Load) -> None:
    stored = load_file(copy / "model.safetensors")["model.norm.weight"].bfloat16()
    change(copy, model__norm__weight=stored)
    norm = load(copy).norm
    assert norm.dtype == torch.float32
    assert torch.equal(norm, stored.float())


def test_progress_counts_layers(llama: Path) -> None:
    seen: list[tuple[int, int]] = []
    load_decoder(
        llama,
        load_precision("fp32", {}),
        torch.device("cpu"),
        lambda done, all_: seen.append((done, all_)),
    )
    assert seen == [(1, 2), (2, 2)]
