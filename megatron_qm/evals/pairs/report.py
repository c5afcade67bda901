"""`evaluate_pairs`: a file of pairs and a scorer in, every number of docs/evaluate.md out."""

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from megatron_qm.evals.pairs.accuracy import Accuracy, Stratum, accuracy, by_stratum
from megatron_qm.evals.pairs.best_of import BestOf, TiesScore, best_of, ties_score
from megatron_qm.evals.pairs.calibration import Calibration, calibrate
from megatron_qm.evals.pairs.checked import Checked, check_pairs
from megatron_qm.evals.pairs.columns import TokenCounter
from megatron_qm.evals.pairs.measured import Floats, Ints, Measured, comparisons, measure
from megatron_qm.evals.pairs.position import PairJudge, PositionBias, ask_both_orders, position_bias
from megatron_qm.evals.pairs.rows import Scorer
from megatron_qm.evals.pairs.scoring import scores_exchanged
from megatron_qm.evals.pairs.slopes import Slope, slopes
from megatron_qm.evals.pairs.styles import Matrix, style_matrix
from megatron_qm.json_types import JsonObject


@dataclass(frozen=True)
class Tied:
    """Pairs that are labelled as ties: how far apart their scores are, |difference| in standard deviations of all scores."""

    n: int
    mean: float
    median: float
    in_deviations: float | None

    def to_json(self) -> JsonObject:
        return {"n": self.n, "mean_difference": self.mean, "median_difference": self.median,
                "mean_in_deviations": self.in_deviations}


@dataclass(frozen=True)
class Report:
    """swapped: what is found where better and worse responses are exchanged, and all scored again. order_effect: the largest
    difference between both scores of a response. longer, longer_tokens: of "the longer one wins". deviation: of all scores."""

    pairs: Checked
    seed: int
    unscored: Mapping[str, int]
    accuracy: Accuracy
    swapped: Accuracy
    order_effect: float | None
    longer: Accuracy
    longer_tokens: Accuracy | None
    deviation: float | None
    strata: Mapping[str, Stratum]
    tied: Tied | None
    styles: Matrix | None
    best_of: Mapping[int, BestOf]
    ties: TiesScore | None
    calibration: Calibration | None
    slopes: Sequence[Slope]
    measured: Measured

    @property
    def rows(self) -> int:
        return self.measured.rows

    @property
    def swapped_expected(self) -> float | None:
        """Of the exchanged sides: all that was neither right nor a tie."""
        if self.accuracy.value is None or self.accuracy.ties_half is None:
            return None
        return 1 - self.accuracy.value - 2 * (self.accuracy.ties_half - self.accuracy.value)

    def to_json(self) -> JsonObject:
        return {**self.numbers(), "scores": list(self.scores())}

    def numbers(self) -> JsonObject:
        """All but the scores, which are as many as there are pairs."""
        return {
            "pairs": str(self.pairs.path), "seed": self.seed, "rows": self.rows, **self.accuracy.to_json(),
            "unscored": sum(self.unscored.values()), "unscored_reasons": dict(self.unscored),
            "unscored_first": {reason: {"line": at, "why": why} for reason, (at, why) in self.measured.unscored_first.items()},
            "swapped_accuracy": self.swapped.value, "swapped_expected": self.swapped_expected,
            "order_effect": self.order_effect, "longer_wins": self.longer.value,
            "longer": {"characters": self.longer.to_json(), "tokens": self.longer_tokens and self.longer_tokens.to_json()},
            "strata": {name: stratum.to_json() for name, stratum in self.strata.items()},
            "score_deviation": self.deviation, "tied": self.tied and self.tied.to_json(),
            "styles": self.styles and self.styles.to_json(),
            "best_of": {str(size): found.to_json() for size, found in self.best_of.items()},
            "ties_score": self.ties and self.ties.to_json(), "calibration": self.calibration and self.calibration.to_json(),
            "slopes": [slope.to_json() for slope in self.slopes],
        }

    def scores(self) -> Iterator[JsonObject]:
        """Of each row, by the side of the file on which a response stood. The file is read once more, for its keys."""
        for row, (first, end) in zip(self.pairs, itertools.pairwise(self.measured.first_r), strict=True):
            scores = [None if math.isnan(score) else score for score in self.measured.score_m[first:end].tolist()]
            better, worse = scores[: row.better], scores[row.better :]
            chosen, rejected = (worse, better) if row.label == "rejected" else (better, worse)
            yield {"key": row.key, "chosen": chosen, "rejected": rejected}


def evaluate_pairs(path: Path, scorer: Scorer, seed: int = 0, tokens: TokenCounter | None = None) -> Report:
    """tokens: counts those of a response, for lengths beside characters. seed: draws the half that a temperature is fitted on.

    The file is read through before anything is scored. Raises UserError for a line that is not whole, for a file that changes
    meanwhile, and for a scorer that does not answer for each conversation; what it could not score is counted by its
    reason and left out.
    """
    pairs = check_pairs(path)
    measured = measure(pairs, scorer, tokens)
    deviation, exchanged = _deviation(measured), _exchanged(measured, scores_exchanged(pairs, scorer))
    return Report(
        pairs, seed, measured.unscored, _accuracy(measured, measured.score_m), *exchanged,
        _accuracy(measured, measured.characters_m),
        None if measured.tokens_m is None else _accuracy(measured, measured.tokens_m), deviation, by_stratum(measured),
        _tied(measured, deviation), style_matrix(measured), best_of(measured), ties_score(measured), _calibration(measured, seed),
        _slopes(measured, deviation), measured,
    )


def judge_pairs(path: Path, judge: PairJudge) -> PositionBias:
    """Of a judge that is shown two responses at once. Raises UserError as `evaluate_pairs` does."""
    return position_bias(ask_both_orders(check_pairs(path), judge))


# Each of these makes its own comparisons, which are as long as the file, and lets them go.


def _accuracy(measured: Measured, values_m: Floats | Ints) -> Accuracy:
    """Of "the one with the larger value wins"."""
    compared = comparisons(measured, measured.judged_r)
    return accuracy(compared.difference(values_m), compared)


def _exchanged(measured: Measured, second_m: Floats) -> tuple[Accuracy, float | None]:
    """(accuracy where the worse responses are taken for the better ones, the order's effect) of scores with sides exchanged."""
    judged = comparisons(measured, replace(measured, score_m=second_m).judged_r)
    swapped = accuracy(-judged.difference(second_m), judged)
    apart_m = np.abs(measured.score_m - second_m)
    known_m = apart_m[np.isfinite(apart_m)]
    return swapped, float(known_m.max()) if len(known_m) else None


def _calibration(measured: Measured, seed: int) -> Calibration | None:
    judged = comparisons(measured, measured.judged_r)
    return calibrate(judged.difference(measured.score_m), measured.prompt_r[judged.row_k], seed)


def _slopes(measured: Measured, deviation: float | None) -> list[Slope]:
    scored = comparisons(measured, measured.scored_r)
    return slopes(measured, scored, deviation or 0.0) if len(scored.row_k) else []


def _deviation(measured: Measured) -> float | None:
    known_m = measured.score_m[np.isfinite(measured.score_m)]
    return float(known_m.std(ddof=1)) if len(known_m) > 1 else None


def _tied(measured: Measured, deviation: float | None) -> Tied | None:
    tied = comparisons(measured, measured.scored_r & measured.tied_r)
    apart_k = np.abs(tied.difference(measured.score_m))
    if not len(apart_k):
        return None
    mean = float(apart_k.mean())
    return Tied(len(apart_k), mean, float(np.median(apart_k)), mean / deviation if deviation else None)
