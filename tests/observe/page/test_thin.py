"""Thinned series against the plain definition, span by span."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from megatron_qm.observe.history import Series
from megatron_qm.observe.page.thin import held, thin

VALUES = st.one_of(st.floats(-1e6, 1e6), st.sampled_from([math.nan, math.inf, -math.inf]))


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(1, 50), VALUES), min_size=1, max_size=80), st.integers(1, 12))
def test_every_value_is_told_of(points: list[tuple[int, float]], spans: int) -> None:
    steps_n = np.cumsum([gap for gap, _ in points])
    values_n = np.array([value for _, value in points])
    thinned = thin(Series(steps_n, values_n), spans)
    finite_n = values_n[np.isfinite(values_n)]
    if len(values_n) <= spans + 2:
        assert thinned.scatter is None and len(thinned.steps_k) == len(values_n)
        np.testing.assert_array_equal(thinned.mean_k, np.where(np.isfinite(values_n), values_n, np.nan))
        return
    assert len(thinned.steps_k) <= spans + 2 and (np.diff(thinned.steps_k) >= 0).all()
    assert (thinned.steps_k[0], thinned.steps_k[-1]) == (steps_n[0], steps_n[-1])
    if len(finite_n):  # no extreme is lost
        assert np.nanmin(thinned.scatter.least_k) == finite_n.min()
        assert np.nanmax(thinned.scatter.greatest_k) == finite_n.max()
    else:
        assert np.isnan(thinned.mean_k).all()


def test_spans_by_the_plain_definition() -> None:
    rng = np.random.default_rng(0)
    steps_n, values_n = np.arange(1, 1003), rng.normal(size=1002)
    values_n[rng.integers(0, 1002, 100)] = np.nan
    thinned = thin(Series(steps_n, values_n), 10)
    for index, start in enumerate(range(1, 1001, 100), 1):
        inside = values_n[start:start + 100]
        inside = np.sort(inside[~np.isnan(inside)])
        scatter = thinned.scatter
        assert thinned.mean_k[index] == pytest.approx(inside.mean())
        assert (scatter.least_k[index], scatter.greatest_k[index]) == (inside[0], inside[-1])
        assert scatter.low_k[index] == inside[round(0.1 * (len(inside) - 1))]
        assert scatter.high_k[index] == inside[round(0.9 * (len(inside) - 1))]


def test_counters_are_held() -> None:
    series = Series(np.array([2, 5, 6]), np.array([10.0, 30.0, np.nan]))
    assert held(series, np.array([0, 2, 4, 5, 9])).tolist() == [0, 10, 10, 30, 30]
