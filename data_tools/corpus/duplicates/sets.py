"""Stage 4: the sets of shingles of documents that are compared, one behind the other in a file of sorted numbers."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from data_tools.corpus.duplicates.parquet import batches_of, writing
from data_tools.corpus.duplicates.tables import Tables
from data_tools.corpus.rows import Corpus, Piece, pieces
from data_tools.corpus.units import Hashes, batches, grams, read_units
from data_tools.corpus.workers import outcomes
from megatron_qm.files import atomic_write

SETS = "sets.u64"


def write_sets(corpus: Corpus, tables: Tables, shingle: int, workers: int) -> None:
    """SETS, and `sets` (rank, first, size): which of its numbers are whose. Reads the corpus again."""
    import pyarrow

    schema = pyarrow.schema([("rank", pyarrow.int64()), ("first", pyarrow.int64()), ("size", pyarrow.int64())])
    first = 0
    with atomic_write(tables.folder / SETS) as stream, writing(tables.file("sets"), schema) as write:
        for ranks, sizes, shingles in outcomes(partial(_sets_of, shingle), _wanted(corpus, tables), workers):
            stream.write(shingles.tobytes())
            firsts = first + np.cumsum(sizes) - sizes
            write({"rank": ranks, "first": firsts, "size": sizes})
            first += int(sizes.sum())


def open_sets(folder: Path) -> Hashes:
    """The numbers of SETS, read as they are asked for."""
    file = folder / SETS
    if not file.stat().st_size:
        return np.zeros(0, np.uint64)
    return np.memmap(file, np.uint64, "r").view(np.ndarray)  # a slice of a memmap costs ten times that of an array


def _wanted(corpus: Corpus, tables: Tables) -> Iterator[tuple[Piece, NDArray[np.int64], NDArray[np.int64]]]:
    """Pieces that hold a document to be compared, with the places and ranks of these."""
    following = batches_of(tables.file("compared"), ["place", "rank"])
    places = ranks = np.zeros(0, np.int64)
    for piece in pieces(corpus):
        while not places.size or places[-1] < piece.end:
            more: Any = next(following, None)
            if more is None:
                break
            places, ranks = np.concatenate([places, more["place"]]), np.concatenate([ranks, more["rank"]])
        here = int(np.searchsorted(places, piece.end))
        if here:
            yield piece, places[:here], ranks[:here]
            places, ranks = places[here:], ranks[here:]


def _sets_of(shingle: int, asked: tuple[Piece, NDArray[np.int64], NDArray[np.int64]]) -> tuple[Any, Any, Hashes]:
    """(ranks, sizes, the sets one behind the other)."""
    piece, places, ranks = asked
    texts = [piece.document_at(place).text for place in places.tolist()]
    sets = [one for batch in batches(texts) for one in shingle_sets(batch, shingle)]
    return ranks, np.array([one.size for one in sets], np.int64), np.concatenate(sets)


def shingle_sets(texts: list[str], shingle: int) -> list[Hashes]:
    """Of each text its shingles, sorted, each once."""
    found = grams(read_units(texts), shingle)
    return [_different(found.hashes[first:last]) for first, last in zip(found.starts.tolist(), found.ends.tolist(), strict=True)]


def _different(hashes: Hashes) -> Hashes:
    """Sorted, each once: what np.unique does, without its preparations, which take longer for a text of some hundred."""
    ordered = np.sort(hashes)
    return ordered[np.append(True, ordered[1:] != ordered[:-1])] if ordered.size else ordered
