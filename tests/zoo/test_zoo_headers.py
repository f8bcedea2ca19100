from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from lab.errors import UserError
from lab.zoo.headers import TensorGroup, group_tensors, read_header


def test_layers_are_grouped_and_counted_over_all_files(tmp_path: Path) -> None:
    layers = {f"model.layers.{i}.mlp.up_proj.weight": torch.zeros(4, 3, dtype=torch.bfloat16) for i in (0, 1)}
    save_file(layers, tmp_path / "a.safetensors", metadata={"format": "pt"})
    save_file(
        {
            "model.layers.10.mlp.up_proj.weight": torch.zeros(4, 3, dtype=torch.bfloat16),
            "norm": torch.zeros(3),
        },
        tmp_path / "b.safetensors",
    )
    assert group_tensors(tmp_path) == [
        TensorGroup("model.layers.*.mlp.up_proj.weight", "BF16", (4, 3), 3, 36, 72),
        TensorGroup("norm", "F32", (3,), 1, 3, 12),
    ]


@pytest.mark.parametrize("cut", [4, 60, -4])
def test_a_cut_off_file_is_refused(tmp_path: Path, cut: int) -> None:
    path = tmp_path / "a.safetensors"
    save_file({"w": torch.zeros(8)}, path)
    path.write_bytes(path.read_bytes()[:cut])
    with pytest.raises(UserError, match=r"weights file .*a\.safetensors"):
        read_header(path)


def test_a_file_of_another_format_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    path.write_bytes(b"version https://git-lfs.github.com/spec/v1\n")
    with pytest.raises(UserError, match="expected a safetensors file"):
        read_header(path)
