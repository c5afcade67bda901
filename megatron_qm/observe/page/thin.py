"""Fewer points that tell the same: a long series as the mean, least and greatest value of each of many short spans."""

from dataclasses import dataclass

import numpy as np

from megatron_qm.observe.history import Series
from megatron_qm.observe.page.scale import drawable


@dataclass(frozen=True)
class Thinned:
    """[k] each. mean_k is NaN where a span has no finite value; low_k and high_k are None where nothing was thinned."""

    steps_k: np.ndarray
    mean_k: np.ndarray
    low_k: np.ndarray | None
    high_k: np.ndarray | None


def thin(series: Series, spans: int) -> Thinned:
    """At most `spans` + 2 points; a series that is short enough stays as it is. Every extreme survives in the band.

    Spans are equal in steps. The first and the last value stand alone: they are what a reader compares.
    """
    values_n = np.where(drawable(series.values_n), series.values_n, np.nan)
    if len(series) <= spans + 2:
        return Thinned(series.steps_n, values_n, None, None)
    inner = series.steps_n[1:-1]
    span_n = (inner - inner[0]) * spans // (inner[-1] - inner[0] + 1)
    first_k = np.flatnonzero(np.append(True, np.diff(span_n) > 0))
    middle = _reduce(values_n[1:-1], first_k)
    ends_k = np.append(first_k[1:], len(inner)) - 1
    steps_k = (inner[first_k] + inner[ends_k]) // 2
    around = [np.concatenate([values_n[:1], part, values_n[-1:]]) for part in middle]
    return Thinned(np.concatenate([series.steps_n[:1], steps_k, series.steps_n[-1:]]), *around)


def _reduce(values_n: np.ndarray, first_k: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mean, least and greatest of the finite values from each first index to the next."""
    finite_n = drawable(values_n)
    count_k = np.add.reduceat(finite_n.astype(np.int64), first_k)
    # Each value is divided first: a sum of huge ones would leave the range of floats.
    span_of_n = np.repeat(np.arange(len(first_k)), np.diff(np.append(first_k, len(values_n))))
    shares_n = np.where(finite_n, values_n, 0.0) / np.maximum(count_k, 1)[span_of_n]
    some_k = count_k > 0
    mean_k = np.where(some_k, np.add.reduceat(shares_n, first_k), np.nan)
    low_k = np.where(some_k, np.minimum.reduceat(np.where(finite_n, values_n, np.inf), first_k), np.nan)
    high_k = np.where(some_k, np.maximum.reduceat(np.where(finite_n, values_n, -np.inf), first_k), np.nan)
    return mean_k, low_k, high_k


def held(series: Series, steps_k: np.ndarray) -> np.ndarray:
    """The newest finite value at each of `steps_k`, 0 before the first: for counters such as consumed tokens."""
    finite_n = drawable(series.values_n)
    steps_n, values_n = series.steps_n[finite_n], series.values_n[finite_n]
    if not len(steps_n):
        return np.zeros(len(steps_k))
    at_k = np.searchsorted(steps_n, steps_k, side="right") - 1
    return np.where(at_k >= 0, values_n[np.maximum(at_k, 0)], 0.0)
