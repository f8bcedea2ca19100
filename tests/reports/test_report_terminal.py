from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import pytest
from rich.console import Console

from lab.analysis.summary import Summary, summarize
from lab.reports import tables
from lab.reports.terminal import arms_table
from lab.store import Store


def summary_of(folder: Path) -> Summary:
    with Store.open(folder) as store:
        return summarize(store.run(), store.cells(), store.calls(), store.outcomes(), store.quality())


def printed(summary: Summary, width: int = 100) -> str:
    console = Console(file=io.StringIO(), width=width)
    console.print(arms_table(summary))
    output = console.file
    assert isinstance(output, io.StringIO)
    return output.getvalue()


def test_terminal_shows_speed_quality_and_the_verdict(made_up_run: Callable[..., Path]) -> None:
    text = printed(summary_of(made_up_run()))
    lines = [" ".join(line.split()) for line in text.splitlines()]
    assert "bf16 + ngram 200 2.00 62.0 5.00 / 5.00 3.00" in lines
    assert "w4 + ngram 6.67 (17 %) 0.222 4/6 5 / 0 / 1 400 MB" in lines
    assert "Serve w4 + ngram: 2.50x the decode speed of bf16." in text
    words = " ".join(text.split())
    assert "Accuracy of w4 against bf16: -16.7 points [-50.0, +0.0] of args_ok over 6 calls" in words
    assert "Accuracy of w4 + ngram" not in words, "a draft changes no text"


def test_terminal_says_what_each_precision_costs_in_quality(made_up_run: Callable[..., Path]) -> None:
    words = " ".join(printed(summary_of(made_up_run(quality=True))).split())
    assert (
        "Quality of w4: KL 0.233 [0.1, 0.3] nats a token, the same likeliest token in 95.0% [90.0%, 96.7%], "
        "perplexity 2.01, over 60 tokens of recorded replies."
    ) in words
    assert "Quality of bf16: KL 0 nats" in words
    assert "Quality of w4 + ngram" not in words


def test_terminal_shows_how_live_sessions_ended_and_that_contexts_differ(
    made_up_run: Callable[..., Path],
) -> None:
    text = printed(summary_of(made_up_run(live=True)))
    lines = [" ".join(line.split()) for line in text.splitlines()]
    assert "w4 + ngram 6.67 (17 %) 0.253 1/3 2.33 1.00 – 400 MB" in lines
    assert "contexts differ between arms" in " ".join(lines)
    assert "args_ok" not in text
    assert max(map(len, text.splitlines())) <= 100


def test_nothing_is_cut_at_a_hundred_columns_even_with_long_names(made_up_run: Callable[..., Path]) -> None:
    arms = [("bf16", "none"), ("rtn-w4-of-some-length", "hierarchical-with-a-middle-model")]
    text = printed(summary_of(made_up_run(arms=arms, pace=lambda _arm, r, s: 1 + 0.1 * r * s)))
    assert max(map(len, text.splitlines())) <= 100
    assert "…" not in text
    assert text.count("hierarchical") == 3  # two tables and the verdict


def test_a_failed_arm_shows_its_reason_as_plain_text(made_up_run: Callable[..., Path]) -> None:
    text = printed(summary_of(made_up_run(failed={("w4", "ngram"): "[red]killed[/red] by signal 9"})))
    assert "w4 + ngram failed: [red]killed[/red] by signal 9" in text


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (0.0, "0.00"),
        (0.0123, "0.012"),
        (0.5, "0.500"),
        (9.999, "10.0"),
        (99.96, "100"),
        (1234567.0, "1,234,567"),
        (None, None),
    ],
)
def test_numbers_keep_three_digits_and_never_an_exponent(value: float | None, shown: str | None) -> None:
    assert tables.number(value) == shown


def test_sizes_are_decimal() -> None:
    assert [tables.size(n) for n in (None, 0, 32_768, 98_000_000, 1_240_000_000)] == [
        None,
        "0 B",
        "33 kB",
        "98 MB",
        "1.24 GB",
    ]


def test_the_mask_s_share_is_shown_where_an_arm_is_guided(made_up_run: Callable[..., Path]) -> None:
    arms = [("bf16", "none"), ("bf16", "none", "schema")]
    lines = [" ".join(line.split()) for line in printed(summary_of(made_up_run(arms=arms))).splitlines()]
    assert "bf16 100 1.00 62.0 10.0 / 10.0 – –" in lines
    assert "bf16 + guided 95.2 0.95 62.0 10.5 / 10.5 – 4.8 %" in lines
    assert "mask" not in printed(summary_of(made_up_run("free", arms=arms[:1])))
