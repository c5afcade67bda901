"""A corpus held against the items of evaluations: one pass for the phrases that its documents share, one for the items."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from data_tools.corpus.contamination.index import Index, phrases_of
from data_tools.corpus.contamination.match import count_documents, find_items
from data_tools.corpus.rows import Corpus, Piece, Refused, Row, pieces, rows_of
from data_tools.corpus.units import Hashes, Places, batches
from data_tools.corpus.workers import outcomes

_SAMPLES = 20
_EXCERPT = 300


class Dropped(NamedTuple):
    """A document that holds items; number: of the item, share: of its runs."""

    place: int
    line: int
    id: object
    excerpt: str
    items: list[tuple[int, float]]


class Outcome(NamedTuple):
    """Of a piece: lines that are kept, as they came."""

    kept: bytes
    documents: int
    text_bytes: int
    kept_documents: int
    dropped: list[Dropped]
    refused: list[Refused]


@dataclass
class Tally:
    documents: int = 0
    text_bytes: int = 0
    kept: int = 0
    refused: list[Refused] = field(default_factory=list)
    by_item: Counter[int] = field(default_factory=Counter)
    by_set: Counter[str] = field(default_factory=Counter)
    samples: list[dict[str, object]] = field(default_factory=list)


def read_through(corpus: Corpus, index: Index, workers: int) -> Iterator[Outcome]:
    return outcomes(partial(_outcome, index), pieces(corpus), workers)


def find_phrases(corpus: Corpus, index: Index, workers: int) -> Hashes:
    """Runs of the index that so many documents share that they tell nothing of any item. Reads the corpus."""
    counts, documents = np.zeros(index.runs.size, np.int64), 0
    for some, number in outcomes(partial(_counts, index), pieces(corpus), workers):
        counts, documents = counts + some, documents + number
    return phrases_of(index, counts, documents)


def _counts(index: Index, piece: Piece) -> tuple[Places, int]:
    texts = [row.document.text for row in rows_of(piece)[0]]
    counts = sum((count_documents(index, batch) for batch in batches(texts)), np.zeros(index.runs.size, np.int64))
    return counts, len(texts)


def dropped_row(corpus: Corpus, index: Index, dropped: Dropped) -> dict[str, Any]:
    """{id, items: [{set, item, share}]}; a document without an id is called FILE:LINE."""
    found = [{"set": index.items[item].set, "item": index.items[item].key, "share": round(share, 4)}
             for item, share in dropped.items]
    return {"id": dropped.id or f"{corpus.file_of(dropped.place)}:{dropped.line}", "items": found}


def count(tally: Tally, corpus: Corpus, index: Index, outcome: Outcome) -> None:
    tally.documents += outcome.documents
    tally.text_bytes += outcome.text_bytes
    tally.kept += outcome.kept_documents
    tally.refused += outcome.refused
    for dropped in outcome.dropped:
        tally.by_item.update(item for item, _ in dropped.items)
        tally.by_set.update({index.items[item].set for item, _ in dropped.items})
        if len(tally.samples) < _SAMPLES:
            tally.samples.append({**dropped_row(corpus, index, dropped), "text": dropped.excerpt})


def report_of(tally: Tally, index: Index, given: dict[str, int]) -> dict[str, Any]:
    """given: items of each set."""
    sets = {}
    for name, items in given.items():
        hit = {sought.key: tally.by_item[number] for number, sought in enumerate(index.items)
               if sought.set == name and tally.by_item[number]}
        short = index.too_short[name]
        sets[name] = {"items": items, "looked_for": items - len(short), "too_short": list(short),
                      "items_found": len(hit), "documents": tally.by_set[name], "documents_by_item": hit}
    return {"documents": tally.documents, "text_bytes": tally.text_bytes, "kept": tally.kept,
            "dropped": tally.documents - tally.kept, "refused": len(tally.refused), "sets": sets, "samples": tally.samples}


def _outcome(index: Index, piece: Piece) -> Outcome:
    rows, refused = rows_of(piece)
    found = _found(index, rows)
    kept = [row.raw if row.raw.endswith(b"\n") else row.raw + b"\n" for at, row in enumerate(rows) if at not in found]
    dropped = [Dropped(rows[at].place, rows[at].line, rows[at].document.known.get("id"), rows[at].document.text[:_EXCERPT], items)
               for at, items in found.items()]
    text_bytes = sum(len(row.document.text.encode()) for row in rows)
    return Outcome(b"".join(kept), len(rows), text_bytes, len(kept), dropped, refused)


def _found(index: Index, rows: list[Row]) -> dict[int, list[tuple[int, float]]]:
    """By the number of the row, the items in it."""
    found: dict[int, list[tuple[int, float]]] = {}
    first = 0
    for batch in batches([row.document.text for row in rows]):
        for text, item, share in find_items(index, batch):
            found.setdefault(first + text, []).append((item, share))
        first += len(batch)
    return found
