from __future__ import annotations

import dataclasses
import itertools
import json
import math
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM

from lab.errors import UserError
from lab.train.adapter import Trainer, _calling
from lab.train.batches import IGNORED, Bundle, bundle, collate
from lab.train.config import AdapterConfig
from lab.train.loop import CHECKPOINT, LOG, StepLog, learning_rate, read_log

Make = Callable[..., Trainer]
CPU = torch.device("cpu")


@pytest.fixture
def trainer(model_folder, examples, config) -> Make:
    """`trainer(**changes)` is a fresh one over the eight sessions."""

    def make(chosen=examples, *, validation=(), start: Path | None = None, **changes: object) -> Trainer:
        changed = dataclasses.replace(config, **changes)
        return Trainer(model_folder, chosen, changed, device=CPU, validation=validation, start=start)

    return make


def run(trainer: Trainer, folder: Path, *, until: int | None = None, **options: object) -> bool:
    """Train in `folder`; `until` stops in the middle of the step after so many."""
    folder.mkdir(exist_ok=True)
    forwards = sum(len(step) for step in trainer.steps[: until or 0]) + 1
    asked = itertools.count()
    return trainer.run(folder, stop=lambda: until is not None and next(asked) >= forwards, **options)


def weights(trainer: Trainer) -> dict[str, torch.Tensor]:
    return {n: p.detach().clone() for n, p in trainer.model.named_parameters() if p.requires_grad}


def same(left: Trainer, right: Trainer) -> bool:
    ours, theirs = weights(left), weights(right)
    return ours.keys() == theirs.keys() and all(torch.equal(ours[n], theirs[n]) for n in ours)


def test_every_linear_layer_but_the_head_gets_an_adapter_and_nothing_else_learns(trainer) -> None:
    names = set(weights(trainer()))
    layers = {n.partition(".layers.")[2].partition(".lora_")[0] for n in names}
    parts = {f"self_attn.{p}_proj" for p in "qkvo"} | {f"mlp.{p}_proj" for p in ("gate", "up", "down")}
    assert layers == {f"{layer}.{part}" for layer in (0, 1) for part in parts}
    assert all(".lora_" in n for n in names)


def test_frozen_layers_get_no_adapter_and_later_one_that_changes_nothing_yet(
    trainer, examples, tmp_path
) -> None:
    made = trainer(frozen=1)
    assert {n.partition(".layers.")[2][0] for n in weights(made)} == {"1"}
    assert run(made, tmp_path)
    made.save_adapter(tmp_path / "adapter")
    assert same(made, trainer(frozen=1, start=tmp_path / "adapter"))
    thawed = trainer(start=tmp_path / "adapter")
    assert len(weights(thawed)) == 2 * len(weights(made))
    assert thawed.loss(examples) == made.loss(examples)
    thawed.save_adapter(tmp_path / "adapter")
    with pytest.raises(UserError, match="0 matrices missing, 14 without a place"):
        trainer(frozen=1, start=tmp_path / "adapter")


def test_freezing_all_layers_leaves_nothing_to_train(trainer) -> None:
    with pytest.raises(UserError, match=r"--frozen: got 2, expected less than the model's 2 layers"):
        trainer(frozen=2)


def test_the_loss_is_the_cross_entropy_of_the_learnt_tokens(trainer, examples, model_folder) -> None:
    made = trainer()
    ids, learn = examples[0].ids.long(), examples[0].learn
    plain = AutoModelForCausalLM.from_pretrained(model_folder)
    losses = F.cross_entropy(plain(ids[None]).logits[0, :-1].detach(), ids[1:], reduction="none")
    assert made.loss([examples[0]]) == pytest.approx(losses[learn[1:]].mean().item(), rel=1e-5)


def test_neighbours_and_a_common_trunk_leave_a_sessions_loss_and_gradient_alone(trainer, examples) -> None:
    bundles = bundle(examples, forward_tokens=10_000)
    assert len(bundles[0].places) == len(examples)
    assert bundles[0].trunk > 10

    def loss_and_gradient(forward: list) -> tuple[float, torch.Tensor]:
        made = trainer()
        loss = made._loss(collate(examples, forward, CPU))
        loss.backward()
        return loss.item(), torch.cat([p.grad.flatten() for p in made._weights.values()])

    together = loss_and_gradient(bundles)
    apart = [loss_and_gradient([Bundle((place,), 0, len(one))]) for place, one in enumerate(examples)]
    assert together[0] == pytest.approx(sum(loss for loss, _ in apart), rel=1e-5)
    torch.testing.assert_close(together[1], sum(gradient for _, gradient in apart), rtol=1e-3, atol=1e-4)


def test_a_step_does_not_depend_on_how_it_is_cut_into_forwards(trainer, examples, tmp_path) -> None:
    one, many = (
        trainer(forward_tokens=tokens, batch_tokens=10_000, epochs=1, clip=1e9) for tokens in (10_000, 400)
    )
    assert (len(one.steps[0]), len(many.steps[0])) == (1, 8)
    for name, made in (("one", one), ("many", many)):
        run(made, tmp_path / name)
    (left,), (right,) = read_log(tmp_path / "one"), read_log(tmp_path / "many")
    assert left.loss == pytest.approx(right.loss, rel=1e-5)
    assert left.gradient == pytest.approx(right.gradient, rel=1e-4)
    assert left.learnt == right.learnt == sum(int(example.learn.sum()) for example in examples)


@pytest.mark.parametrize(
    ("weight", "decision"), [(0.0, 1.0), (0.25, 1.0), (1.0, 1.0), (0.25, 3.0), (1.0, 0.5)]
)
def test_the_wording_of_a_text_and_that_it_is_no_call_count_for_as_much_as_is_asked(
    trainer, examples, weight, decision
) -> None:
    made = trainer(text_weight=weight, no_call_weight=decision)
    batch = collate(examples, [Bundle((place,), 0, len(one)) for place, one in enumerate(examples)], CPU)
    torch.manual_seed(0)
    logits = torch.randn(len(batch.targets), 300)
    call = examples[0].ids[examples[0].learn][0]  # the first reply calls a tool
    logits[:, call] += 5  # likely enough to tell in the sum
    probabilities = logits.double().softmax(-1)
    expected = 0.0
    for row, target in enumerate(batch.targets.tolist()):
        if target != IGNORED:
            said = -probabilities[row, target].log()
            no_call = -(1 - probabilities[row, call]).log() if batch.begins[row] else 0.0
            expected += decision * no_call + weight * (said - no_call) if batch.text[row] else said
    parts = [made._weighted(logits[at], batch, at) for at in (slice(0, 5), slice(5, len(logits)))]
    assert sum(parts).item() == pytest.approx(expected.item(), rel=1e-5)


def test_a_token_that_texts_begin_with_too_does_not_tell_a_call(examples) -> None:
    call = int(examples[0].ids[examples[0].learn][0])
    assert _calling(examples).tolist() == [call]
    turned = [dataclasses.replace(one, text=one.learn & ~one.text) for one in examples[:1]]
    assert _calling([*examples, *turned]).tolist() == []


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_the_loss_falls_when_two_sessions_are_learnt_by_heart(trainer, examples, tmp_path, precision) -> None:
    made = trainer(examples[:2], epochs=40, lr=2e-2, rank=8, precision=precision)
    assert run(made, tmp_path)
    log = read_log(tmp_path)
    assert log[-1].loss < 0.5 * log[0].loss
    assert made.loss(examples[:2]) < 0.5 * log[0].loss


def test_the_same_seed_gives_the_same_weights_and_another_seed_others(trainer, tmp_path) -> None:
    first, again, other = trainer(), trainer(), trainer(seed=1)
    for index, made in enumerate((first, again, other)):
        run(made, tmp_path / str(index))
    assert same(first, again)
    assert not same(first, other)


def test_an_adapter_is_trained_on_from_where_it_was_left(trainer, tmp_path) -> None:
    first = trainer(epochs=1)
    run(first, tmp_path / "first")
    first.save_adapter(tmp_path / "adapter")
    assert same(first, trainer(start=tmp_path / "adapter", seed=5))


def test_an_adapter_of_a_lower_rank_is_widened_without_a_change_of_the_model(
    trainer, examples, tmp_path
) -> None:
    narrow = trainer(rank=2, alpha=4, epochs=1)
    run(narrow, tmp_path / "narrow")
    narrow.save_adapter(tmp_path / "adapter")
    wide = trainer(rank=4, alpha=8, start=tmp_path / "adapter")
    assert wide.loss(examples) == pytest.approx(narrow.loss(examples), rel=1e-6)
    assert wide.loss(examples) != trainer(rank=4, alpha=8).loss(examples)
    assert all(4 in weight.shape for weight in weights(wide).values())
    # What is new can learn: one factor of it is not zero.
    assert all(w[2:].any() for name, w in weights(wide).items() if "lora_A" in name)


def test_an_adapter_of_another_form_is_not_trained_on(trainer, tmp_path) -> None:
    weights_file = tmp_path / "adapter_model.safetensors"
    for rank, alpha in ((8, 16), (2, 8)):
        trainer(rank=rank, alpha=alpha).save_adapter(tmp_path)
        with pytest.raises(
            UserError, match=rf"--from .*got rank {rank}, alpha {alpha}, expected at most rank 4"
        ):
            trainer(start=tmp_path)
    trainer().save_adapter(tmp_path)
    whole = load_file(weights_file)
    save_file(dict(list(whole.items())[:-3]), weights_file)
    with pytest.raises(UserError, match="3 matrices missing"):
        trainer(start=tmp_path)
    foreign = {name.replace(".layers.1.", ".layers.9."): w for name, w in whole.items()}
    save_file(foreign, weights_file)
    with pytest.raises(UserError, match="0 matrices missing, 14 without a place"):
        trainer(start=tmp_path)
    weights_file.write_bytes(b"nothing")
    with pytest.raises(UserError, match="expected an adapter's factors"):
        trainer(start=tmp_path)


@pytest.mark.slow
# torch's compiler warns of torch's own past while it is imported, and of graph breaks around the attention.
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning")
def test_a_compiled_training_is_the_same_but_for_rounding(trainer, tmp_path) -> None:
    for name, compiled in (("plain", False), ("compiled", True)):
        run(trainer(compile=compiled), tmp_path / name)
    left, right = (read_log(tmp_path / name) for name in ("plain", "compiled"))
    assert [line.loss for line in left] == pytest.approx([line.loss for line in right], rel=1e-4)


@pytest.mark.parametrize("dropout", [0.0, 0.3])
def test_a_training_that_was_cut_off_ends_bit_for_bit_like_one_that_was_not(
    trainer, tmp_path, dropout
) -> None:
    straight = trainer(dropout=dropout)
    assert len(straight.steps) == 6
    assert run(straight, tmp_path / "straight")

    stopped = trainer(dropout=dropout)
    # It stops inside the fourth step, whose first forward has drawn from the generators.
    assert not run(stopped, tmp_path / "cut", until=3)
    assert len(read_log(tmp_path / "cut")) == 3
    torch.manual_seed(99)
    resumed = trainer(dropout=dropout)
    assert run(resumed, tmp_path / "cut")
    assert same(straight, resumed)
    assert not same(straight, stopped)

    def lines(name: str) -> list[dict]:
        dropped = {"seconds", "tokens_per_s"}
        kept = [dataclasses.asdict(line) for line in read_log(tmp_path / name)]
        return [{key: value for key, value in line.items() if key not in dropped} for line in kept]

    assert lines("cut") == lines("straight")
    left, right = (tmp_path / name / CHECKPOINT for name in ("straight", "cut"))
    assert left.stat().st_size == pytest.approx(right.stat().st_size, abs=100)


def test_a_killed_training_goes_on_from_its_last_checkpoint(trainer, tmp_path) -> None:
    straight = trainer()
    run(straight, tmp_path / "straight")

    class Killed(BaseException):
        pass

    def die(line: StepLog) -> None:
        if line.step == 3:
            raise Killed

    folder = tmp_path / "killed"
    with pytest.raises(Killed):
        run(trainer(), folder, tell=die, checkpoint_s=0.0)
    with (folder / LOG).open("a") as log:
        log.write('{"step": 4, "lo')  # cut off in the middle of a line
    resumed = trainer()
    assert run(resumed, folder)
    assert same(straight, resumed)
    assert [line.step for line in read_log(folder)] == [1, 2, 3, 4, 5, 6]
    assert not list(folder.glob(".*"))


def test_a_finished_training_does_nothing_more(trainer, tmp_path) -> None:
    run(trainer(), tmp_path)
    before = (tmp_path / LOG).read_text()
    again = trainer()
    assert run(again, tmp_path)
    assert (tmp_path / LOG).read_text() == before


def test_the_validation_loss_is_measured_along_the_way_and_at_the_end(trainer, examples, tmp_path) -> None:
    made = trainer(examples[:6], validation=examples[6:], epochs=10, dropout=0.2)
    run(made, tmp_path)
    log = read_log(tmp_path)
    measured = [line.step for line in log if line.validation_loss is not None]
    assert 5 <= len(measured) <= 11
    assert measured[-1] == len(log)
    assert log[-1].validation_loss == pytest.approx(made.loss(examples[6:]))
    assert log[0].validation_loss is None


def test_validation_changes_nothing_in_the_training(trainer, examples, tmp_path) -> None:
    plain, watched = trainer(dropout=0.2), trainer(dropout=0.2, validation=examples[:1])
    run(plain, tmp_path / "plain")
    run(watched, tmp_path / "watched")
    assert same(plain, watched)


def test_a_fraction_of_an_epoch_is_that_share_of_its_steps(trainer) -> None:
    assert [len(trainer(epochs=epochs).steps) for epochs in (1, 0.5, 1.5, 0.01, 2)] == [2, 1, 3, 1, 4]


def test_a_damaged_or_foreign_checkpoint_is_an_error(trainer, tmp_path) -> None:
    (tmp_path / CHECKPOINT).write_bytes(b"nothing")
    with pytest.raises(UserError, match="delete it to begin"):
        run(trainer(), tmp_path)
    run(trainer(rank=2), tmp_path / "rank2")
    with pytest.raises(UserError, match="delete it to begin"):
        run(trainer(), tmp_path / "rank2")


def test_a_diverged_training_stops_with_advice_and_without_a_checkpoint(trainer, tmp_path) -> None:
    made = trainer()
    with torch.no_grad():
        next(p for p in made.model.parameters() if p.requires_grad).fill_(math.nan)
    with pytest.raises(UserError, match="diverged at step 1: got loss nan"):
        run(made, tmp_path)
    assert not (tmp_path / CHECKPOINT).exists()


def test_the_log_is_one_json_object_a_step(trainer, tmp_path) -> None:
    run(trainer(), tmp_path)
    lines = [json.loads(line) for line in (tmp_path / LOG).read_text().splitlines()]
    assert [line["step"] for line in lines] == [1, 2, 3, 4, 5, 6]
    assert all(line["steps"] == 6 and line["tokens_per_s"] > 0 for line in lines)


def test_the_learning_rate_warms_up_and_falls_towards_zero() -> None:
    config = AdapterConfig(lr=1.0, warmup=0.2)
    rates = [learning_rate(step, 10, config) for step in range(10)]
    assert rates[:2] == [0.5, 1.0]
    assert rates == sorted(rates[:2]) + sorted(rates[2:], reverse=True)
    assert rates[5] == pytest.approx(0.5 * (1 + math.cos(math.pi * 4 / 9)))
    assert 0 < rates[-1] < 0.05


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("rank", 0),
        ("frozen", -1),
        ("copies", -1),
        ("lr", -1.0),
        ("epochs", math.inf),
        ("lr", math.nan),
        ("dropout", 1.0),
        ("warmup", 2.0),
        ("text_weight", 1.5),
        ("no_call_weight", 0.0),
        ("openings", -0.1),
        ("mask_names", -0.5),
        ("vary_words", 1.1),
        ("forward_tokens", 5),
    ],
)
def test_impossible_settings_name_their_option(field, value) -> None:
    with pytest.raises(UserError, match=f"^--{field.replace('_', '-')}: got {value}"):
        AdapterConfig(**{field: value})
