"""A scorer, asked about a batch of rows at a time."""

import itertools
import math
import numbers
from array import array
from collections.abc import Iterable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from megatron_qm.errors import UserError
from megatron_qm.evals.pairs.rows import Messages, Row, Scorer
from megatron_qm.rewards.outcome import Unscored

BATCH = 1024  # rows that a scorer is given at once


Score = float | Unscored


def scored(rows: Iterable[Row], scorer: Scorer) -> Iterator[tuple[Row, list[Score]]]:
    """Each row with the scores of its responses. Raises UserError for a scorer that does not answer for each as it must."""
    left = iter(rows)
    while some := list(itertools.islice(left, BATCH)):
        scores = iter(_scores(scorer, [conversation for row in some for conversation in row.conversations()]))
        for row in some:
            yield row, list(itertools.islice(scores, len(row.responses)))


def scores_exchanged(rows: Iterable[Row], scorer: Scorer) -> NDArray[np.float64]:
    """Of all responses where they stand in `rows`, NaN where there is none; but asked with the worse ones of a row first."""
    found = array("d")
    for row, scores in scored((row.exchanged() for row in rows), scorer):
        found.extend(finite(scores[row.better :] + scores[: row.better]))
    return np.asarray(found)


def finite(scores: Iterable[Score]) -> list[float]:
    """NaN in the place of all others."""
    return [math.nan if isinstance(score, Unscored) or not math.isfinite(score) else score for score in scores]


def _scores(scorer: Scorer, asked: Sequence[Messages]) -> list[Score]:
    found = list(scorer(asked))
    if len(found) != len(asked):
        raise UserError(f"the scorer gave {len(found)} scores for {len(asked)} conversations; it must give one each, or None")
    for score in found:
        if score is not None and (isinstance(score, bool) or not isinstance(score, numbers.Real | Unscored)):
            raise UserError(f"the scorer gave {score!r:.60} where a number or None is expected")
    return [_score(score) for score in found]


def _score(score: float | Unscored | None) -> Score:
    """Infinity in the place of a whole number or fraction that is too large for one."""
    if score is None or isinstance(score, Unscored):
        return score or Unscored("no score")
    try:
        return float(score)
    except OverflowError:
        return math.inf if score > 0 else -math.inf
