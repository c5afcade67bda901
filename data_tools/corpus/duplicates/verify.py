"""Stage 5: the exact Jaccard of each candidate pair, and those that reach the threshold."""

from collections.abc import Iterator, Sequence
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
_TOGETHER = 1 << 18  # numbers that are looked up at once
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
    """Pairs of one document stand together, so that its set is looked up in once for some of them."""
    sets, better, sizes = open_sets(folder), pairs["better"], pairs["worse_size"]
    ends = np.cumsum(sizes)
    turns = (np.diff(better, prepend=-1) != 0) | (np.diff(ends // _TOGETHER, prepend=-1) != 0)
    begins = np.flatnonzero(turns).tolist()
    found = [np.zeros(0)]
    firsts, worse_sizes = pairs["worse_first"].tolist(), sizes.tolist()
    for begin, end in zip(begins, [*begins[1:], better.size], strict=True):
        first, size = int(pairs["better_first"][begin]), int(pairs["better_size"][begin])
        others = [sets[at : at + many] for at, many in zip(firsts[begin:end], worse_sizes[begin:end], strict=True)]
        found.append(jaccards(sets[first : first + size], others))
    return pairs, np.concatenate(found)


def jaccards(one: Hashes, others: Sequence[Hashes]) -> NDArray[np.float64]:
    """Of a sorted set and each of some others; none is empty."""
    sizes = np.array([other.size for other in others])
    asked = np.concatenate(others)
    there = one[np.minimum(one.searchsorted(asked), one.size - 1)] == asked
    common = np.add.reduceat(there, np.cumsum(sizes) - sizes, dtype=np.int64)
    found: NDArray[np.float64] = common / (one.size + sizes - common)
    return found
