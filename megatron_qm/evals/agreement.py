"""Do annotators agree? Cohen's kappa of two, Krippendorff's alpha of any number with gaps. Categories have no order."""

import math
from collections import Counter
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

from megatron_qm.evals.statistics import Z95, wilson_interval


@dataclass(frozen=True)
class Kappa:
    """Over `n` units that both have judged. observed, expected: shares of agreement, and those by chance. kappa: None where
    chance alone agrees always (both used one category), or there is nothing; then the interval is (-1, 1)."""

    n: int
    observed: float
    expected: float
    kappa: float | None
    standard_error: float | None
    low: float
    high: float

    def to_json(self) -> dict[str, object]:
        return {"kappa": self.kappa, "low": self.low, "high": self.high, "standard_error": self.standard_error, "n": self.n,
                "observed": self.observed, "expected": self.expected}


def cohens_kappa(one: Sequence[Hashable | None], other: Sequence[Hashable | None], z: float = Z95) -> Kappa:
    """Of two annotators' categories for the same units, in order; None where one has not judged, and such units are left out.

    The interval is kappa +- z standard errors for large samples (Fleiss, Cohen and Everitt, 1969). Where all agree that error is
    0, which a few units cannot show: then the lower end is kappa at the lower end of Wilson's interval of the agreement.
    """
    if len(one) != len(other):
        raise ValueError(f"{len(one)} judgements of one annotator, {len(other)} of the other")
    pairs = [(a, b) for a, b in zip(one, other, strict=True) if a is not None and b is not None]
    n = len(pairs)
    if not n:
        return Kappa(0, 0.0, 0.0, None, None, -1.0, 1.0)
    cells, rows, columns = Counter(pairs), Counter(a for a, _ in pairs), Counter(b for _, b in pairs)
    agreed = sum(count for (a, b), count in cells.items() if a == b)
    chance = sum(rows[name] * columns[name] for name in rows)  # of n^2
    observed, expected = agreed / n, chance / n**2
    if chance == n * n:
        return Kappa(n, observed, expected, None, None, -1.0, 1.0)
    kappa = (observed - expected) / (1 - expected)
    error = _standard_error(cells, rows, columns, observed, expected)
    low, high = kappa - z * error, kappa + z * error
    if agreed == n:
        low = (wilson_interval(agreed, n, z)[0] - expected) / (1 - expected)
    return Kappa(n, observed, expected, kappa, error, max(-1.0, low), min(1.0, high))


def _standard_error(
    cells: Counter[tuple[Hashable, Hashable]], rows: Counter[Hashable], columns: Counter[Hashable],
    observed: float, expected: float,
) -> float:
    """Fleiss, Cohen and Everitt's, for a kappa that need not be 0."""
    n = cells.total()
    agreeing = sum(count / n * ((1 - expected) - (rows[a] + columns[a]) / n * (1 - observed)) ** 2
                   for (a, b), count in cells.items() if a == b)
    differing = sum(count / n * ((columns[a] + rows[b]) / n) ** 2 for (a, b), count in cells.items() if a != b)
    variance = agreeing + (1 - observed) ** 2 * differing - (observed * expected - 2 * expected + observed) ** 2
    return math.sqrt(max(variance, 0.0) / n) / (1 - expected) ** 2


@dataclass(frozen=True)
class Alpha:
    """units: those with two judgements or more; judgements: of these. alpha: None where there are none, or all are equal."""

    alpha: float | None
    units: int
    judgements: int

    def to_json(self) -> dict[str, object]:
        return {"alpha": self.alpha, "units": self.units, "judgements": self.judgements}


def krippendorffs_alpha(units: Sequence[Sequence[Hashable | None]]) -> Alpha:
    """Nominal. units: of each the categories that its annotators gave, None where one did not judge; who gave which is one."""
    judged = [[category for category in unit if category is not None] for unit in units]
    pairable = [unit for unit in judged if len(unit) > 1]
    totals = Counter(category for unit in pairable for category in unit)
    n = totals.total()
    apart = n * n - sum(count * count for count in totals.values())  # ordered pairs of unlike judgements, whatever their units
    if not apart:
        return Alpha(None, len(pairable), n)
    unlike = math.fsum((len(unit) ** 2 - sum(count * count for count in Counter(unit).values())) / (len(unit) - 1)
                       for unit in pairable)
    return Alpha(1 - (n - 1) * unlike / apart, len(pairable), n)
