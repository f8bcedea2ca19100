from __future__ import annotations

from collections.abc import Callable
from math import exp
from pathlib import Path

import pytest

from lab.analysis.document import run_document
from lab.analysis.quality import quality
from lab.analysis.summary import Summary, summarize
from lab.records import QualityRecord
from lab.store import Store


def read(folder: Path) -> Summary:
    with Store.open(folder) as store:
        return summarize(store.run(), store.cells(), store.calls(), store.outcomes(), store.quality())


def test_means_are_over_tokens_and_intervals_over_sessions() -> None:
    found = quality([QualityRecord("c", "a", 10, 5.0, 1.0, 9), QualityRecord("c", "b", 30, 9.0, 9.0, 24)])
    assert found is not None
    assert found.tokens == 40
    assert found.kl.value == pytest.approx(10 / 40)
    assert found.top1.value == pytest.approx(33 / 40)
    assert found.ppl.value == pytest.approx(exp(14 / 40))
    # Two sessions: the bounds are those of drawing one of them twice.
    assert (found.kl.low, found.kl.high) == pytest.approx((0.1, 0.3))
    assert (found.ppl.low, found.ppl.high) == pytest.approx((exp(0.3), exp(0.5)))


def test_nothing_is_said_of_no_tokens() -> None:
    assert quality([]) is None
    assert quality([QualityRecord("c", "a", 0, 0.0, 0.0, 0)]) is None


def test_every_arm_has_the_quality_of_its_precision(made_up_run: Callable[..., Path]) -> None:
    arms = {arm.name: arm for arm in read(made_up_run(quality=True)).groups[0].arms}
    assert arms["bf16"].quality == arms["bf16 + ngram"].quality
    assert arms["bf16"].quality is not None
    assert (arms["bf16"].quality.kl.value, arms["bf16"].quality.top1.value) == (0.0, 1.0)
    # 10, 20 and 30 tokens with divergences of 0.1, 0.2 and 0.3.
    assert arms["w4"].quality is not None
    assert arms["w4"].quality.kl.value == pytest.approx(14 / 60)
    assert arms["w4"].quality.top1.value == pytest.approx(57 / 60)


def test_the_document_has_it_with_its_intervals(made_up_run: Callable[..., Path]) -> None:
    document = run_document(read(made_up_run(quality=True)), folder="f", report=None)
    found = {arm["precision"]: arm["quality"] for arm in document["arms"] if arm["speculation"] == "none"}
    assert found["w4"]["ppl"] == pytest.approx(exp(0.7))
    assert found["w4"]["tokens"] == 60
    assert found["w4"]["kl_low"] < found["w4"]["kl"] < found["w4"]["kl_high"]
    without = run_document(read(made_up_run("plain")), folder="f", report=None)
    assert {arm["quality"] for arm in without["arms"]} == {None}


def test_the_verify_cost_is_that_of_the_kernels_that_were_chosen(made_up_run: Callable[..., Path]) -> None:
    choice = {
        "kernels": {"w4": "cpu"},
        "step_ms": {"w4=cpu": [10.0, 25.0], "w4=torch": [20.0, 90.0]},
    }
    folder = made_up_run(environment={"kernels": {"tiny/w4": choice}, "threads": 2})
    costs = {arm.precision: arm.verify_cost for arm in read(folder).groups[0].arms}
    assert costs == {"bf16": None, "w4": 2.5}
