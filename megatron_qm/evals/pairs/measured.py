"""Scores and lengths of all responses of a file, as columns of numbers: texts are let go as they are scored.

Axes: r rows, m responses, k comparisons of a better with a worse response of one row.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from megatron_qm.evals.pairs.columns import Columns, TokenCounter
from megatron_qm.evals.pairs.rows import LABELS, Row, Scorer
from megatron_qm.evals.pairs.scoring import scored

Floats = NDArray[np.float64]
Ints = NDArray[np.signedinteger[Any]]


@dataclass(frozen=True)
class Measured:
    """keys: of rows that are held against each other by them. first_r: where a row's responses begin, better ones first; one more
    entry for the end. prompt_r: equal for rows of one prompt. score_m: NaN where there is none. tokens_m: None where nobody
    counts tokens. unscored: rows by reason; unscored_first: line and reason in detail of the first of each."""

    keys: Mapping[int, str]
    first_r: Ints
    better_r: Ints
    label_r: Ints  # index in LABELS
    kind_r: Ints  # index in KINDS
    stratum_r: Ints  # index in strata
    prompt_r: Ints
    score_m: Floats
    characters_m: Ints
    tokens_m: Ints | None
    markdown_m: Floats
    style_m: Ints  # index in STYLES, -1 where it is not told
    strata: Sequence[str]
    unscored: Mapping[str, int]
    unscored_first: Mapping[str, tuple[int, str]]

    @property
    def rows(self) -> int:
        return len(self.better_r)

    @property
    def scored_r(self) -> NDArray[np.bool_]:
        """Rows of which every response has a score."""
        scored_r: NDArray[np.bool_] = np.logical_and.reduceat(np.isfinite(self.score_m), self.first_r[:-1])
        return scored_r

    @property
    def tied_r(self) -> NDArray[np.bool_]:
        """Rows of which neither side is better."""
        tied_r: NDArray[np.bool_] = self.label_r == LABELS.index("tie")
        return tied_r

    @property
    def judged_r(self) -> NDArray[np.bool_]:
        """Rows that accuracy is over."""
        return self.scored_r & ~self.tied_r


@dataclass(frozen=True)
class Comparisons:
    """row_k: whose they are; better_k, worse_k: the two responses."""

    row_k: Ints
    better_k: Ints
    worse_k: Ints

    def difference(self, values_m: Floats | Ints) -> Floats:
        return np.subtract(values_m[self.better_k], values_m[self.worse_k], dtype=np.float64)


def comparisons(measured: Measured, chosen_r: NDArray[np.bool_]) -> Comparisons:
    """Every better with every worse response of the rows `chosen_r`."""
    rows = np.flatnonzero(chosen_r).astype(np.int32)
    better, worse = measured.better_r[rows], np.diff(measured.first_r)[rows] - measured.better_r[rows]
    counts = better * worse
    at_k = np.repeat(np.arange(len(rows), dtype=np.int32), counts)
    within_k = (np.arange(len(at_k)) - (np.cumsum(counts) - counts)[at_k]).astype(np.int32)
    first_k = measured.first_r[rows][at_k]
    return Comparisons(rows[at_k], first_k + within_k // worse[at_k], first_k + better[at_k] + within_k % worse[at_k])


def measure(rows: Iterable[Row], scorer: Scorer, tokens: TokenCounter | None = None) -> Measured:
    """Scores `rows` and counts their texts. Raises UserError for a scorer that does not answer for each as it must."""
    found = Columns(tokens)
    for row, scores in scored(rows, scorer):
        found.add(row, scores)
    return Measured(
        found.keys, np.asarray(found.first_r), np.asarray(found.better_r), np.asarray(found.label_r),
        np.asarray(found.kind_r), np.asarray(found.stratum_r), _numbered(np.asarray(found.prompt_r)), np.asarray(found.score_m),
        np.asarray(found.characters_m), np.asarray(found.tokens_m) if tokens else None, np.asarray(found.markdown_m),
        np.asarray(found.style_m), list(found.strata), dict(found.unscored), found.unscored_first,
    )


def _numbered(digest_r: NDArray[np.uint64]) -> Ints:
    """From 0 on, in the order in which they occur first."""
    _, first, at_r = np.unique(digest_r, return_index=True, return_inverse=True)
    number = np.empty(len(first), np.int32)
    number[np.argsort(first)] = np.arange(len(first))
    return number[at_r]
