"""Scores and lengths of all responses of a file, as columns of numbers: texts are let go as they are scored.

Axes: r rows, m responses, k comparisons of a better with a worse response of one row.
"""

import hashlib
import itertools
import json
import math
import numbers
from array import array
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from megatron_qm.errors import UserError
from megatron_qm.evals.pairs.markdown import density
from megatron_qm.evals.pairs.rows import KINDS, LABELS, Messages, Row, Scorer, written

TokenCounter = Callable[[str], int]
BATCH = 1024  # rows that a scorer is given at once
Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Measured:
    """first_r: where a row's responses begin, better ones first; one more entry for the end. prompt_r: equal for rows of one
    prompt. score_m: NaN where there is none. tokens_m: None where nobody counts tokens. unscored: rows by reason."""

    keys: Sequence[str]
    first_r: Ints
    better_r: Ints
    label_r: Ints  # index in LABELS
    kind_r: Ints  # index in KINDS
    stratum_r: Ints  # index in strata
    prompt_r: Ints
    score_m: Floats
    characters_m: Floats
    tokens_m: Floats | None
    markdown_m: Floats
    style_m: Ints  # index in STYLES, -1 where it is not told
    strata: Sequence[str]
    unscored: Mapping[str, int]

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

    def difference(self, values_m: Floats) -> Floats:
        return values_m[self.better_k] - values_m[self.worse_k]


def comparisons(measured: Measured, chosen_r: NDArray[np.bool_]) -> Comparisons:
    """Every better with every worse response of the rows `chosen_r`."""
    rows = np.flatnonzero(chosen_r)
    better, worse = measured.better_r[rows], np.diff(measured.first_r)[rows] - measured.better_r[rows]
    counts = better * worse
    at_k = np.repeat(np.arange(len(rows)), counts)
    within_k = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
    first_k = measured.first_r[rows][at_k]
    return Comparisons(rows[at_k], first_k + within_k // worse[at_k], first_k + better[at_k] + within_k % worse[at_k])


def measure(
    rows: Iterable[Row], scorer: Scorer, tokens: TokenCounter | None = None, *, texts: bool = True, batch: int = BATCH
) -> Measured:
    """Scores `rows`, `batch` of them at once. texts: whether lengths and markdown are measured, too; else they are 0. Raises
    UserError for a scorer that does not give a score, or None, each."""
    columns, left = _Columns(texts, tokens), iter(rows)
    while some := list(itertools.islice(left, batch)):
        asked = [conversation for row in some for conversation in row.conversations()]
        scores = iter(_scores(scorer, asked))
        for row in some:
            columns.add(row, list(itertools.islice(scores, len(row.responses))))
    return columns.measured()


def _scores(scorer: Scorer, asked: Sequence[Messages]) -> list[float | None]:
    found = list(scorer(asked))
    if len(found) != len(asked):
        raise UserError(f"the scorer gave {len(found)} scores for {len(asked)} conversations; it must give one each, or None")
    for score in found:
        if score is not None and (isinstance(score, bool) or not isinstance(score, numbers.Real)):
            raise UserError(f"the scorer gave {score!r:.60} where a number or None is expected")
    return [None if score is None else float(score) for score in found]


@dataclass
class _Columns:
    """Grow row by row."""

    texts: bool
    tokens: TokenCounter | None
    keys: list[str] = field(default_factory=list)
    ends: "array[int]" = field(default_factory=lambda: array("q", [0]))
    rows: "array[int]" = field(default_factory=lambda: array("q"))  # five whole numbers a row
    responses: "array[float]" = field(default_factory=lambda: array("d"))  # five numbers of each
    strata: dict[str, int] = field(default_factory=dict)
    prompts: dict[bytes, int] = field(default_factory=dict)
    unscored: Counter[str] = field(default_factory=Counter)

    def add(self, row: Row, scores: Sequence[float | None]) -> None:
        self.keys.append(row.key)
        self.ends.append(self.ends[-1] + len(row.responses))
        stratum = self.strata.setdefault(row.stratum, len(self.strata))
        prompt = self.prompts.setdefault(_digest(row), len(self.prompts))
        self.rows.extend((row.better, LABELS.index(row.label), KINDS.index(row.kind), stratum, prompt))
        if any(score is None for score in scores):
            self.unscored["no score"] += 1
        elif not all(score is not None and math.isfinite(score) for score in scores):
            self.unscored["no finite number"] += 1
        for response, score, style in zip(row.responses, scores, row.styles or (-1,) * len(scores), strict=True):
            known = score is not None and math.isfinite(score)
            self.responses.extend((score if score is not None and known else math.nan, *self._of_text(response), style))

    def _of_text(self, response: Messages) -> tuple[float, float, float]:
        """Characters, tokens, and markdown's density."""
        if not self.texts:
            return 0, 0, 0
        text = written(response)
        return len(text), self.tokens(text) if self.tokens else 0, density(text)

    def measured(self) -> Measured:
        better_r, label_r, kind_r, stratum_r, prompt_r = np.array(self.rows, np.int64).reshape(-1, 5).T.copy()
        score_m, characters_m, tokens_m, markdown_m, style_m = np.array(self.responses).reshape(-1, 5).T.copy()
        return Measured(
            self.keys, np.array(self.ends, np.int64), better_r, label_r, kind_r, stratum_r, prompt_r, score_m, characters_m,
            tokens_m if self.tokens else None, markdown_m, style_m.astype(np.int64), list(self.strata), dict(self.unscored),
        )


def _digest(row: Row) -> bytes:
    return hashlib.blake2b(json.dumps(row.prompt, sort_keys=True).encode(), digest_size=8).digest()
