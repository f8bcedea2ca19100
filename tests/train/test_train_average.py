from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner, Result
from safetensors.torch import load_file

from lab.cli.train import train
from lab.errors import UserError
from lab.session import dump_session
from lab.train.adapter import Trainer
from lab.train.average import SHARES, average
from lab.zoo.resolve import resolve

CPU = torch.device("cpu")
FACTORS = "adapter_model.safetensors"


@pytest.fixture
def began(model_folder, examples, config) -> Trainer:
    return Trainer(model_folder, examples, config, device=CPU, validation=examples[5:])


@pytest.mark.parametrize("far", [1.0, 3.0, -1.0])
def test_the_mean_of_lowest_validation_loss_is_kept(began, examples, config, model_folder, tmp_path, far):
    trainer = Trainer(model_folder, examples, config, device=CPU)
    trainer.run(tmp_path, stop=lambda: False)
    first = began.adapter()
    trained = {name: first[name] + far * (end - first[name]) for name, end in trainer.adapter().items()}

    def mean(share: float) -> dict[str, torch.Tensor]:
        return {name: (1 - share) * first[name] + share * trained[name] for name in first}

    best, found = average(began, trained)
    losses = []
    for share in SHARES:
        trainer.set_adapter(mean(share))
        losses.append(trainer.loss(examples[5:]))
    assert [tried.share for tried in found] == [0, 0.25, 0.5, 0.75, 1]
    assert [tried.validation_loss for tried in found] == pytest.approx(losses, rel=1e-5)
    assert best.share == SHARES[losses.index(min(losses))]
    torch.testing.assert_close(began.adapter(), mean(best.share))
    assert (best.share == 0) == (far < 0)  # backwards nothing is won


def test_factors_of_another_form_have_no_mean(began) -> None:
    narrow = {name: tensor[:1] for name, tensor in began.adapter().items()}
    for other in (narrow, {}):
        with pytest.raises(UserError, match="expected the 28 matrices of the adapter that it began from"):
            average(began, other)


def invoke(*arguments: object) -> Result:
    return CliRunner().invoke(train, [str(word) for word in arguments], catch_exceptions=False)


@pytest.fixture
def trained(tmp_path, model_folder, make_session) -> dict[str, Path]:
    """A training in two parts, the second with the higher rank."""
    files = {"first": ["Oslo", "Rome"], "second": ["Lima", "Ulan Bator"], "held-out": ["Bern"]}
    paths = {name: tmp_path / f"{name}.jsonl" for name in files}
    for name, cities in files.items():
        paths[name].write_text("\n".join(dump_session(make_session(f"{name}/{c}", c)) for c in cities))
    course = ("--model", model_folder, "--length", 400, "--batch-tokens", 200, "--epochs", 2, "--threads", 1)
    for name, more in (
        ("first", ("--rank", 2, "--alpha", 4)),
        ("second", ("--rank", 4, "--alpha", 8, "--from", tmp_path / "first" / "adapter")),
    ):
        run = ("--sessions", paths[name], "--out", tmp_path / name, *more)
        assert invoke("adapter", *course, *run).exit_code == 0
    return paths


def test_a_training_is_averaged_with_what_it_began_from(trained, tmp_path) -> None:
    facts = json.loads((tmp_path / "second" / "training.json").read_text())
    del facts["vary_words"]  # as a lab without that option wrote it
    (tmp_path / "second" / "training.json").write_text(json.dumps(facts))
    options = ("--from", tmp_path / "first" / "adapter", "--validation", trained["held-out"])
    result = invoke("average", tmp_path / "second", *options, "--out", tmp_path / "mean", "--json")
    told = json.loads(result.stdout.splitlines()[-1])
    assert told["schema"] == "lab-average/1"
    assert told["share"] == min(told["means"], key=lambda mean: mean["validation_loss"])["share"]
    assert resolve(told["merged"]).path.name == "merged"
    narrow, wide, mean = (
        load_file(tmp_path / name / "adapter" / FACTORS) for name in ("first", "second", "mean")
    )
    for name, tensor in mean.items():
        # The ranks that the second part began with are the first's; the others are new.
        rows = slice(2) if "lora_A" in name else slice(None), slice(None) if "lora_A" in name else slice(2)
        expected = narrow[name].lerp(wide[name][rows], told["share"])
        torch.testing.assert_close(tensor[rows], expected)
    assert "validation" in result.stderr


def test_a_mistake_is_one_error_before_anything_is_written(trained, tmp_path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    (tmp_path / "there").mkdir()
    (tmp_path / "odd").mkdir()
    (tmp_path / "odd" / "training.json").write_text('{"kind": "adapter"}')
    right = {"--from": first / "adapter", "--validation": trained["held-out"], "--out": tmp_path / "mean"}
    for run, change, message in (
        (tmp_path / "none", {}, "expected a training's folder"),
        (tmp_path / "odd", {}, "KeyError"),
        (second, {"--from": second / "adapter"}, "got another adapter, expected the one that .* began from"),
        (second, {"--from": second}, "got no adapter_config.json"),
        (second, {"--out": tmp_path / "there"}, "got something there already"),
        (second, {"--validation": tmp_path / "none.jsonl"}, "session file"),
    ):
        with pytest.raises(UserError, match=message):
            invoke("average", run, *(word for pair in (right | change).items() for word in pair))
    for path in sorted((second / "merged").iterdir()):
        path.unlink()
    (second / "merged").rmdir()
    with pytest.raises(UserError, match="expected a finished training"):
        invoke("average", second, *(word for pair in right.items() for word in pair))
    assert not (tmp_path / "mean").exists()
