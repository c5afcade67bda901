"""Axes hold their values, ticks are round, and written numbers read back."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from megatron_qm.observe.page.scale import Axis, axis_around, number, percent, tick_labels

REAL = st.floats(-1e12, 1e12)


@settings(deadline=None)
@given(st.lists(REAL, min_size=1, max_size=20), st.booleans())
def test_an_axis_holds_all_values(values: list[float], from_zero: bool) -> None:
    axis = axis_around(np.array(values), from_zero=from_zero)
    assert axis.low < axis.high
    places = axis.fraction(np.array(values))
    assert (-1e-6 <= places).all() and (places <= 1 + 1e-6).all()
    assert not from_zero or axis.low <= 0 <= axis.high


@pytest.mark.parametrize("values", [[], [math.nan], [math.inf, -math.inf], [1e308, -1e308]])
def test_an_axis_without_values_is_an_axis(values: list[float]) -> None:
    assert axis_around(np.array(values), from_zero=False) == Axis(0.0, 1.0)


@settings(deadline=None)
@given(REAL, st.floats(1e-6, 1e12))
def test_ticks_are_few_and_within(low: float, width: float) -> None:
    axis = Axis(low, low + width)
    if width < abs(low) * 1e-9:
        return
    ticks = axis.ticks(5)
    assert 2 <= len(ticks) <= 6
    assert all(axis.low - width * 1e-6 <= tick <= axis.high + width * 1e-6 for tick in ticks)


@pytest.mark.parametrize(("value", "text"), [
    (0, "0"), (2.3411, "2.341"), (0.0213, "0.0213"), (9999, "9999"), (24310, "24.31k"), (999_999, "1M"),
    (1_720_574_976, "1.721B"), (1e12, "1T"), (1e15, "1e15"), (3e-4, "3e-4"), (1.92e-4, "1.92e-4"), (-12.5, "-12.5"),
    (None, "–"), (math.nan, "NaN"), (math.inf, "∞"), (-math.inf, "−∞"), (1e-300, "1e-300"),
])
def test_numbers(value: float | None, text: str) -> None:
    assert number(value) == text


@settings(deadline=None)
@given(st.floats(1e-3, 9e14))
def test_numbers_read_back(value: float) -> None:
    text = number(value)
    unit = {"k": 1e3, "M": 1e6, "B": 1e9, "T": 1e12}.get(text[-1], 1.0)
    assert float(text.rstrip("kMBT")) * unit == pytest.approx(value, rel=6e-4)


@pytest.mark.parametrize(("low", "high", "write", "labels"), [
    (0, 12_400, number, ["0", "2.5k", "5.0k", "7.5k", "10.0k"]),
    (1.9, 10.2, number, ["2", "4", "6", "8", "10"]),
    (0, 3.1e-4, number, ["0", "1e-4", "2e-4", "3e-4"]),
    (0, 0.43, percent, ["0", "10%", "20%", "30%", "40%"]),
    (0, 2.6e6, number, ["0", "1M", "2M"]),
])
def test_labels_of_one_axis_share_unit_and_decimals(low: float, high: float, write, labels: list[str]) -> None:
    assert tick_labels(Axis(low, high).ticks(), write) == labels
