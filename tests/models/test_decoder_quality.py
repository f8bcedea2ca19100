from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F

from lab.measure import quality as module
from lab.measure.quality import NOTHING, quality
from lab.models.decoder import Decoder
from lab.models.examples import Example

Load = Callable[..., Decoder]


@pytest.fixture(scope="module")
def sequence() -> Example:
    ids = torch.randint(0, 96, (50,), generator=torch.Generator().manual_seed(5), dtype=torch.int32)
    learn = torch.zeros(50, dtype=torch.bool)
    learn[20:30] = learn[41:50] = True
    return Example(ids, learn, torch.zeros_like(learn))


@pytest.mark.parametrize("rows", [512, 7])
def test_the_sums_are_those_of_the_whole_distributions(
    tmp_path: Path,
    save: Callable[..., object],
    load: Load,
    sequence: Example,
    rows: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "PREFILL_ROWS", rows)
    save(tmp_path, "Llama", hidden_size=64, intermediate_size=128)
    reference, other = load(tmp_path), load(tmp_path, "rtn-w4")
    found = quality(other, reference, [sequence, sequence])
    ids = sequence.ids.long()
    there, here = (
        decoder.forward(ids, decoder.new_cache()).double().softmax(-1)[:-1][sequence.learn[1:]]
        for decoder in (reference, other)
    )
    targets = ids[1:][sequence.learn[1:]]
    assert found.tokens == 2 * 19
    assert found.kl == pytest.approx(2 * float((there * (there / here).log()).sum()), rel=0.02)
    assert found.nll == pytest.approx(2 * float(F.nll_loss(here.log(), targets, reduction="sum")), rel=0.02)
    assert found.agree == 2 * int((there.argmax(-1) == here.argmax(-1)).sum())
    assert 0 < found.agree < found.tokens


def test_a_model_has_no_divergence_from_itself(llama: Path, load: Load, sequence: Example) -> None:
    decoder = load(llama)
    found = quality(decoder, decoder, [sequence])
    assert (found.kl, found.agree) == (0.0, found.tokens)
    assert found.nll > 0


def test_what_does_not_fit_the_context_is_left_out(llama: Path, load: Load) -> None:
    decoder = load(llama)
    learn = torch.ones(129, dtype=torch.bool)
    long = Example(torch.ones(129, dtype=torch.int32), learn, ~learn)
    assert quality(decoder, decoder, [long]) == NOTHING
