"""Reliability and temperature against brute force, and against what they must find in scores of a known scale."""

import math

import numpy as np
import pytest

from megatron_qm.evals.pairs.calibration import calibrate, fit_of, fit_temperature, halves, reliability


def drawn(seed: int, n: int, scale: float) -> np.ndarray:
    """Differences whose labels follow Bradley and Terry's model, told `scale` times too large."""
    draw = np.random.default_rng(seed)
    logit_n = draw.normal(0, 1.5, n)
    first_better_n = draw.random(n) < 1 / (1 + np.exp(-logit_n))
    return scale * np.where(first_better_n, logit_n, -logit_n)


@pytest.mark.parametrize("scale", [0.25, 1.0, 4.0])
def test_the_temperature_is_the_scale_and_mends_the_error(scale: float) -> None:
    difference_k = drawn(7, 8000, scale)
    found = calibrate(difference_k, np.arange(8000), seed=1)
    assert found is not None and found.temperature == pytest.approx(scale, rel=0.12)
    assert found.after is not None and found.before is not None and (found.fitted, found.held_out) == (4000, 4000)
    assert found.after.ece < 0.03 and found.after.nll <= found.before.nll + 1e-3
    assert scale == 1 or found.before.ece > 3 * found.after.ece


@pytest.mark.parametrize("seed", range(4))
def test_no_other_temperature_is_more_likely(seed: int) -> None:
    difference_k = drawn(seed, 300, 10.0 ** (seed - 1))
    best, _ = fit_temperature(difference_k)
    assert best is not None

    def cost(temperature: float) -> float:
        return sum(math.log1p(math.exp(-d / temperature)) for d in difference_k)
    others = best * np.exp(np.linspace(-2, 2, 401))
    assert cost(best) <= min(cost(other) for other in others) + 1e-9


@pytest.mark.parametrize(("difference", "why"), [
    ([0.0, 0.0], "are 0"), ([1.0, 2.0, 0.0], "are right"), ([1.0, -3.0], "do not prefer"), ([-1.0], "do not prefer"),
    ([], "are 0"),
])
def test_where_there_is_no_temperature_it_says_why(difference: list[float], why: str) -> None:
    temperature, reason = fit_temperature(np.array(difference))
    assert temperature is None and why in reason


def test_bins_and_error_by_hand() -> None:
    """Confidences 0.5 (a tie), sigmoid(1) = 0.731 twice, of which one is wrong, and sigmoid(3) = 0.953."""
    bins = reliability(np.array([0.0, 1.0, -1.0, 3.0]))
    assert [(round(one.low, 2), one.n, one.accuracy) for one in bins] == [(0.5, 1, 0.5), (0.7, 2, 0.5), (0.95, 1, 1.0)]
    one, three = (1 / (1 + math.exp(-x)) for x in (1, 3))
    assert fit_of(np.array([0.0, 1.0, -1.0, 3.0])).ece == pytest.approx((2 * (one - 0.5) + (1 - three)) / 4)
    assert fit_of(np.array([0.0, 1.0, -1.0])).nll == pytest.approx((math.log(2) - math.log(one) - math.log(1 - one)) / 3)
    assert sum(each.n for each in reliability(np.array([1e9, -1e9, 800.0]))) == 3


def test_a_prompt_is_in_one_half_and_the_seed_draws_it() -> None:
    prompt_k = np.repeat(np.arange(50), 3)
    one, same, other = (halves(prompt_k, seed) for seed in (1, 1, 2))
    assert (one == same).all() and (one != other).any() and one.sum() == 75
    assert all(len(set(one[prompt_k == prompt].tolist())) == 1 for prompt in range(50))
    alone = calibrate(np.array([1.0, -0.5]), np.zeros(2, int), 0)
    assert alone is not None and alone.temperature is None and "one prompt" in alone.reason
    assert calibrate(np.array([]), np.array([], int), 0) is None


def test_the_fit_looks_at_one_half_only() -> None:
    difference_k, prompt_k = drawn(3, 400, 1.0), np.arange(400)
    first_k = halves(prompt_k, 5)
    changed_k = np.where(first_k, difference_k, -100.0)
    found, other = (calibrate(one, prompt_k, 5) for one in (difference_k, changed_k))
    assert found is not None and other is not None and found.temperature == other.temperature
