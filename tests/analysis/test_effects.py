from __future__ import annotations

from math import log

import numpy as np
import pytest

from lab.analysis import effects
from lab.analysis.stats import PairedBootstrap

ARMS = {
    ("bf16", "none", "off", "bf16"): "bf16",
    ("bf16", "ngram", "off", "bf16"): "bf16 + ngram",
    ("w4", "none", "off", "bf16"): "w4",
    ("w4", "ngram", "off", "bf16"): "w4 + ngram",
}
REFERENCE, BOTH = ("bf16", "none", "off", "bf16"), ("w4", "ngram", "off", "bf16")


def boot(times: dict[str, float], spread: float = 0.0) -> PairedBootstrap:
    """Six sessions, two rounds; `spread` is the alternating deviation of the last arm from the others."""
    seconds = {arm: np.full((6, 2), time) for arm, time in times.items()}
    last = list(times)[-1]
    seconds[last] = seconds[last] * (1 + spread * np.array([1, -1, 1, -1, 1, -1])[:, None])
    return PairedBootstrap(seconds, {arm: np.ones((6, 2)) for arm in times})


def judged(both: float, spread: float = 0.0) -> tuple[effects.Interaction, effects.Verdict]:
    pairs = boot({"bf16": 4.0, "bf16 + ngram": 2.0, "w4": 2.5, "w4 + ngram": both}, spread)
    item = effects.interaction(pairs, ARMS, REFERENCE, BOTH)
    assert item is not None
    verdict = effects.verdict(pairs, ARMS, [item])
    assert verdict is not None
    return item, verdict


def test_interaction_is_zero_when_the_gains_multiply() -> None:
    item, _ = judged(both=1.25)
    assert item.interval.value == pytest.approx(0)


def test_interaction_below_zero_means_less_than_the_product() -> None:
    item, _ = judged(both=1.6)
    # log(4/1.6) - log(4/2) - log(4/2.5)
    assert item.interval.value == pytest.approx(log(2.5) - log(2) - log(1.6))
    assert item.best_single == "bf16 + ngram"
    assert item.over_best_single.value == pytest.approx(1.25)


def test_the_verdict_says_by_how_much_the_gains_fail_to_multiply_if_that_is_shown() -> None:
    _, verdict = judged(both=1.6, spread=0.02)
    # The product of the single gains is 2 * 1.6 = 3.2; both together reach 2.5 = 0.78 of it.
    assert "Less than the product: 0.78x [" in verdict.text
    _, verdict = judged(both=1.0, spread=0.02)
    assert "More than the product: 1.25x [" in verdict.text
    _, verdict = judged(both=1.25, spread=0.02)
    assert "product" not in verdict.text


@pytest.mark.parametrize(
    ("both", "spread", "compatibility"),
    [
        (1.6, 0.0, "compounds"),
        (2.5, 0.0, "conflicts"),
        (2.0, 0.02, "no gain"),  # the interval holds 1 and stays below 1.05
        (2.0, 0.4, "inconclusive"),
    ],
)
def test_compatibility_follows_from_both_over_the_best_single(
    both: float, spread: float, compatibility: str
) -> None:
    item, verdict = judged(both, spread)
    assert item.compatibility == verdict.compatibility == compatibility


def test_verdict_names_the_best_arm_and_those_it_ties_with() -> None:
    _, clear = judged(both=1.0)
    assert (clear.best_arm, clear.tied_with) == ("w4 + ngram", ())
    assert clear.text.startswith("Serve w4 + ngram: 4.00x the decode speed of bf16.")
    _, close = judged(both=1.98, spread=0.3)
    assert (close.best_arm, close.tied_with) == ("w4 + ngram", ("bf16 + ngram",))
    assert "no difference shown to bf16 + ngram" in close.text


def test_the_reference_can_be_the_best_arm() -> None:
    arms = {("bf16", "none", "off", "bf16"): "bf16", ("w4", "none", "off", "bf16"): "w4"}
    verdict = effects.verdict(boot({"bf16": 1.0, "w4": 2.0}), arms, [])
    assert verdict is not None
    assert verdict.text == "Serve bf16: nothing measured here was faster."
    assert verdict.compatibility is None


def test_a_fast_arm_that_gets_fewer_calls_right_is_not_served() -> None:
    pairs = boot({"bf16": 4.0, "bf16 + ngram": 2.0, "w4": 2.5, "w4 + ngram": 1.0})
    worse = {"w4": "-33 points [-38, -29]", "w4 + ngram": "-33 points [-38, -29]"}
    found = effects.verdict(pairs, ARMS, [], worse)
    assert found is not None
    assert (found.best_arm, found.tied_with) == ("bf16 + ngram", ())
    assert found.text == (
        "Serve bf16 + ngram: 2.00x the decode speed of bf16. w4 + ngram is faster, 4.00x, but gets fewer "
        "calls right: -33 points [-38, -29]."
    )
    two = {arm: name for arm, name in ARMS.items() if arm[1] == "none"}
    found = effects.verdict(boot({"bf16": 4.0, "w4": 2.5}), two, [], {"w4": "-33 points"})
    assert found is not None
    assert found.text.startswith(
        "Serve bf16: nothing measured here was faster and as often right. w4 is faster"
    )


def test_interaction_needs_all_four_arms() -> None:
    three = {key: name for key, name in ARMS.items() if name != "w4"}
    pairs = boot({"bf16": 4.0, "bf16 + ngram": 2.0, "w4 + ngram": 1.0})
    assert effects.interaction(pairs, three, REFERENCE, BOTH) is None


def test_noise_floor_is_the_fastest_round_over_the_slowest() -> None:
    seconds = np.array([[1.0, 1.1, np.nan], [1.0, 1.1, 1.0]])
    assert effects.noise_floor(seconds, np.ones((2, 3))) == pytest.approx(0.1)
    assert effects.noise_floor(seconds[:, :1], np.ones((2, 1))) is None
