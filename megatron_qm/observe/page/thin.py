"""Fewer points that tell the same: a long series as the means of short spans, and how far their values scatter."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from megatron_qm.observe.history import Series
from megatron_qm.observe.page.scale import drawable

_MIDDLE = (0.1, 0.9)  # of the values of a span


@dataclass(frozen=True)
class Scatter:
    """Of the values of each span, [k] each: the least, the greatest, and the bounds of the middle 80%."""

    least_k: np.ndarray
    greatest_k: np.ndarray
    low_k: np.ndarray
    high_k: np.ndarray


@dataclass(frozen=True)
class Thinned:
    """[k] each. mean_k is NaN where a span has no finite value; scatter is None where nothing was thinned."""

    steps_k: NDArray[np.int64]
    mean_k: NDArray[np.float64]
    scatter: Scatter | None = None


def thin(series: Series, spans: int) -> Thinned:
    """At most `spans` + 2 points; a series that is short enough stays as it is.

    Spans are equal in steps. The first and the last value stand alone: they are what a reader compares.
    """
    values_n = np.where(drawable(series.values_n), series.values_n, np.nan)
    if len(series) <= spans + 2:
        return Thinned(series.steps_n, values_n)
    inner = series.steps_n[1:-1]
    span_n = (inner - inner[0]) * spans // (inner[-1] - inner[0] + 1)
    first_k = np.flatnonzero(np.append(True, np.diff(span_n) > 0))
    last_k = np.append(first_k[1:], len(inner)) - 1
    mean, *scatter = (
        np.concatenate([values_n[:1], part_k, values_n[-1:]]) for part_k in _reduce(values_n[1:-1], first_k)
    )
    middle_k = (inner[first_k] + inner[last_k]) // 2
    steps_k = np.concatenate([series.steps_n[:1], middle_k, series.steps_n[-1:]])
    return Thinned(steps_k, mean, Scatter(*scatter))


def _reduce(values_n: np.ndarray, first_k: np.ndarray) -> list[np.ndarray]:
    """Mean, least, greatest, low and high of the finite values of each span, which begin at `first_k`."""
    span_n = np.repeat(np.arange(len(first_k)), np.diff(np.append(first_k, len(values_n))))
    sorted_n = values_n[np.lexsort((values_n, span_n))]  # within each span, NaN last
    count_k = np.add.reduceat((~np.isnan(values_n)).astype(np.int64), first_k)
    # Each value is divided first: a sum of huge ones would leave the range of floats.
    shares_n = np.nan_to_num(values_n) / np.maximum(count_k, 1)[span_n]
    places = [np.round(share * (count_k - 1)).astype(np.int64) for share in (0.0, 1.0, *_MIDDLE)]
    picked = [sorted_n[first_k + np.maximum(place_k, 0)] for place_k in places]
    return [np.where(count_k > 0, np.add.reduceat(shares_n, first_k), np.nan), *picked]


def held(series: Series, steps_k: np.ndarray) -> np.ndarray:
    """The newest finite value at each of `steps_k`, 0 before the first: for counters such as consumed tokens."""
    finite_n = drawable(series.values_n)
    steps_n, values_n = series.steps_n[finite_n], series.values_n[finite_n]
    if not len(steps_n):
        return np.zeros(len(steps_k))
    at_k = np.searchsorted(steps_n, steps_k, side="right") - 1
    return np.where(at_k >= 0, values_n[np.maximum(at_k, 0)], 0.0)
