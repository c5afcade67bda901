"""Stage 5: the exact Jaccard of each candidate pair, and those that reach the threshold."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from data_tools.corpus.duplicates.parquet import batches_of, writing
from data_tools.corpus.duplicates.sets import open_sets
from data_tools.corpus.duplicates.tables import Tables
from data_tools.corpus.units import Hashes
from data_tools.corpus.workers import outcomes

HALF = 0.5
_NAMES = ("better", "worse", "better_first", "better_size", "worse_first", "worse_size")


class Verified(NamedTuple):
    """Pairs compared, those under a Jaccard of 0.5, and those that reach the threshold."""

    pairs: int
    under_half: int
    reaching: int


def write_verified(tables: Tables, threshold: float, workers: int) -> Verified:
    """`verified` (better, worse, jaccard)."""
    import pyarrow

    schema = pyarrow.schema([("better", pyarrow.int64()), ("worse", pyarrow.int64()), ("jaccard", pyarrow.float64())])
    pairs = under = reaching = 0
    asked: Iterator[dict[str, Any]] = batches_of(tables.file("located"), _NAMES)
    with writing(tables.file("verified"), schema) as write:
        for some, jaccard in outcomes(partial(_jaccards, tables.folder), asked, workers):
            enough = jaccard >= threshold
            write({"better": some["better"][enough], "worse": some["worse"][enough], "jaccard": jaccard[enough]})
            pairs, under, reaching = pairs + jaccard.size, under + int((jaccard < HALF).sum()), reaching + int(enough.sum())
    return Verified(pairs, under, reaching)


def _jaccards(folder: Path, pairs: dict[str, Any]) -> tuple[dict[str, Any], NDArray[np.float64]]:
    sets = open_sets(folder)
    found = []
    places = zip(*(pairs[name].tolist() for name in _NAMES[2:]), strict=True)
    for better_first, better_size, worse_first, worse_size in places:
        found.append(jaccard(sets[better_first : better_first + better_size], sets[worse_first : worse_first + worse_size]))
    return pairs, np.array(found, np.float64)


def jaccard(one: Hashes, other: Hashes) -> float:
    """Of two sorted sets, neither of them empty."""
    few, many = (one, other) if one.size < other.size else (other, one)
    at = np.searchsorted(many, few)
    common = int((many[np.minimum(at, many.size - 1)] == few).sum())
    return common / (few.size + many.size - common)
