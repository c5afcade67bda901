"""Slopes against the closed form of one regressor, and against how often the interval holds the true one."""

import numpy as np
import pytest

from megatron_qm.evals.pairs.measured import Comparisons, Measured
from megatron_qm.evals.pairs.rows import LABELS
from megatron_qm.evals.pairs.slopes import Slope, least_squares, slopes, t_quantile

# Student's 97.5% points, as printed in tables.
TABLE = {3: 3.182446, 4: 2.776445, 5: 2.570582, 8: 2.306004, 10: 2.228139, 20: 2.085963, 60: 2.000298, 1000: 1.962339}


@pytest.mark.parametrize("free", TABLE)
def test_the_quantile_is_the_tables(free: int) -> None:
    assert t_quantile(free) == pytest.approx(TABLE[free], rel=0.01 if free < 5 else 0.002)


def test_least_squares_are_the_closed_form_of_a_line() -> None:
    """With an intercept and groups of one: White's error with n / (n - 2), written out."""
    draw = np.random.default_rng(2)
    x, y = draw.normal(3, 2, 40), draw.normal(0, 1, 40)
    y = y * (1 + abs(x)) + 0.7 * x
    value, error, free = least_squares(np.stack([x, np.ones(40)], 1), y, np.arange(40))
    away = x - x.mean()
    slope = (away * y).sum() / (away**2).sum()
    rest = y - y.mean() - slope * away
    assert value == pytest.approx(slope) and free == 38
    assert error == pytest.approx(((away**2 * rest**2).sum() * 40 / 38) ** 0.5 / (away**2).sum())


def made(draw: np.random.Generator, pairs: int, slope: float, per_prompt: int = 1, ties: bool = False) -> Measured:
    """Scores of better and worse responses that also rise by `slope` per doubling, whose better ones are longer."""
    label_r = np.where((np.arange(pairs) % 5 == 0) & ties, LABELS.index("tie"), 0)
    length_rs = np.exp2(draw.normal([8, 7], 1, (pairs, 2))).round() + 1
    better_rs = np.array([1, 0]) * (label_r == 0)[:, None]
    shared_r = np.repeat(draw.normal(0, 2, -(-pairs // per_prompt)), per_prompt)[:pairs]
    pull_r = np.repeat(draw.normal(0, 0.5, -(-pairs // per_prompt)), per_prompt)[:pairs]
    noise_rs = draw.normal(0, 1, (pairs, 2)) + np.array([1, 0]) * pull_r[:, None]
    score_rs = shared_r[:, None] + 2 * better_rs + slope * np.log2(length_rs) + noise_rs
    markdown_rs = draw.random((pairs, 2))
    zeros = np.zeros(pairs, np.int64)
    prompt_r = np.arange(pairs) // per_prompt
    return Measured({}, np.arange(0, 2 * pairs + 1, 2), zeros + 1, label_r, zeros, zeros, prompt_r,
                    score_rs.ravel(), length_rs.ravel(), None, markdown_rs.ravel(), np.full(2 * pairs, -1), [""], {}, {})


def of_length(measured: Measured, deviation: float = 1.0) -> Slope:
    pairs = measured.rows
    compared = Comparisons(np.arange(pairs), np.arange(0, 2 * pairs, 2), np.arange(1, 2 * pairs, 2))
    return slopes(measured, compared, deviation)[0]


def test_at_equal_label_length_is_told_from_being_better() -> None:
    """A slope that did not know the label would be far above."""
    for slope in (0.0, 0.3):
        found = of_length(made(np.random.default_rng(1), 20_000, slope, ties=True))
        assert found.value == pytest.approx(slope, abs=0.03) and found.low is not None and found.low < slope < (found.high or 0)
    half = of_length(made(np.random.default_rng(1), 20_000, 0.3, ties=True), deviation=2.0)
    assert half.value == pytest.approx((found.value or 0) / 2)


@pytest.mark.parametrize(("pairs", "per_prompt"), [(15, 1), (200, 1), (160, 4)])
def test_the_interval_holds_the_true_slope_about_as_often_as_it_says(pairs: int, per_prompt: int) -> None:
    draw = np.random.default_rng(pairs)
    held = []
    for _ in range(400):
        found = of_length(made(draw, pairs, 0.4, per_prompt))
        assert found.low is not None and found.high is not None
        held.append(found.low <= 0.4 <= found.high)
    assert 0.90 <= np.mean(held) <= 0.99


def test_where_there_is_no_slope_it_says_why() -> None:
    draw = np.random.default_rng(1)
    few = of_length(made(draw, 3, 0.1))
    assert few.value is None and few.reason == "too few prompts"
    alike = made(draw, 50, 0.1)
    alike.characters_m[:] = np.tile([200.0, 100.0], 50)  # always the better one, always twice as long
    assert "differ" in of_length(alike).reason
    alike.characters_m[:] = 100.0
    assert "differ" in of_length(alike).reason
    assert of_length(made(draw, 50, 0.1), deviation=0.0).reason == "all scores are equal"


def test_every_slope_is_named() -> None:
    measured = made(np.random.default_rng(5), 500, 0.2)
    compared = Comparisons(np.arange(500), np.arange(0, 1000, 2), np.arange(1, 1000, 2))
    found = slopes(measured, compared, 1.0)
    names = [("length", ""), ("markdown", ""), ("length", "markdown"), ("markdown", "length")]
    assert [(one.name, one.beside) for one in found] == names
    assert all(one.n == 500 and one.value is not None for one in found)
