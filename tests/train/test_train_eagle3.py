"""Training a head: the data are the target's own, the unrolling is what drafting computes, and it learns."""

from __future__ import annotations

import dataclasses
import itertools
import json
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F

from lab.engines.base import EngineConfig
from lab.engines.native import NativeEngine
from lab.errors import UserError
from lab.replay import ReplaySettings, replay
from lab.speculation.eagle3.checkpoint import default_taps, load_head
from lab.speculation.eagle3.drafter import Eagle3Drafter
from lab.speculation.options import parse_tree
from lab.train.config import Eagle3Config
from lab.train.eagle3.collect import FeatureCache, Seen, collect
from lab.train.eagle3.head import draft_vocabulary
from lab.train.eagle3.trainer import HeadTrainer, Survey, output_weights
from lab.train.loop import read_log

CONFIG = Eagle3Config(
    unroll=3, vocabulary=120, lr=1e-2, epochs=2, batch_tokens=300, precision="fp32", clip=5.0
)
CITIES = ("Oslo", "Rome", "Lima", "Bern")


@pytest.fixture
def engine(deep_folder: Path) -> NativeEngine:
    return NativeEngine(EngineConfig(deep_folder, precision="fp32"))


@pytest.fixture
def sessions(make_session) -> list:
    return [make_session(f"s/{city}", city) for city in CITIES]


@pytest.fixture
def seen(engine, sessions) -> list[list[Seen]]:
    return list(collect(engine, sessions, default_taps(6), "hermes"))


def trainer(
    engine: NativeEngine, seen: list[list[Seen]], held_out=(), start: Path | None = None, **changes: object
) -> HeadTrainer:
    config = dataclasses.replace(CONFIG, **changes)
    survey = Survey.of(seen.__getitem__, len(seen), engine.decoder.config.vocabulary)
    output = output_weights(engine.config.model, engine.decoder)
    return HeadTrainer(
        engine.decoder,
        output,
        seen.__getitem__,
        survey,
        config,
        held_out=held_out,
        start=start,
        trained_context=640,
    )


def run(made: HeadTrainer, folder: Path, until: int | None = None) -> bool:
    folder.mkdir(exist_ok=True)
    forwards = sum(len(step) for step in made.steps[: until or 0]) + 1
    asked = itertools.count()
    return made.run(folder, stop=lambda: until is not None and next(asked) >= forwards)


def test_what_is_learnt_is_what_plain_decoding_says(engine, sessions, seen) -> None:
    plain = NativeEngine(engine.config)
    for session, sequences in zip(sessions, seen, strict=True):
        records = replay(session, plain, ReplaySettings("hermes"), cell_id="", round_=1)
        said = [token for record in records for token in record.generation.token_ids]
        assert [t for each in sequences for t in each.ids[each.learn].tolist()] == said


def test_features_are_those_of_the_whole_sequence(engine, seen) -> None:
    from lab.models.decoder import Taps

    for each in itertools.chain(*seen):
        taps = Taps((*default_taps(6), 6))
        engine.decoder.forward(each.ids[:-1].long(), engine.decoder.new_cache(), taps=taps)
        torch.testing.assert_close(each.features.float(), taps.take(), rtol=0.02, atol=0.02)


def test_a_reply_as_recorded_goes_on_in_the_same_sequence(engine, make_session, monkeypatch) -> None:
    session = make_session("s/x", "Oslo")
    plain = NativeEngine(engine.config)
    (own,) = [
        [r.generation.text for r in replay(session, plain, ReplaySettings("hermes"), cell_id="", round_=1)]
    ]
    assert own[0]
    found = next(collect(engine, [session], default_taps(6), "hermes"))
    # A random model never answers as recorded, so every call has a sequence of its own.
    assert len(found) == len(session.calls)
    from lab.train.eagle3 import collect as module

    engine.reset()
    replies = iter(
        [
            r.generation.token_ids
            for r in replay(session, plain, ReplaySettings("hermes"), cell_id="", round_=1)
        ]
    )
    monkeypatch.setattr(module, "_recorded", lambda *_: list(next(replies)))
    steps: list[int] = []
    generate = engine.generate

    def watched(*args: object):
        made = generate(*args)
        steps.append(len(made.steps))
        return made

    monkeypatch.setattr(engine, "generate", watched)
    again = next(collect(engine, [session], default_taps(6), "hermes"))
    assert [each.ids.tolist() for each in again] == [each.ids.tolist() for each in found]
    # Up to eight tokens of a reply are read in one verify step.
    assert steps == [1] * len(session.calls)


def test_the_unrolling_computes_what_drafting_computes(engine, seen, tmp_path) -> None:
    made = trainer(engine, seen)
    each = max(itertools.chain(*seen), key=lambda s: int(s.learn.sum()))
    made.save_head(tmp_path / "head")
    head = load_head(tmp_path / "head", engine.decoder)
    # The module in the precision of the file.
    made.head.load_state_dict({n: t.bfloat16().float() for n, t in made.head.state_dict().items()})
    rows = (each.learn[1:-1] & each.learn[2:]).nonzero()[:, 0].tolist()
    ids, features = each.ids.long(), each.features.float()
    width = engine.decoder.config.hidden
    expected = [0.0] * 3
    for row in rows:
        fused = head.fuse(features[: row + 1, : 3 * width])
        hidden = fused
        for step in range(3):
            if row + step + 2 > len(features):
                break
            states, logits = head.forward(hidden, ids[1 : row + 2 + step], head.new_cache())
            hidden = torch.cat((fused, states[row:]))
            token = ids[row + step + 2]
            if each.learn[row + step + 2] and token in head.target_ids:
                last = F.rms_norm(features[row + step + 1, 3 * width :], (width,), engine.decoder.norm, 1e-6)
                wanted = (made.head.output @ last).softmax(-1)
                expected[step] -= float((wanted * logits[-1].log_softmax(-1)).sum())
    with torch.no_grad():
        steps = made.head.unroll(ids, each.learn, features, 3)
    assert [step.loss.item() for step in steps] == pytest.approx(expected, rel=1e-3)
    assert steps[0].rows == len(rows)


def test_a_reply_shorter_than_the_unrolling_is_learnt_as_far_as_it_goes(engine, seen) -> None:
    short = dataclasses.replace(
        seen[0][0], ids=seen[0][0].ids[:8], learn=torch.arange(8) >= 5, features=seen[0][0].features[:7]
    )
    steps = trainer(engine, seen, unroll=6)._unroll(short)
    assert [step.rows for step in steps] == [2, 1, 0, 0, 0, 0]
    torch.stack([step.loss for step in steps]).sum().backward()


def test_products_in_bf16_give_the_loss_of_float32_but_for_rounding(engine, seen, monkeypatch) -> None:
    monkeypatch.setattr("lab.train.eagle3.trainer.has_bf16_arithmetic", lambda: True)
    each = max(itertools.chain(*seen), key=lambda s: int(s.learn.sum()))
    exact, rounded = (
        [s.loss for s in trainer(engine, seen, precision=p)._unroll(each)] for p in ("fp32", "bf16")
    )
    torch.stack(rounded).sum().backward()
    assert [loss.dtype for loss in rounded] == [torch.float32] * 3
    assert [loss.item() for loss in rounded] != [loss.item() for loss in exact]
    assert [loss.item() for loss in rounded] == pytest.approx([loss.item() for loss in exact], rel=0.01)


def test_a_head_that_is_trained_is_accepted_and_survives_its_file(engine, sessions, seen, tmp_path) -> None:
    made = trainer(engine, seen, held_out=seen[0], epochs=40)
    assert run(made, tmp_path / "run")
    log = read_log(tmp_path / "run")
    assert log[-1].loss < 0.8 * log[0].loss
    assert log[-1].validation_loss is not None
    first = [made._unroll(each)[0] for each in seen[0]]
    assert sum(step.hits for step in first) > 0.5 * sum(step.counted for step in first)
    made.save_head(tmp_path / "head")
    engine.use(Eagle3Drafter(load_head(tmp_path / "head", engine.decoder), parse_tree("tree-3x4x12")))
    records = list(replay(sessions[0], engine, ReplaySettings("hermes"), cell_id="", round_=1))
    steps = [s for r in records for s in r.generation.steps if s.kind == "verify"]
    assert sum(s.emitted for s in steps) / len(steps) > 1.5


def test_a_training_that_was_cut_off_ends_bit_for_bit_like_one_that_was_not(engine, seen, tmp_path) -> None:
    straight = trainer(engine, seen)
    assert run(straight, tmp_path / "straight")
    assert not run(trainer(engine, seen), tmp_path / "cut", until=2)
    resumed = trainer(engine, seen)
    assert run(resumed, tmp_path / "cut")
    left, right = straight.head.state_dict(), resumed.head.state_dict()
    assert all(torch.equal(left[name], right[name]) for name in left)


def test_a_head_is_trained_on_from_where_it_was_left_with_a_vocabulary_of_its_own(
    engine, seen, tmp_path
) -> None:
    first = trainer(engine, seen, vocabulary=60)
    run(first, tmp_path / "run")
    first.save_head(tmp_path / "head")
    again, new = trainer(engine, seen, start=tmp_path / "head"), trainer(engine, seen)
    config = json.loads((tmp_path / "head" / "config.json").read_text())
    (tmp_path / "head" / "config.json").write_text(json.dumps(config | {"max_position_embeddings": 900}))
    assert trainer(engine, seen, start=tmp_path / "head").head.config.trained_context == 900
    kept = torch.isin(again.ids, first.ids)
    assert 0 < int(kept.sum()) < len(again.ids)
    left, fresh = again.head.lm_head.weight, new.head.lm_head.weight
    assert torch.equal(left[~kept], fresh[~kept])
    assert torch.equal(left[kept], first.head.lm_head.weight[torch.isin(first.ids, again.ids)].bfloat16())
    for name, weight in first.head.named_parameters():
        if name != "lm_head.weight":
            assert torch.equal(again.head.get_parameter(name), weight.bfloat16().float()), name
    with pytest.raises(UserError, match=r"mlp\.gate_proj\.weight"):
        trainer(engine, seen, start=tmp_path / "head", intermediate=8)


def test_the_draft_vocabulary_is_what_is_said_most() -> None:
    counts = torch.tensor([0, 5, 2, 9, 2, 0])
    assert draft_vocabulary(counts, 3).tolist() == [1, 2, 3]


def test_the_cache_holds_what_was_collected_up_to_its_limit(engine, sessions, seen, tmp_path) -> None:
    asked: list[int] = []

    def make(done: int):
        asked.append(done)
        return collect(engine, sessions[done:], default_taps(6), "hermes")

    sizes = [sum(each.nbytes for each in sequences) for sequences in seen]
    small = FeatureCache(tmp_path / "small", "data", limit=sizes[0] + sizes[1] // 2)
    assert small.fill(4, make, lambda _: True) == (1, True)
    cache = FeatureCache(tmp_path / "cache", "data", limit=10**9)
    assert cache.fill(4, make, lambda done: done < 2) == (2, False)
    assert FeatureCache(tmp_path / "cache", "data", limit=10**9).fill(4, make, lambda _: True) == (4, True)
    assert asked == [0, 0, 2]
    for session, sequences in enumerate(seen):
        for left, right in zip(cache.load(session), sequences, strict=True):
            assert left.ids.tolist() == right.ids.tolist()
            assert torch.equal(left.features, right.features)
    with pytest.raises(UserError, match="got features of other data"):
        FeatureCache(tmp_path / "cache", "other", limit=1)


def test_a_model_too_shallow_for_three_layers_is_refused(model_folder, sessions) -> None:
    shallow = NativeEngine(EngineConfig(model_folder, precision="fp32"))
    seen = list(collect(shallow, sessions[:1], (0, 1, 1), "hermes"))
    with pytest.raises(UserError, match="got 2 layers, expected at least 4"):
        trainer(shallow, seen)
