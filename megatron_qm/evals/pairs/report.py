"""`evaluate_pairs`: a file of pairs and a scorer in, every number of docs/evaluate.md out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from megatron_qm.errors import UserError
from megatron_qm.evals.pairs.accuracy import Accuracy, Stratum, accuracy, by_stratum
from megatron_qm.evals.pairs.best_of import BestOf, TiesScore, best_of, ties_score
from megatron_qm.evals.pairs.calibration import Calibration, calibrate
from megatron_qm.evals.pairs.measured import Comparisons, Floats, Measured, TokenCounter, comparisons, measure
from megatron_qm.evals.pairs.position import PairJudge, PositionBias, ask_both_orders, position_bias
from megatron_qm.evals.pairs.reading import read_rows
from megatron_qm.evals.pairs.rows import LABELS, Scorer
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

    file: str
    seed: int
    rows: int
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

    def to_json(self) -> JsonObject:
        return {
            "pairs": self.file, "seed": self.seed, "rows": self.rows, **self.accuracy.to_json(),
            "unscored": sum(self.unscored.values()), "unscored_reasons": dict(self.unscored),
            "swapped_accuracy": self.swapped.value, "swapped_expected": _complement(self.accuracy),
            "order_effect": self.order_effect, "longer_wins": self.longer.value,
            "longer": {"characters": self.longer.to_json(), "tokens": self.longer_tokens and self.longer_tokens.to_json()},
            "strata": {name: stratum.to_json() for name, stratum in self.strata.items()},
            "score_deviation": self.deviation, "tied": self.tied and self.tied.to_json(),
            "styles": self.styles and self.styles.to_json(),
            "best_of": {str(size): found.to_json() for size, found in self.best_of.items()},
            "ties_score": self.ties and self.ties.to_json(), "calibration": self.calibration and self.calibration.to_json(),
            "slopes": [slope.to_json() for slope in self.slopes],
            "scores": _scores(self.measured),
        }


def evaluate_pairs(path: Path, scorer: Scorer, seed: int = 0, tokens: TokenCounter | None = None) -> Report:
    """tokens: counts those of a response, for lengths beside characters. seed: draws the half that a temperature is fitted on.

    The file is read through before anything is scored. Raises UserError for a line that is not whole, and for a scorer that does
    not answer for each conversation; what it could not score, None, is counted and left out.
    """
    check_pairs(path)
    measured = measure(read_rows(path), scorer, tokens)
    again = measure((row.exchanged() for row in read_rows(path)), scorer, texts=False)
    judged, scored = comparisons(measured, measured.judged_r), comparisons(measured, measured.scored_r)
    swapped = comparisons(again, again.judged_r)
    score_k, deviation = judged.difference(measured.score_m), _deviation(measured)
    return Report(
        str(path), seed, len(measured.keys), measured.unscored, accuracy(score_k, judged),
        accuracy(swapped.difference(again.score_m), swapped), _order_effect(measured, again),
        accuracy(judged.difference(measured.characters_m), judged),
        None if measured.tokens_m is None else accuracy(judged.difference(measured.tokens_m), judged),
        deviation, by_stratum(measured), _tied(measured, scored, deviation), style_matrix(measured), best_of(measured),
        ties_score(measured), calibrate(score_k, measured.prompt_r[judged.row_k], seed),
        slopes(measured, scored, deviation or 0.0) if len(scored.row_k) else [], measured,
    )


def judge_pairs(path: Path, judge: PairJudge) -> PositionBias:
    """Of a judge that is shown two responses at once. Raises UserError as `evaluate_pairs` does."""
    check_pairs(path)
    return position_bias(ask_both_orders(read_rows(path), judge))


def check_pairs(path: Path) -> None:
    """Raises UserError for the first line that is not whole, and for what cannot be read more than once."""
    if path.exists() and not path.is_file():
        raise UserError(f"{path}: is no file; pairs are read several times, so give a file")
    for _ in read_rows(path):
        pass


def _complement(found: Accuracy) -> float | None:
    """Of the exchanged sides: all that was neither right nor a tie."""
    if found.value is None or found.ties_half is None:
        return None
    return 1 - found.value - 2 * (found.ties_half - found.value)


def _deviation(measured: Measured) -> float | None:
    known_m = measured.score_m[np.isfinite(measured.score_m)]
    return float(known_m.std(ddof=1)) if len(known_m) > 1 else None


def _order_effect(measured: Measured, again: Measured) -> float | None:
    """The second time the worse responses stood first."""
    length_r, place_m = np.diff(measured.first_r), np.arange(len(measured.score_m))
    row_m = np.repeat(np.arange(len(length_r)), length_r)
    first_m, better_m = measured.first_r[row_m], measured.better_r[row_m]
    moved_m = first_m + (place_m - first_m - better_m) % length_r[row_m]
    gap_m: Floats = np.abs(measured.score_m - again.score_m[moved_m])
    known_m = gap_m[np.isfinite(gap_m)]
    return float(known_m.max()) if len(known_m) else None


def _tied(measured: Measured, scored: Comparisons, deviation: float | None) -> Tied | None:
    apart_k = np.abs(scored.difference(measured.score_m))[measured.tied_r[scored.row_k]]
    if not len(apart_k):
        return None
    mean = float(apart_k.mean())
    return Tied(len(apart_k), mean, float(np.median(apart_k)), mean / deviation if deviation else None)


def _scores(measured: Measured) -> list[JsonObject]:
    """Of each row, by the side of the file on which a response stood."""
    found: list[JsonObject] = []
    for row, key in enumerate(measured.keys):
        first, end = measured.first_r[row : row + 2].tolist()
        scores = [None if np.isnan(score) else score for score in measured.score_m[first:end].tolist()]
        better, worse = scores[: measured.better_r[row]], scores[measured.better_r[row] :]
        sides = (worse, better) if LABELS[measured.label_r[row]] == "rejected" else (better, worse)
        found.append({"key": key, "chosen": sides[0], "rejected": sides[1]})
    return found
