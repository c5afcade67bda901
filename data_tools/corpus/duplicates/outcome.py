"""What is left of a corpus without its duplicates, and a line for each that went."""

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from data_tools.corpus.counts import StepCounts
from data_tools.corpus.document import Dropped
from data_tools.corpus.duplicates.parquet import batches_of
from data_tools.corpus.packed import packed_lines
from data_tools.corpus.rows import Corpus, Refused, Row, pieces, rows_of
from data_tools.corpus.samples import Sample, chosen

_REMOVED = ("place", "line", "id", "kept_place", "kept_line", "kept_id", "jaccard", "kind")


class Written(NamedTuple):
    counts: StepCounts
    samples: list[Sample]  # of what was dropped

    def keep(self, row: Row) -> None:
        size = self._came(row)
        self.counts.keep(size, size, False)

    def drop(self, row: Row, why: Dropped, seed: int) -> Sample:
        """Count it; returns what a report may show of it."""
        self.counts.drop(why.reason, self._came(row))
        return row.sample(seed, why)

    def _came(self, row: Row) -> int:
        size = len(row.document.text.encode())
        self.counts.documents += 1
        self.counts.bytes += size
        return size


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


def write_kept(corpus: Corpus, table: Path, refused: Sequence[Refused], output: Path, seed: int = 0) -> Written:
    """The lines of all other documents, as they came and in their order. seed: of the samples."""
    found = Written(StepCounts(), [])
    reasons = {one.place: one.reason for one in refused}
    gone = _rows(table)
    going = next(gone, None)
    with packed_lines(output) as stream:
        for piece in pieces(corpus):
            dropped = []
            for row in rows_of(piece)[0]:
                if going and row.place == going["place"]:
                    dropped.append(found.drop(row, _why(corpus, going), seed))
                    going = next(gone, None)
                elif row.place in reasons:  # a document, but of no grade
                    dropped.append(found.drop(row, Dropped(reasons.pop(row.place)), seed))
                else:
                    stream.write(row.whole_line())
                    found.keep(row)
            found.samples[:] = chosen([*found.samples, *dropped])
    found.counts.documents += len(reasons)
    found.counts.rejected.update(reasons.values())
    return found


def _why(corpus: Corpus, row: dict[str, Any]) -> Dropped:
    return Dropped(row["kind"], f"{_name(corpus, row, 'kept_')} stays, Jaccard {row['jaccard']:.3f}")


def _name(corpus: Corpus, row: dict[str, Any], of: str = "") -> object:
    return corpus.name_of(row[f"{of}place"], row[f"{of}line"], row[f"{of}id"])


def _rows(table: Path) -> Iterator[dict[str, Any]]:
    for batch in batches_of(table, _REMOVED):
        columns = [value if isinstance(value, list) else value.tolist() for value in batch.values()]
        for values in zip(*columns, strict=True):
            yield dict(zip(batch, values, strict=True))
