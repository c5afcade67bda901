"""What is left of a corpus without its duplicates, and a line for each that went."""

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from data_tools.corpus.duplicates.parquet import batches_of
from data_tools.corpus.packed import packed_lines
from data_tools.corpus.rows import Corpus, Refused, pieces, rows_of

_REMOVED = ("place", "line", "id", "kept_place", "kept_line", "kept_id", "jaccard", "kind")


class Written(NamedTuple):
    documents: int
    text_bytes: int


def removed_rows(corpus: Corpus, table: Path) -> Iterator[dict[str, object]]:
    """{id, kept, jaccard, kind} of each document that went, in their order. One without an id is called FILE:LINE."""
    for row in _rows(table):
        yield {"id": row["id"] or f"{corpus.file_of(row['place'])}:{row['line']}",
               "kept": row["kept_id"] or f"{corpus.file_of(row['kept_place'])}:{row['kept_line']}",
               "jaccard": round(row["jaccard"], 6), "kind": row["kind"]}


def nearness(table: Path) -> dict[str, int]:
    """How many near duplicates went at which Jaccard, by its first two digits."""
    found = Counter(f"{jaccard:.3f}"[:4] for batch in batches_of(table, ["jaccard", "kind"])
                    for jaccard, kind in zip(batch["jaccard"].tolist(), batch["kind"], strict=True) if kind == "near")
    return dict(sorted(found.items()))


def write_kept(corpus: Corpus, table: Path, refused: Sequence[Refused], output: Path) -> Written:
    """The lines of all other documents, as they came and in their order."""
    gone = _places(table)
    unread = {one.place for one in refused}
    going = next(gone, None)
    documents = text_bytes = 0
    with packed_lines(output) as stream:
        for piece in pieces(corpus):
            for row in rows_of(piece)[0]:
                if row.place == going:
                    going = next(gone, None)
                elif row.place not in unread:
                    stream.write(row.raw if row.raw.endswith(b"\n") else row.raw + b"\n")
                    documents, text_bytes = documents + 1, text_bytes + len(row.document.text.encode())
    return Written(documents, text_bytes)


def _places(table: Path) -> Iterator[int]:
    for batch in batches_of(table, ["place"]):
        yield from batch["place"].tolist()


def _rows(table: Path) -> Iterator[dict[str, Any]]:
    for batch in batches_of(table, _REMOVED):
        columns = [value if isinstance(value, list) else value.tolist() for value in batch.values()]
        for values in zip(*columns, strict=True):
            yield dict(zip(batch, values, strict=True))
