"""The choice of kernels on a tiny model, whose candidates are timed by a made-up clock."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import LlamaConfig, LlamaForCausalLM
from transformers.utils import logging

from lab.kernels import cpu
from lab.measure import choice as module
from lab.measure.choice import Choice, choose_kernels, label, variants
from lab.records import StepTimes

pytestmark = pytest.mark.skipif(cpu.library() is None, reason="installed without a C++ compiler")


@pytest.fixture(autouse=True)
def others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, float]:
    """The processors that others keep busy while kernels are timed, and before."""
    monkeypatch.setenv("LAB_CACHE", str(tmp_path / "cache"))
    busy = {"then": 0.0, "now": 0.0}
    monkeypatch.setattr("lab.measure.machine.OthersMeter.read", lambda _: busy["then"])
    monkeypatch.setattr("lab.measure.machine.load_now", lambda: busy["now"])
    return busy


@pytest.fixture(scope="session")
def wide_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random checkpoint whose rows groups of 64 divide."""
    path = tmp_path_factory.mktemp("models") / "wide"
    logging.disable_progress_bar()
    config = LlamaConfig(
        vocab_size=50,
        hidden_size=64,
        intermediate_size=128,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=128,
    )
    LlamaForCausalLM(config).save_pretrained(path)
    return path


@pytest.fixture
def timed(monkeypatch: pytest.MonkeyPatch) -> Callable[[dict[str, tuple[float, float]]], list[str]]:
    """Steps of one row and of eight take so many seconds; collects the kernels that were timed."""

    def take(seconds: dict[str, tuple[float, float]]) -> list[str]:
        asked: list[str] = []

        def step_times(_: Any, *, kernel: str, rows: tuple[int, ...], **options: Any) -> list[StepTimes]:
            asked.append(kernel)
            precision, context = options["precision"], options["context"]
            return [
                StepTimes(precision, kernel, context, n, (9.0, s, s), (s,), 1, 1)
                for n, s in zip(rows, seconds[kernel], strict=True)
            ]

        monkeypatch.setattr(module, "step_times", step_times)
        return asked

    return take


def chosen(path: Path, **options: Any) -> Choice:
    return choose_kernels(path, options.pop("precision", "rtn-w4"), threads=1, **options)


def test_the_least_sum_of_a_plain_and_a_verify_step_wins(
    wide_model: Path, timed: Callable[..., list[str]]
) -> None:
    timed({"w4=cpu": (0.010, 0.030), "w4=torch": (0.012, 0.025)})
    found = chosen(wide_model)
    assert found.kernels == {"w4": "torch"}
    assert found.step_ms == {"w4=cpu": [10.0, 30.0], "w4=torch": [12.0, 25.0]}


def test_it_is_measured_once(wide_model: Path, timed: Callable[..., list[str]]) -> None:
    asked = timed({"w4=cpu": (0.010, 0.020), "w4=torch": (0.012, 0.025)})
    assert chosen(wide_model) == chosen(wide_model)
    assert asked == ["w4=cpu", "w4=torch"]


@pytest.mark.parametrize(("busy_now", "times"), [(0.0, 2), (0.8, 1)])
def test_what_was_measured_while_others_were_busy_is_measured_again_once_they_are_not(
    wide_model: Path,
    timed: Callable[..., list[str]],
    others: dict[str, float],
    busy_now: float,
    times: int,
) -> None:
    others["then"] = 0.9
    timed({"w4=cpu": (1.1, 1.1), "w4=torch": (0.012, 0.025)})
    assert chosen(wide_model).kernels == {"w4": "torch"}
    others.update(then=0.0, now=busy_now)
    asked = timed({"w4=cpu": (0.010, 0.020), "w4=torch": (0.012, 0.025)})
    assert chosen(wide_model).kernels == {"w4": "cpu" if times == 2 else "torch"}
    assert chosen(wide_model).others_busy == (0.0 if times == 2 else 0.9)
    assert len(asked) == 2 * (times - 1)


@pytest.mark.parametrize("content", ["", "[]", '{"a": 1}', "\0"])
def test_a_cache_that_cannot_be_understood_is_measured_anew(
    wide_model: Path, tmp_path: Path, timed: Callable[..., list[str]], content: str
) -> None:
    asked = timed({"w4=cpu": (0.010, 0.020), "w4=torch": (0.012, 0.025)})
    chosen(wide_model)
    (file,) = (tmp_path / "cache" / "kernels").iterdir()
    file.write_text(content)
    assert chosen(wide_model).kernels == {"w4": "cpu"}
    assert len(asked) == 4


def test_what_is_pinned_is_not_chosen(wide_model: Path, timed: Callable[..., list[str]]) -> None:
    asked = timed({})
    assert chosen(wide_model, pins={"w4": "reference"}) == Choice({"w4": "reference"}, {})
    assert asked == []


def test_a_pin_of_another_op_stays_beside_the_choice(
    wide_model: Path, timed: Callable[..., list[str]]
) -> None:
    timed({"stack=torch,w4=cpu": (0.010, 0.020), "stack=torch,w4=torch": (0.012, 0.025)})
    assert chosen(wide_model, pins={"stack": "torch"}).kernels == {"stack": "torch", "w4": "cpu"}


def test_with_one_candidate_nothing_is_measured(wide_model: Path, timed: Callable[..., list[str]]) -> None:
    asked = timed({})
    assert chosen(wide_model, precision="fp32") == Choice({"dense": "torch"}, {})
    assert asked == []


def test_torch_s_threads_are_left_as_they_were(wide_model: Path) -> None:
    before = torch.get_num_threads()
    found = choose_kernels(wide_model, "rtn-w4", threads=1)
    assert torch.get_num_threads() == before
    assert set(found.step_ms) == {"w4=cpu", "w4=torch"}
    assert found.kernels["w4"] in ("cpu", "torch")


def test_variants_are_the_preferred_kernels_then_one_change_at_a_time(wide_model: Path) -> None:
    found = [label(kernels) for kernels, _ in variants(wide_model, "rtn-w4", "cpu", {}, others=True)]
    assert len(found) == len(set(found))
    assert found[0].endswith("stack=cpu,w4=cpu")
    assert [name.partition(",")[2] for name in found[1:]] == [
        "stack=torch,tree_attention=cpu,w4=torch",
        "stack=torch,tree_attention=cpu,w4=cpu",
    ]
    assert len(list(variants(wide_model, "rtn-w4", "cpu", {}, others=False))) == 1
