"""A corpus held against the items of evaluations: one pass for the phrases that its documents share, one for the items."""

import json
import os
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from data_tools.corpus.contamination.config import ContaminationConfig
from data_tools.corpus.contamination.index import Index, build_index, phrases_of
from data_tools.corpus.contamination.items import Item
from data_tools.corpus.contamination.match import count_documents, find_items
from data_tools.corpus.counts import StepCounts
from data_tools.corpus.document import Dropped
from data_tools.corpus.packed import packed_lines
from data_tools.corpus.rows import Corpus, Piece, Refused, Row, pieces, rows_of
from data_tools.corpus.samples import Sample, chosen
from data_tools.corpus.units import Hashes, Places, batches
from data_tools.corpus.workers import outcomes
from megatron_qm.files import atomic_write


class Held(NamedTuple):
    """A document that holds items; number: of the item, share: of its runs."""

    place: int
    line: int
    id: object
    size: int  # bytes of its text
    items: list[tuple[int, float]]
    sample: Sample


class Outcome(NamedTuple):
    """Of a piece: lines that are kept, as they came."""

    kept: bytes
    kept_documents: int
    kept_bytes: int
    dropped: list[Held]
    refused: list[Refused]


@dataclass
class Tally:
    """What a corpus came to. A document is dropped for the set of the item that it holds most of."""

    counts: StepCounts = field(default_factory=StepCounts)
    refused: list[Refused] = field(default_factory=list)
    by_item: Counter[int] = field(default_factory=Counter)
    by_set: Counter[str] = field(default_factory=Counter)
    samples: list[Sample] = field(default_factory=list)


def prepare(corpus: Corpus, items: Mapping[str, Sequence[Item]], config: ContaminationConfig, workers: int) -> Index:
    """The index of the items of each set, without the phrases that the corpus is full of: reads it once."""
    index = build_index(items, config)
    return build_index(items, config, find_phrases(corpus, index, workers))


def write_kept(corpus: Corpus, index: Index, output: Path, removed: Path | None, workers: int, seed: int = 0) -> Tally:
    """Documents that hold no item, as they came; to `removed` a line for each other one. Files appear when both are whole."""
    tally = Tally()
    with ExitStack() as files:
        kept = files.enter_context(packed_lines(output))
        told = files.enter_context(atomic_write(removed) if removed else open(os.devnull, "wb"))
        for outcome in outcomes(partial(_outcome, index, seed), pieces(corpus), workers):
            kept.write(outcome.kept)
            for held in outcome.dropped:
                told.write(json.dumps(_removed_row(corpus, index, held), ensure_ascii=False).encode() + b"\n")
            _count(tally, index, outcome)
        corpus.check_unchanged()
    return tally


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


def _removed_row(corpus: Corpus, index: Index, held: Held) -> dict[str, Any]:
    """{id, items: [{set, item, share}]}."""
    found = [{"set": index.items[item].set, "item": index.items[item].key, "share": round(share, 4)}
             for item, share in held.items]  # fmt: skip
    return {"id": corpus.name_of(held.place, held.line, held.id), "items": found}


def _count(tally: Tally, index: Index, outcome: Outcome) -> None:
    counts = tally.counts
    counts.documents += outcome.kept_documents + len(outcome.dropped) + len(outcome.refused)
    counts.bytes += outcome.kept_bytes + sum(held.size for held in outcome.dropped)
    counts.kept += outcome.kept_documents
    counts.kept_bytes += outcome.kept_bytes
    counts.rejected.update(one.reason for one in outcome.refused)
    tally.refused += outcome.refused
    for held in outcome.dropped:
        counts.drop(held.sample.reason, held.size)
        tally.by_item.update(item for item, _ in held.items)
        tally.by_set.update({index.items[item].set for item, _ in held.items})
    tally.samples = chosen([*tally.samples, *(held.sample for held in outcome.dropped)])


def by_sets(tally: Tally, index: Index, given: Mapping[str, Sequence[Item]]) -> dict[str, Any]:
    """What was found of each set. given: its items."""
    sets = {}
    for name, items in given.items():
        hit = {sought.key: tally.by_item[number] for number, sought in enumerate(index.items)
               if sought.set == name and tally.by_item[number]}
        short = index.too_short[name]
        sets[name] = {"items": len(items), "looked_for": len(items) - len(short), "too_short": list(short),
                      "items_found": len(hit), "documents": tally.by_set[name], "documents_by_item": hit}
    return sets


def _outcome(index: Index, seed: int, piece: Piece) -> Outcome:
    rows, refused = rows_of(piece)
    sizes = [len(row.document.text.encode()) for row in rows]
    found = _found(index, rows)
    kept = [row.whole_line() for at, row in enumerate(rows) if at not in found]
    dropped = [_held(index, seed, rows[at], sizes[at], items) for at, items in found.items()]
    return Outcome(b"".join(kept), len(kept), sum(sizes) - sum(held.size for held in dropped), dropped, refused)


def _held(index: Index, seed: int, row: Row, size: int, items: list[tuple[int, float]]) -> Held:
    """The reason is the set of the item that stands there most, or first."""
    most, share = max(items, key=lambda item: item[1])
    why = Dropped(f"holds an item of {index.items[most].set}", f"item {index.items[most].key}, {share:.0%} of it")
    return Held(row.place, row.line, row.document.known.get("id"), size, items, row.sample(seed, why))


def _found(index: Index, rows: list[Row]) -> dict[int, list[tuple[int, float]]]:
    """By the number of the row, the items in it."""
    found: dict[int, list[tuple[int, float]]] = {}
    first = 0
    for batch in batches([row.document.text for row in rows]):
        for text, item, share in find_items(index, batch):
            found.setdefault(first + text, []).append((item, share))
        first += len(batch)
    return found
