from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from lab.errors import UserError
from lab.models.config import read_config

Edit = Callable[..., Path]


@pytest.fixture
def edited(llama: Path, tmp_path: Path) -> Edit:
    """`edited(key=value, ..)` is a folder whose config.json has these keys changed; None removes one."""

    def edit(**changes: Any) -> Path:
        raw = json.loads((llama / "config.json").read_text()) | changes
        path = tmp_path / "edited"
        path.mkdir()
        kept = {key: value for key, value in raw.items() if value is not None}
        (path / "config.json").write_text(json.dumps(kept))
        return path

    return edit


def test_the_shape_is_read_as_it_stands(llama: Path) -> None:
    config = read_config(llama)
    assert (config.architecture, config.vocabulary, config.context) == ("LlamaForCausalLM", 96, 128)
    assert (config.hidden, config.intermediate, config.layers) == (32, 48, 2)
    assert (config.heads, config.kv_heads, config.head_dim) == (4, 2, 8)
    assert (config.tied, config.window, config.rope_gain) == (True, None, 1.0)
    # Keys and values of two heads of 8.
    assert config.kv_width == 32
    # theta^(-2i/d) for theta 10,000 and d = 8.
    torch.testing.assert_close(config.inv_freq, torch.tensor([1.0, 0.1, 0.01, 0.001]))


def test_the_older_spelling_of_rope_is_understood(edited: Edit) -> None:
    config = read_config(
        edited(rope_parameters=None, rope_theta=10000.0, rope_scaling={"type": "linear", "factor": 2.0})
    )
    torch.testing.assert_close(config.inv_freq, torch.tensor([0.5, 0.05, 0.005, 0.0005]))


@pytest.mark.parametrize(("use", "window"), [(False, None), (True, 8)])
def test_a_window_that_is_switched_off_is_none(
    save: Callable[..., Any], tmp_path: Path, use: bool, window: int | None
) -> None:
    save(tmp_path, "Qwen2", sliding_window=8, use_sliding_window=use, max_window_layers=0)
    assert read_config(tmp_path).window == window


def test_layers_of_two_kinds_are_refused(save: Callable[..., Any], tmp_path: Path) -> None:
    save(tmp_path, "Qwen2", sliding_window=8, use_sliding_window=True, max_window_layers=1)
    with pytest.raises(UserError, match=r"attention pattern of .*: got 'sliding and full layers mixed'"):
        read_config(tmp_path)


@pytest.mark.parametrize("architectures", [["GPT2LMHeadModel"], [], None])
def test_another_architecture_is_refused(edited: Edit, architectures: list[str] | None) -> None:
    got = architectures[0] if architectures else "none"
    with pytest.raises(UserError, match=f"architecture of edited: got {got}, expected one of LlamaForCausal"):
        read_config(edited(architectures=architectures))


@pytest.mark.parametrize("kind", ["dynamic", "longrope", "of-tomorrow"])
def test_another_rope_type_is_refused(edited: Edit, kind: str) -> None:
    rope = {"rope_type": kind, "rope_theta": 1e4, "factor": 2.0, "long_factor": [1.0] * 4}
    with pytest.raises(
        UserError, match=f"rope type of edited: got '{kind}', expected one of default, linear"
    ):
        read_config(edited(rope_parameters=rope | {"short_factor": [1.0] * 4}))


def test_another_activation_is_refused(edited: Edit) -> None:
    with pytest.raises(UserError, match="activation of edited: got 'gelu', expected one of silu"):
        read_config(edited(hidden_act="gelu"))


def test_how_the_weights_were_quantized_is_kept(edited: Edit) -> None:
    config = read_config(edited(quantization_config={"quant_method": "gptq", "bits": 4}))
    assert (config.method, config.quantization["bits"]) == ("gptq", 4)


def test_an_empty_quantization_entry_means_unquantized(llama: Path, tmp_path: Path) -> None:
    raw = json.loads((llama / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps(raw | {"quantization_config": None}))
    assert read_config(tmp_path).method is None


@pytest.mark.parametrize(
    "changes",
    [
        {"model_type": None},
        {"model_type": "of-tomorrow"},
        {"hidden_size": "wide"},
        {"num_attention_heads": 5},
        {"rope_parameters": {"rope_type": "yarn", "rope_theta": 1e4}},
    ],
    ids=str,
)
def test_a_configuration_transformers_cannot_read_is_one_error(edited: Edit, changes: dict[str, Any]) -> None:
    with pytest.raises(UserError, match=r"config.json of edited: got ") as caught:
        read_config(edited(**changes))
    assert "\n" not in str(caught.value)


def test_a_folder_without_config_json_is_refused(llama: Path, tmp_path: Path) -> None:
    shutil.copy(llama / "model.safetensors", tmp_path)
    with pytest.raises(UserError, match=r"no config\.json .*expected a checkpoint"):
        read_config(tmp_path)


@pytest.mark.parametrize("content", [b'{"architectures": [', b"", b"\xff\xfe"], ids=["cut", "empty", "bytes"])
def test_a_config_json_that_is_no_json_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "config.json").write_bytes(content)
    with pytest.raises(UserError, match=r"config.json is not valid JSON: got .*Fetch the model again"):
        read_config(tmp_path)
