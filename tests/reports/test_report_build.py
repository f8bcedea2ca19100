from __future__ import annotations

import csv
import re
import sqlite3
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import pytest

from lab.errors import UserError
from lab.reports import figures, style
from lab.reports.build import build_report
from lab.reports.csv_files import ARM_COLUMNS, CALL_COLUMNS, STEP_COLUMNS

Run = Callable[..., Path]
HOSTILE = '<script>alert("x")</script><img src="http://example.invalid/x.png">'


class Links(HTMLParser):
    """Every tag, and every address that a page would load or lead to."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.addresses: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.addresses += [value or "" for name, value in attrs if name in ("src", "href", "srcset")]


def page(folder: Path) -> str:
    return build_report(folder).read_text(encoding="utf-8")


def rows(folder: Path, name: str) -> list[dict[str, str]]:
    with (folder / "report" / name).open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.fixture
def undrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Figures are made but not drawn to pixels, for tests of the words around them."""
    monkeypatch.setattr(style, "png", lambda _: b"not drawn")


def test_report_holds_the_verdict_the_figures_and_the_command(made_up_run: Run) -> None:
    html = page(made_up_run())
    assert "Serve w4 + ngram: 2.50x the decode speed of bf16." in html
    for title in (
        "Speed",
        "Interaction",
        "Time ledger",
        "One session",
        "Accepted length",
        "Accuracy",
        "Losslessness",
    ):
        assert f"<h3>{title}" in html
    for text in (
        "lab run made-up.yaml",
        "Made-up CPU, Made-up GPU",
        "25.00 GB",
        "2.13.0",
        "linear: dense",
        "13.3 (33 %)",
        "5/6",
        "2/3",
    ):
        assert text in html
    assert html.count("<picture>") == html.count('prefers-color-scheme: dark)" srcset=') == 6


@pytest.mark.usefixtures("undrawn")
def test_page_is_self_contained(made_up_run: Run) -> None:
    links = Links()
    links.feed(page(made_up_run()))
    assert "script" not in links.tags
    outside = [a[:60] for a in links.addresses if not a.startswith("data:")]
    assert outside == ["arms.csv", "calls.csv", "steps.csv"]


def test_text_from_outside_is_escaped_everywhere(made_up_run: Run) -> None:
    folder = made_up_run(text=HOSTILE, session_name=HOSTILE + "$x_{$", failed={("w4", "ngram"): HOSTILE})
    html = page(folder)
    links = Links()
    links.feed(html)
    assert "script" not in links.tags
    assert not [a for a in links.addresses if "example.invalid" in a]
    assert html.count("&lt;script&gt;alert(") >= 2  # the reason, and the session's id
    assert rows(folder, "calls.csv")[0]["text"] == HOSTILE


@pytest.mark.usefixtures("undrawn")
def test_failed_cells_are_named_with_their_reason_and_do_not_hide_the_others(made_up_run: Run) -> None:
    html = page(made_up_run(failed={("w4", "ngram"): "the worker was killed by signal 9"}))
    assert "1 of 4 cells failed" in html
    assert "the worker was killed by signal 9" in html
    assert "Serve" in html
    assert "2.00x the decode speed of bf16" in html


@pytest.mark.usefixtures("undrawn")
def test_undefined_figures_are_dashes_that_say_why(made_up_run: Run) -> None:
    html = page(made_up_run(arms=[("bf16", "none")], environment={"machine": None, "ceilings": None}))
    assert '<td class="undefined" title="this arm does not speculate">–</td>' in html
    assert "None" not in re.sub(r"data:image/png;base64,[^\"]*", "", html)


@pytest.mark.usefixtures("undrawn")
def test_unfinished_runs_say_so(made_up_run: Run) -> None:
    assert "This run is unfinished: 0 of 4 cells are done." in page(made_up_run(unfinished=True))
    assert "unfinished" not in page(made_up_run("finished"))


@pytest.mark.usefixtures("undrawn")
def test_scores_against_observations_are_agreement_and_never_accuracy(made_up_run: Run) -> None:
    html = page(made_up_run(gold=False))
    assert "<h3>Agreement with the recording" in html
    assert "<h3>Accuracy" not in html


@pytest.mark.usefixtures("undrawn")
def test_a_run_without_calls_still_has_a_report(made_up_run: Run) -> None:
    html = page(made_up_run(rounds=0, unfinished=True))
    assert "No verdict" in html
    assert "this arm has not run yet" in html


@pytest.mark.usefixtures("undrawn")
def test_csv_files_hold_every_arm_call_and_step_under_the_records_names(made_up_run: Run) -> None:
    folder = made_up_run()
    build_report(folder)
    arms, calls, steps = (rows(folder, name) for name in ("arms.csv", "calls.csv", "steps.csv"))
    assert [tuple(r[0]) for r in (arms, calls, steps)] == [ARM_COLUMNS, CALL_COLUMNS, STEP_COLUMNS]
    assert [len(r) for r in (arms, calls, steps)] == [4, 48, 2 * 6 * (12 + 4 + 12 + 4)]
    assert [float(arm["decode_tok_per_s"]) for arm in arms] == pytest.approx([100, 200, 200, 250])
    assert [arm["tau"] for arm in arms] == ["", "3.0", "", "3.0"]
    assert [arm["args_ok_k"] for arm in arms] == ["5", "5", "4", "4"]
    assert [arm["lossless_error"] for arm in arms] == ["", "0", "", "1"]
    assert (calls[0]["tokens"], float(calls[0]["prefill_s"]), calls[0]["args_ok"]) == ("13", 0.08, "True")
    assert (steps[0]["kind"], float(steps[0]["verify_s"])) == ("plain", 0.009)


def test_pictures_stand_beside_the_page_in_both_themes(made_up_run: Run) -> None:
    report = build_report(made_up_run()).parent
    names = {path.name for path in report.glob("*.png")}
    figures_drawn = ("speed", "interaction", "ledger", "timeline", "acceptance", "ladder")
    assert names == {f"{name}-{theme}.png" for name in figures_drawn for theme in ("light", "dark")}


@pytest.mark.usefixtures("undrawn")
def test_a_report_can_be_built_again_and_leaves_the_run_untouched(made_up_run: Run) -> None:
    folder = made_up_run()
    before = (folder / "run.sqlite").read_bytes()
    first = page(folder)
    assert page(folder) == first
    assert (folder / "run.sqlite").read_bytes() == before
    assert sorted(path.name for path in folder.iterdir()) == ["report", "run.sqlite"]


@pytest.mark.usefixtures("undrawn")
def test_a_failure_leaves_the_old_report_and_nothing_half_done(
    made_up_run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = made_up_run()
    old = page(folder)

    def broken(*_: object) -> None:
        raise RuntimeError("no ink")

    monkeypatch.setattr(figures, "ladder", broken)
    with pytest.raises(RuntimeError, match="no ink"):
        build_report(folder)
    assert (folder / "report" / "index.html").read_text(encoding="utf-8") == old
    assert sorted(path.name for path in folder.iterdir()) == ["report", "run.sqlite"]


@pytest.mark.usefixtures("undrawn")
def test_a_failed_swap_puts_the_old_report_back(made_up_run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = made_up_run()
    old = page(folder)
    rename = Path.rename

    def refuse(self: Path, target: Path) -> Path:
        if "-new-" in self.name:
            raise OSError(28, "No space left on device")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", refuse)
    with pytest.raises(UserError, match="No space left on device"):
        build_report(folder)
    assert (folder / "report" / "index.html").read_text(encoding="utf-8") == old
    assert sorted(path.name for path in folder.iterdir()) == ["report", "run.sqlite"]


@pytest.mark.usefixtures("undrawn")
def test_another_schema_version_is_refused(made_up_run: Run) -> None:
    folder = made_up_run()
    with sqlite3.connect(folder / "run.sqlite") as db:
        db.execute("PRAGMA user_version = 99")
    db.close()
    with pytest.raises(UserError, match="schema version: got 99, expected 6"):
        build_report(folder)
    assert not (folder / "report").exists()


@pytest.mark.usefixtures("undrawn")
def test_each_arm_s_accuracy_stands_beside_the_reference_s(made_up_run: Run) -> None:
    folder = made_up_run()
    html = page(folder)
    cells = ("6", "-16.7 points [-50.0, +0.0]", "3", "0", "1", "1")
    assert '<th scope="row">w4</th>' + "".join(f"<td>{cell}</td>" for cell in cells) in html
    reference, _, w4, _ = rows(folder, "arms.csv")
    assert (reference["args_ok_gap"], reference["mcnemar_p"]) == ("", "")
    assert float(w4["args_ok_gap"]) == pytest.approx(-1 / 6)
    assert (w4["mcnemar_gained"], w4["mcnemar_lost"], float(w4["mcnemar_p"])) == ("0", "1", 1.0)


def test_precisions_stand_side_by_side_where_their_quality_was_measured(made_up_run: Run) -> None:
    folder = made_up_run(quality=True)
    html = page(folder)
    cells = ("4/6", "0.2333 [0.1000, 0.3000]", "95.0% [90.0%, 96.7%]", "2.014", "80 MB", "200", "–")
    assert '<th scope="row">w4</th>' + "".join(f"<td>{cell}</td>" for cell in cells) in html
    assert "<h3>Precisions</h3>" in html
    assert (folder / "report" / "precisions-dark.png").is_file()
    reference, _, w4, both = rows(folder, "arms.csv")
    assert (float(reference["kl"]), float(w4["kl"]), float(both["kl"])) == (
        0.0,
        pytest.approx(14 / 60),
        pytest.approx(14 / 60),
    )


def test_a_live_run_shows_outcomes_in_place_of_scores(made_up_run: Run) -> None:
    folder = made_up_run(live=True)
    html = page(folder)
    for text in (
        "Contexts differ between arms",
        "<h3>Live sessions</h3>",
        "<td>2/3</td><td>2.33</td><td>1.00</td>",
        "live contexts differ between arms, so there are no tokens to compare call by call",
        "<dd>live</dd>",
        'href="outcomes.csv"',
    ):
        assert text in html
    for text in ("<h3>Accuracy", "<h3>Losslessness", ">sessions ok<", ">args_ok<"):
        assert text not in html
    drawn = {path.name.removesuffix("-light.png") for path in (folder / "report").glob("*-light.png")}
    assert drawn == {"speed", "interaction", "ledger", "timeline", "acceptance"}
    arms, outcomes = rows(folder, "arms.csv"), rows(folder, "outcomes.csv")
    assert [(arm["success_k"], arm["success_n"]) for arm in arms] == [("2", "3")] * 2 + [("1", "3")] * 2
    assert len(outcomes) == 4 * 2 * 3
    assert (outcomes[0]["success"], outcomes[0]["statements_ok"]) == ("True", "")


@pytest.mark.usefixtures("undrawn")
def test_a_live_run_before_its_first_outcome_still_has_a_report(made_up_run: Run) -> None:
    folder = made_up_run(live=True)
    with sqlite3.connect(folder / "run.sqlite") as db:
        db.execute("DELETE FROM outcomes")
    db.close()
    html = page(folder)
    assert "no live session of this arm has ended" in html
    assert "No verdict" in html


@pytest.mark.usefixtures("undrawn")
def test_guided_arms_are_never_called_lossless_against_unguided_text(made_up_run: Run) -> None:
    folder = made_up_run(arms=[("bf16", "none"), ("bf16", "none", "schema")])
    html = page(folder)
    assert "guided output is not lossless by design" in html
    assert "this arm is not guided" in html
    free, guided = rows(folder, "arms.csv")
    assert (free["guided"], free["mask_share"], guided["guided"]) == ("off", "", "schema")
    assert float(guided["mask_share"]) == pytest.approx(0.5 / 10.5)
    assert float(rows(folder, "steps.csv")[-1]["mask_s"]) == 0.0005
