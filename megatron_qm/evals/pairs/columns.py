"""What is kept of rows as they are scored: numbers, each as wide as it must be, some 80 bytes a pair."""

import json
import math
from array import array
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from megatron_qm.evals.pairs.keys import digest_of
from megatron_qm.evals.pairs.markdown import density
from megatron_qm.evals.pairs.rows import KINDS, LABELS, Row, written
from megatron_qm.evals.pairs.scoring import Score, finite
from megatron_qm.rewards.outcome import Unscored

TokenCounter = Callable[[str], int]
_NAMED = ("tied", "reference")  # kinds of rows that are held against each other by their keys


def _column(typecode: str) -> Any:
    return field(default_factory=partial(array, typecode))


@dataclass
class Columns:
    """Grow row by row. keys: of rows that are held against each other. prompt_r: digests. tokens_m: empty where nobody counts.
    unscored: how many rows have no score, by reason; unscored_first: the first of each, its line and the reason in detail."""

    tokens: TokenCounter | None
    keys: dict[int, str] = field(default_factory=dict)
    first_r: "array[int]" = field(default_factory=lambda: array("i", [0]))
    better_r: "array[int]" = _column("i")
    label_r: "array[int]" = _column("b")
    kind_r: "array[int]" = _column("b")
    stratum_r: "array[int]" = _column("i")
    prompt_r: "array[int]" = _column("Q")
    score_m: "array[float]" = _column("d")
    characters_m: "array[int]" = _column("i")
    tokens_m: "array[int]" = _column("i")
    markdown_m: "array[float]" = _column("d")
    style_m: "array[int]" = _column("b")
    strata: dict[str, int] = field(default_factory=dict)
    unscored: Counter[str] = field(default_factory=Counter)
    unscored_first: dict[str, tuple[int, str]] = field(default_factory=dict)

    def add(self, row: Row, scores: Sequence[Score]) -> None:
        if row.kind in _NAMED:
            self.keys[len(self.better_r)] = row.key
        self.first_r.append(self.first_r[-1] + len(row.responses))
        self.better_r.append(row.better)
        self.label_r.append(LABELS.index(row.label))
        self.kind_r.append(KINDS.index(row.kind))
        self.stratum_r.append(self.strata.setdefault(row.stratum, len(self.strata)))
        self.prompt_r.append(digest_of(json.dumps(row.prompt, sort_keys=True)))
        self.score_m.extend(known := finite(scores))
        self.style_m.extend(row.styles or (-1,) * len(scores))
        for response in row.responses:
            self._add_text(written(response))
        if any(map(math.isnan, known)):
            why = next((score.reason for score in scores if isinstance(score, Unscored)), "no finite number")
            reason = why.partition(":")[0]
            self.unscored[reason] += 1
            self.unscored_first.setdefault(reason, (row.line, why))

    def _add_text(self, text: str) -> None:
        self.characters_m.append(len(text))
        self.markdown_m.append(density(text))
        if self.tokens:
            self.tokens_m.append(self.tokens(text))
