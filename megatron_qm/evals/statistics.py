"""Confidence intervals of proportions."""

import math
import statistics
from collections.abc import Sequence

_Z95 = 1.959963984540054


def wilson_interval(right: int, total: int, z: float = _Z95) -> tuple[float, float]:
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


def mean_interval(values: Sequence[float], z: float = _Z95) -> tuple[float, float]:
    """Mean +- z standard errors, kept within [0, 1]; (0, 1) for fewer than two values."""
    if len(values) < 2:
        return 0.0, 1.0
    half = z * statistics.stdev(values) / math.sqrt(len(values))
    mean = math.fsum(values) / len(values)
    return max(0.0, mean - half), min(1.0, mean + half)
