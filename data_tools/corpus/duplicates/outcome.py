"""What is left of a corpus without its duplicates, and a line for each that went."""

from collections import Counter
from collections.abc import Iterator, Sequence
from heapq import merge
from operator import itemgetter
from pathlib import Path
from typing import Any, NamedTuple

from data_tools.corpus.counts import StepCounts
from data_tools.corpus.document import Dropped
from data_tools.corpus.duplicates.parquet import batches_of
from data_tools.corpus.duplicates.run import Found
from data_tools.corpus.duplicates.signatures import NO_GRADE
from data_tools.corpus.packed import packed_lines
from data_tools.corpus.rows import Corpus, Piece, Refused, ended, pieces
from data_tools.corpus.samples import Sample, chosen, sample

_REMOVED = ("place", "line", "id", "kept_place", "kept_line", "kept_id", "jaccard", "kind")


class Written(NamedTuple):
    counts: StepCounts
    samples: list[Sample]  # of what was dropped


class _Leaving(NamedTuple):
    """A line that is not written. why: None where it holds no document. counted: whether it is among the documents compared."""

    place: int
    line: int
    reason: str
    why: Dropped | None
    counted: bool


def removed_rows(corpus: Corpus, table: Path) -> Iterator[dict[str, object]]:
    """{id, kept, jaccard, kind} of each document that went, in their order."""
    for row in _rows(table):
        yield {"id": _name(corpus, row), "kept": _name(corpus, row, "kept_"),
               "jaccard": round(row["jaccard"], 6), "kind": row["kind"]}


def nearness(table: Path) -> dict[str, int]:
    """How many near duplicates went at which Jaccard, by its first two digits."""
    found = Counter(f"{jaccard:.3f}"[:4] for batch in batches_of(table, ["jaccard", "kind"])
                    for jaccard, kind in zip(batch["jaccard"].tolist(), batch["kind"], strict=True) if kind == "near")
    return dict(sorted(found.items()))


def write_kept(corpus: Corpus, table: Path, found: Found, output: Path, seed: int = 0) -> Written:
    """The lines of all other documents, as they came and in their order. seed: of the samples. What stays is not parsed again:
    of all documents together `found` knows the bytes."""
    counts = StepCounts(found.documents, found.text_bytes, found.documents, found.text_bytes)
    counts.documents += len(found.refused)
    written = Written(counts, [])
    leaving = _leaving(corpus, table, found.refused)
    going = next(leaving, None)
    with packed_lines(output) as stream:
        for piece in pieces(corpus):
            begin, dropped = 0, []
            while going and going.place < max(piece.end, piece.place + 1):
                place = going.place - piece.place
                stream.write(piece.data[begin:place])
                begin = place + len(piece.line_at(going.place))
                dropped += _dropped(piece, going, counts, seed)
                going = next(leaving, None)
            stream.write(ended(piece.data[begin:]))
            written.samples[:] = chosen([*written.samples, *dropped])
    return written


def _leaving(corpus: Corpus, table: Path, refused: Sequence[Refused]) -> Iterator[_Leaving]:
    """In the order of their places."""
    gone = (_Leaving(row["place"], row["line"], row["kind"], _why(corpus, row), True) for row in _rows(table))
    others = (_Leaving(one.place, one.line, one.reason, Dropped(one.reason) if one.reason == NO_GRADE else None, False)
              for one in sorted(refused))
    return merge(gone, others, key=itemgetter(0))


def _dropped(piece: Piece, line: _Leaving, counts: StepCounts, seed: int) -> list[Sample]:
    """Count it; what a report may show of it."""
    if line.why is None:
        counts.rejected[line.reason] += 1
        return []
    document = piece.document_at(line.place)
    size = len(document.text.encode())
    counts.drop(line.reason, size)
    if line.counted:
        counts.kept -= 1
        counts.kept_bytes -= size
    else:
        counts.bytes += size
    return [sample(seed, Corpus.number_of(line.place), line.line - 1, document, document.text, line.why)]


def _why(corpus: Corpus, row: dict[str, Any]) -> Dropped:
    return Dropped(row["kind"], f"{_name(corpus, row, 'kept_')} stays, Jaccard {row['jaccard']:.3f}")


def _name(corpus: Corpus, row: dict[str, Any], of: str = "") -> object:
    return corpus.name_of(row[f"{of}place"], row[f"{of}line"], row[f"{of}id"])


def _rows(table: Path) -> Iterator[dict[str, Any]]:
    for batch in batches_of(table, _REMOVED):
        columns = [value if isinstance(value, list) else value.tolist() for value in batch.values()]
        for values in zip(*columns, strict=True):
            yield dict(zip(batch, values, strict=True))
