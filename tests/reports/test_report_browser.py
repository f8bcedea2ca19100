"""The page in a real browser: nothing overflows sideways and the console stays empty."""

from __future__ import annotations

import html
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from lab.reports.build import build_report

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine"),
]
_OPTIONS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--hide-scrollbars",
    "--allow-file-access-from-files",
    "--enable-logging=stderr",
    "--virtual-time-budget=5000",
    "--dump-dom",
]
# The page under test stands in a frame of the wanted width; the frame around it reads its measures.
_FRAME = """<!doctype html><iframe id="page" src="report/index.html"
style="width:{width}px;height:2000px;border:0"
onload="const d = this.contentDocument; document.title = JSON.stringify({{
  scroll: d.documentElement.scrollWidth, client: d.documentElement.clientWidth,
  images: [...d.images].filter(i => i.complete && i.naturalWidth > 0).length}})"></iframe>"""


@pytest.mark.parametrize("width", [400, 1200])
def test_page_fits_its_width_without_console_errors(
    made_up_run: Callable[..., Path], tmp_path: Path, width: int
) -> None:
    long = ("rtn-w4-of-some-length", "hierarchical-with-a-middle-model")
    reason = "x" * 300 + "\n" + "a reason " * 30
    folder = made_up_run(
        arms=[("bf16", "none"), ("bf16", long[1]), (long[0], "none"), long], failed={long: reason}
    )
    build_report(folder)
    frame = folder / "frame.html"
    frame.write_text(_FRAME.format(width=width), encoding="utf-8")
    assert CHROMIUM is not None
    done = subprocess.run(
        [CHROMIUM, *_OPTIONS, f"--user-data-dir={tmp_path / 'profile'}", frame.as_uri()],
        capture_output=True, text=True, timeout=120, check=True,
    )  # fmt: skip
    title = re.search(r"<title>(.*?)</title>", done.stdout)
    assert title is not None, done.stdout[:500]
    assert html.unescape(title[1]) == f'{{"scroll":{width},"client":{width},"images":5}}'
    assert ":CONSOLE" not in done.stderr, done.stderr
