"""RewardBench 2 (arXiv 2506.01937): one right response among several, and questions with several right answers."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from megatron_qm.evals.pairs.measured import Floats, Ints, Measured
from megatron_qm.evals.pairs.rows import KINDS, REFERENCE, TIED, Kind
from megatron_qm.evals.statistics import wilson_interval


@dataclass(frozen=True)
class BestOf:
    """right: rows whose better response is above all others. ties: those in which it shares the first place. shared: the accuracy
    as RewardBench 2 takes it, with a first place that k share as 1/k."""

    n: int
    right: int
    ties: int
    shared: float

    @property
    def interval(self) -> tuple[float, float]:
        return wilson_interval(self.right, self.n)

    def to_json(self) -> dict[str, object]:
        low, high = self.interval
        return {"accuracy": self.right / self.n, "low": low, "high": high, "n": self.n, "ties": self.ties,
                "accuracy_ties_shared": self.shared}


def best_of(measured: Measured) -> Mapping[int, BestOf]:
    """By the number of responses."""
    rows = _judged(measured, "best")
    size_r = np.diff(measured.first_r)[rows]
    return {size: _best_of(measured, rows[size_r == size], size) for size in np.unique(size_r).tolist()}


def _best_of(measured: Measured, rows: Ints, size: int) -> BestOf:
    score_rn = measured.score_m[measured.first_r[rows][:, None] + np.arange(size)]
    top_r = score_rn.max(1)
    sharing_r = np.where(score_rn[:, 0] == top_r, (score_rn == top_r[:, None]).sum(1), 0)
    shared_r = np.where(sharing_r, 1 / np.maximum(sharing_r, 1), 0.0)
    return BestOf(len(rows), int((sharing_r == 1).sum()), int((sharing_r > 1).sum()), float(shared_r.mean()))


@dataclass(frozen=True)
class TiesScore:
    """tied, reference: of the questions with several right answers, and with one, the share in which every right answer is above
    every wrong one. Over the pairs of a question of each kind: in what share the gap between right and wrong is wider than the
    spread of the right ones (preferred), also where the gap is the smaller one of both questions (preferred_hard); margin: the
    mean of tanh(that smaller gap / spread - 1). score: 0.3 tied + 0.3 reference + 0.2 preferred + 0.2 preferred_hard + 0.01
    margin; None where no question has its other."""

    n: int
    references: int
    both: int
    tied: float
    reference: float | None
    preferred: float | None
    preferred_hard: float | None
    margin: float | None

    @property
    def score(self) -> float | None:
        parts = (self.tied, self.reference, self.preferred, self.preferred_hard, self.margin)
        if any(part is None for part in parts):
            return None
        return sum(weight * (part or 0.0) for weight, part in zip((0.3, 0.3, 0.2, 0.2, 0.01), parts, strict=True))

    def to_json(self) -> dict[str, object]:
        return {"score": self.score, "tied_accuracy": self.tied, "reference_accuracy": self.reference,
                "correctness_preferred": self.preferred, "correctness_preferred_hard": self.preferred_hard,
                "margin": self.margin, "n": self.n, "references": self.references, "both": self.both}


def ties_score(measured: Measured) -> TiesScore | None:
    """None where no question has several right answers. `tied:7` is held against `ref:7`."""
    tied = {key.removeprefix(TIED): _gaps(scores, better) for key, scores, better in _rows(measured, "tied")}
    alone = {key.removeprefix(REFERENCE): _gaps(scores, better) for key, scores, better in _rows(measured, "reference")}
    if not tied:
        return None
    both = [name for name in tied if name in alone]
    gap_b, spread_b = np.array([tied[name] for name in both]).reshape(-1, 2).T
    smaller_b = np.minimum(gap_b, np.array([alone[name][0] for name in both]))
    return TiesScore(
        len(tied), len(alone), len(both), _share(gap > 0 for gap, _ in tied.values()) or 0.0,
        _share(gap > 0 for gap, _ in alone.values()), _share(gap_b > spread_b), _share(smaller_b > spread_b),
        float(np.mean(_margins(smaller_b, spread_b))) if both else None,
    )


def _rows(measured: Measured, kind: Kind) -> Iterable[tuple[str, Floats, int]]:
    """(key, scores, how many of them are of better responses) of the rows of a kind that are scored."""
    for row in _judged(measured, kind).tolist():
        scores = measured.score_m[measured.first_r[row] : measured.first_r[row + 1]]
        yield measured.keys[row], scores, int(measured.better_r[row])


def _judged(measured: Measured, kind: Kind) -> Ints:
    return np.flatnonzero((measured.kind_r == KINDS.index(kind)) & measured.judged_r)


def _gaps(scores: Floats, better: int) -> tuple[float, float]:
    """(the lowest right above the highest wrong, the spread of the right ones)."""
    return float(scores[:better].min() - scores[better:].max()), float(np.ptp(scores[:better]))


def _share(found: Iterable[bool]) -> float | None:
    every = list(found)
    return float(np.mean(every)) if every else None


def _margins(smaller_b: Floats, spread_b: Floats) -> Floats:
    """Where right answers do not differ at all: 1 or -1 by the sign of the gap, and 0 where there is no gap either."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.nan_to_num(np.tanh(smaller_b / spread_b - 1), nan=0.0)
