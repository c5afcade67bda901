"""How often the better response has the higher score."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from megatron_qm.evals.pairs.measured import Comparisons, Floats, Measured, comparisons
from megatron_qm.evals.statistics import mean_interval, wilson_interval


@dataclass(frozen=True)
class Accuracy:
    """Over `n` rows. A row of several comparisons counts with the share of them that are right; where all rows have one the
    interval is Wilson's, else that of a mean. value: None of no rows. ties: comparisons of equal scores, which are not right.
    ties_half: the accuracy with each of them as half."""

    n: int
    value: float | None
    low: float
    high: float
    ties: int
    ties_half: float | None
    comparisons: int

    def to_json(self) -> dict[str, object]:
        return {"accuracy": self.value, "low": self.low, "high": self.high, "n": self.n, "ties": self.ties,
                "accuracy_ties_half": self.ties_half, "comparisons": self.comparisons}


def accuracy(difference_k: Floats, compared: Comparisons) -> Accuracy:
    """difference_k: better minus worse of whatever is held to tell them apart, scores or lengths."""
    _, row_k = np.unique(compared.row_k, return_inverse=True)
    count_r = np.bincount(row_k)
    if not len(count_r):
        return Accuracy(0, None, 0.0, 1.0, 0, None, 0)
    right_r = np.bincount(row_k, difference_k > 0) / count_r
    half_r = np.bincount(row_k, (difference_k > 0) + 0.5 * (difference_k == 0)) / count_r
    single = bool((count_r == 1).all())
    low, high = wilson_interval(int(right_r.sum()), len(right_r)) if single else mean_interval(right_r.tolist())
    return Accuracy(len(count_r), float(right_r.mean()), low, high, int((difference_k == 0).sum()), float(half_r.mean()),
                    len(difference_k))


@dataclass(frozen=True)
class Stratum:
    """longer: of "the longer one wins", by characters. unscored: rows that have a label and no score."""

    accuracy: Accuracy
    longer: Accuracy
    unscored: int

    def to_json(self) -> dict[str, object]:
        return {**self.accuracy.to_json(), "longer_wins": self.longer.value, "unscored": self.unscored}


def by_stratum(measured: Measured) -> Mapping[str, Stratum]:
    """In the order in which they occur; rows of none are together under the empty name. Nothing where no row has one."""
    if list(measured.strata) == [""]:
        return {}
    found, judged_r, scored_r = {}, measured.judged_r, measured.scored_r
    for number, name in enumerate(measured.strata):
        mine_r = measured.stratum_r == number
        compared = comparisons(measured, mine_r & judged_r)
        found[name] = Stratum(
            accuracy(compared.difference(measured.score_m), compared),
            accuracy(compared.difference(measured.characters_m), compared),
            int((mine_r & ~scored_r).sum()),
        )
    return found
