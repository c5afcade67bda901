"""Stage 6: which documents go."""

from collections.abc import Iterable, Iterator
from itertools import groupby, islice
from operator import itemgetter

from data_tools.corpus.duplicates.parquet import batches_of, writing
from data_tools.corpus.duplicates.tables import Tables

_TOGETHER = 1 << 14  # rows written at once

Pair = tuple[int, int, float]  # rank of the better document, of the worse one, Jaccard


def write_near(tables: Tables, documents: int) -> int:
    """`near` (worse, kept, jaccard): documents that go, and for each the one that stays; returns their number."""
    import pyarrow

    schema = pyarrow.schema([("worse", pyarrow.int64()), ("kept", pyarrow.int64()), ("jaccard", pyarrow.float64())])
    count = 0
    with writing(tables.file("near"), schema) as write:
        found = nearest_kept(_pairs(tables), documents)
        while some := list(islice(found, _TOGETHER)):
            write(dict(zip(("worse", "kept", "jaccard"), zip(*some, strict=True), strict=True)))
            count += len(some)
    return count


def nearest_kept(pairs: Iterable[Pair], documents: int) -> Iterator[Pair]:
    """(worse, kept, Jaccard) of each document that goes; pairs: in the order of `worse`, all of them at the threshold or above.

    From the best document to the worst, one goes if any that stays is near it, and names the nearest of these. So nothing goes
    for being near a third that is gone itself. Takes a byte of memory a document.
    """
    gone = bytearray(documents)
    for worse, group in groupby(pairs, key=itemgetter(1)):
        staying = [(-jaccard, better) for better, _, jaccard in group if not gone[better]]
        if staying:
            gone[worse] = 1
            nearness, kept = min(staying)
            yield worse, kept, -nearness


def _pairs(tables: Tables) -> Iterator[Pair]:
    for batch in batches_of(tables.file("decidable"), ["better", "worse", "jaccard"]):
        yield from zip(batch["better"].tolist(), batch["worse"].tolist(), batch["jaccard"].tolist(), strict=True)
