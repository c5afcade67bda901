"""Intervals against closed forms, and against how often they hold what they are to hold."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from megatron_qm.evals.statistics import mean_interval, wilson_interval

Z = 1.959963984540054


@pytest.mark.parametrize(("right", "total"), [(0, 1), (1, 1), (0, 20), (20, 20), (7, 20), (192, 192), (83, 192), (1, 1000)])
def test_of_zeros_and_ones_it_is_agresti_and_coulls(right: int, total: int) -> None:
    """As Agresti and Coull (1998) write it, and as it must be around Wilson's, whose centre it has."""
    whole = total + Z**2
    share = (right + Z**2 / 2) / whole
    half = Z * (share * (1 - share) / whole) ** 0.5
    low, high = mean_interval([1.0] * right + [0.0] * (total - right))
    assert (low, high) == pytest.approx((max(0, share - half), min(1, share + half)))
    assert low <= wilson_interval(right, total)[0] + 1e-12 and high >= wilson_interval(right, total)[1] - 1e-12


def test_of_many_values_it_is_the_normal_one() -> None:
    values = np.random.default_rng(1).beta(2, 3, 20_000)
    half = Z * values.std(ddof=1) / len(values) ** 0.5
    assert mean_interval(values.tolist()) == pytest.approx((values.mean() - half, values.mean() + half), abs=1e-4)


@pytest.mark.parametrize("value", [0.0, 0.3, 0.5, 1.0])
def test_equal_values_have_a_width_that_falls_with_their_number(value: float) -> None:
    widths = []
    for count in (0, 1, 2, 20, 192, 10_000):
        low, high = mean_interval([value] * count)
        assert 0 <= low <= value <= high <= 1
        widths.append(high - low)
    assert widths == sorted(widths, reverse=True) and widths[0] == 1 and widths[1] > 0.5 and widths[-1] > 1e-4


@given(st.lists(st.floats(0, 1), min_size=1, max_size=30))
def test_it_holds_the_mean_and_lies_between_0_and_1(values: list[float]) -> None:
    low, high = mean_interval(values)
    assert 0 <= low <= float(np.mean(values)) + 1e-12 and float(np.mean(values)) - 1e-12 <= high <= 1 and low < high


@pytest.mark.parametrize("values", [[1.5], [-0.1, 0.5], [float("nan")]])
def test_what_is_no_score_has_no_interval(values: list[float]) -> None:
    with pytest.raises(ValueError, match=r"in \[0, 1\]"):
        mean_interval(values)


DRAWN = {
    "scores": (lambda draw, size: draw.beta(2, 3, size), 0.4),
    "nearly all right": (lambda draw, size: draw.random(size) < 0.98, 0.98),
    "half right": (lambda draw, size: draw.random(size) < 0.5, 0.5),
    "0, 0.5 or 1": (lambda draw, size: draw.choice([0.0, 0.5, 1.0], size, p=[0.1, 0.8, 0.1]), 0.5),
    "equal but for a few": (lambda draw, size: np.where(draw.random(size) < 0.05, 0.0, 0.9), 0.855),
    "all equal": (lambda draw, size: np.full(size, 0.7), 0.7),
}


@pytest.mark.parametrize("name", DRAWN)
@pytest.mark.parametrize("count", [1, 2, 5, 20, 192])
def test_it_holds_the_true_mean_about_as_often_as_it_says(name: str, count: int) -> None:
    """Shares near 0 and 1 have dips, as they have for Wilson's. The normal interval of 2 values holds 0 or 1's mean half the
    time, and that of rare others hardly ever."""
    draw, mean = DRAWN[name]
    samples = draw(np.random.default_rng(count), (2000, count)).astype(float)
    held = sum(low <= mean <= high for low, high in map(mean_interval, samples.tolist()))
    assert held / len(samples) > 0.9
