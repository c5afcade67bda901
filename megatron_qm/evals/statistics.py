"""Confidence intervals of proportions, and of means of what lies between 0 and 1."""

import math
from collections.abc import Sequence

Z95 = 1.959963984540054


def wilson_interval(right: int, total: int, z: float = Z95) -> tuple[float, float]:
    """Wilson's score interval (1927) of `right` out of `total`; (0, 1) where nothing was asked.

    Unlike p +- z * sqrt(p(1-p)/n) it stays within [0, 1] and is honest for few questions or extreme shares.
    """
    if not 0 <= right <= total:
        raise ValueError(f"{right} right out of {total}")
    if not total:
        return 0.0, 1.0
    share, weight = right / total, z * z / total
    centre = (share + weight / 2) / (1 + weight)
    half = z * math.sqrt(share * (1 - share) / total + weight / (4 * total)) / (1 + weight)
    # rounding must not push a bound past the share itself
    return max(0.0, min(centre - half, share)), min(1.0, max(centre + half, share))


def mean_interval(values: Sequence[float], z: float = Z95) -> tuple[float, float]:
    """Of the mean of values in [0, 1]: Agresti and Coull's interval (1998), with the spread of the values in the place of p(1-p).

    To the values z^2 more are added, half of them 0 and half 1, and the mean of all +- z standard errors is taken. For values of
    0 and 1 it is theirs; equal values, or few, which say little about those to come, give a width of their own; (0, 1) for none.
    """
    if not all(0 <= value <= 1 for value in values):
        raise ValueError("a mean's values must lie in [0, 1]")
    if not values:
        return 0.0, 1.0
    mean, total = math.fsum(values) / len(values), len(values) + z * z
    centre = (math.fsum(values) + z * z / 2) / total
    square = (math.fsum(value * value for value in values) + z * z / 2) / total
    half = z * math.sqrt(max(square - centre * centre, 0.0) / total)
    return max(0.0, min(centre - half, mean)), min(1.0, max(centre + half, mean))
