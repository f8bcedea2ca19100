from __future__ import annotations

from pathlib import Path

import pytest

from lab.errors import UserError
from lab.paths import cache_dir, writable_cache_dir, write_atomically


def test_lab_cache_wins_over_the_users_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    monkeypatch.setenv("LAB_CACHE", str(tmp_path / "mine"))
    assert cache_dir() == tmp_path / "mine"
    monkeypatch.delenv("LAB_CACHE")
    assert cache_dir() == tmp_path / "xdg" / "specquant-lab"
    assert not cache_dir().exists()


@pytest.mark.parametrize(
    ("platform", "expected"), [("linux", ".cache/specquant-lab"), ("darwin", "Library/Caches/specquant-lab")]
)
def test_the_platform_decides_where_nothing_is_set(
    platform: str, expected: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("LAB_CACHE", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr("lab.paths.sys.platform", platform)
    assert cache_dir() == tmp_path / expected


def test_a_writable_cache_folder_is_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAB_CACHE", str(tmp_path / "a"))
    folder = writable_cache_dir("b", "c")
    assert folder == tmp_path / "a" / "b" / "c"
    assert list(folder.iterdir()) == []


def test_a_failed_write_leaves_the_old_content_and_no_litter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "figures.json"
    write_atomically(target, "old")

    def full(_self: Path, _target: Path) -> Path:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(UserError, match="No space left on device"):
        write_atomically(target, "new")
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]
