"""`build_report`: the stored run to `report/` in its folder, whole or not at all."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lab.analysis.live import whole_sessions
from lab.analysis.summary import Summary, summarize
from lab.errors import UserError
from lab.records import CallRecord, CellRecord, OutcomeRecord
from lab.reports import page, pictures, points, section
from lab.reports.csv_files import write_csv_files
from lab.store import Store

FOLDER_NAME = "report"


def build_report(folder: Path) -> Path:
    """Write the report of the run in `folder` and return the path of its `index.html`.

    Reads the store alone, so it can be repeated at any time. The old report stands until the new one is
    complete.

    Raises:
        UserError: no run there, another schema version, or the folder cannot be written.
    """
    with Store.open(folder) as store:
        run, cells, calls, outcomes = store.run(), store.cells(), list(store.calls()), store.outcomes()
        compared = store.quality()
    summary = summarize(run, cells, calls, outcomes, compared)
    try:
        with _replacing(folder / FOLDER_NAME) as fresh:
            _write(fresh, summary, cells, calls, outcomes)
    except OSError as error:
        raise UserError(
            f"report in {folder}",
            got=error.strerror or str(error),
            expected="a run folder that can be written",
            hint="Free disk space or check its permissions; the run itself is unharmed.",
        ) from None
    return folder / FOLDER_NAME / "index.html"


def _write(
    folder: Path,
    summary: Summary,
    cells: list[CellRecord],
    calls: list[CallRecord],
    outcomes: list[OutcomeRecord],
) -> None:
    by_cell = _by_cell(cells, calls)
    whole = _by_cell(cells, whole_sessions(summary.run, calls, outcomes))
    sections = []
    for index, group in enumerate(summary.groups, start=1):
        prefix = f"{index}-" if len(summary.groups) > 1 else ""
        drawn = dict(pictures.draw(group, by_cell, whole, prefix=prefix))
        for picture in drawn.values():
            (folder / f"{picture.file}-light.png").write_bytes(picture.light)
            (folder / f"{picture.file}-dark.png").write_bytes(picture.dark)
        sections.append(section.make_section(group, summary, drawn, points.acceptance_points(group, by_cell)))
    csv_files = write_csv_files(folder, summary, calls, outcomes)
    made = page.make_page(summary, cells, sections, csv_files)
    (folder / "index.html").write_text(page.render(made), encoding="utf-8")


def _by_cell(cells: list[CellRecord], calls: list[CallRecord]) -> dict[str, list[CallRecord]]:
    found: dict[str, list[CallRecord]] = {cell.cell_id: [] for cell in cells}
    for call in calls:
        found[call.cell_id].append(call)
    return found


@contextmanager
def _replacing(target: Path) -> Iterator[Path]:
    """A fresh folder that takes `target`'s place if the block succeeds and vanishes if it does not."""
    mark = uuid.uuid4().hex[:8]
    fresh, old = (
        target.with_name(f".{target.name}-new-{mark}"),
        target.with_name(f".{target.name}-old-{mark}"),
    )
    fresh.mkdir()
    try:
        yield fresh
        if target.exists():
            target.rename(old)
        try:
            fresh.rename(target)
        except OSError:
            if old.exists():
                old.rename(target)
            raise
        shutil.rmtree(old, ignore_errors=True)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
