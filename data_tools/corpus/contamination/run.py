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
from data_tools.corpus.contamination.index import Index, Wanted, all_runs, build_index, phrases_of
from data_tools.corpus.contamination.items import Item
from data_tools.corpus.contamination.match import find_items, first_look
from data_tools.corpus.counts import StepCounts
from data_tools.corpus.document import Dropped
from data_tools.corpus.packed import packed_lines
from data_tools.corpus.rows import Corpus, Piece, Refused, Row, ended, lines_of, pieces, row_of, rows_of
from data_tools.corpus.samples import Sample, chosen
from data_tools.corpus.units import Places, batches, bytes_of
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
    dropped: list[Held]


class _Look(NamedTuple):
    """Of a piece. counts: of each run of the index, the documents in which it stands. asked: of each line whether its document
    may hold an item, or there is none; empty where neither is so of any."""

    counts: Places
    documents: int
    text_bytes: int
    asked: bytes
    refused: list[Refused]


@dataclass
class FirstLook:
    """What a first reading says of a corpus. asked: of each piece, as in _Look: up to a byte a document."""

    documents: int = 0
    text_bytes: int = 0
    asked: list[bytes] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)


_STAYS, _MAYBE, _NONE = range(3)  # what is known of a line


@dataclass
class Tally:
    """What a corpus came to. A document is dropped for the set of the item that it holds most of."""

    counts: StepCounts = field(default_factory=StepCounts)
    refused: list[Refused] = field(default_factory=list)
    by_item: Counter[int] = field(default_factory=Counter)
    by_set: Counter[str] = field(default_factory=Counter)
    samples: list[Sample] = field(default_factory=list)


def prepare(
    corpus: Corpus, items: Mapping[str, Sequence[Item]], config: ContaminationConfig, workers: int
) -> tuple[Index, FirstLook]:
    """The index of the items of each set, without the phrases that the corpus is full of: reads it once."""
    index, every = build_index(items, config), all_runs(items, config)
    counts, look = np.zeros(index.bodies.runs.size, np.int64), FirstLook()
    for one in outcomes(partial(_look, index, every), pieces(corpus), workers):
        counts += one.counts
        look.documents += one.documents
        look.text_bytes += one.text_bytes
        look.asked.append(one.asked)
        look.refused += one.refused
    return build_index(items, config, phrases_of(index, counts, look.documents)), look


def write_kept(
    corpus: Corpus, index: Index, look: FirstLook, output: Path, removed: Path | None, workers: int, seed: int = 0
) -> Tally:
    """Documents that hold no item, as they came; to `removed` a line for each other one. Files appear when both are whole."""
    counts = StepCounts(look.documents + len(look.refused), look.text_bytes, look.documents, look.text_bytes)
    counts.rejected.update(one.reason for one in look.refused)
    tally = Tally(counts, look.refused)
    with ExitStack() as files:
        kept = files.enter_context(packed_lines(output))
        told = files.enter_context(atomic_write(removed) if removed else open(os.devnull, "wb"))
        for outcome in outcomes(partial(_outcome, index, seed), zip(pieces(corpus), look.asked, strict=True), workers):
            kept.write(outcome.kept)
            for held in outcome.dropped:
                told.write(json.dumps(_removed_row(corpus, index, held), ensure_ascii=False).encode() + b"\n")
            _count(tally, index, outcome)
        corpus.check_unchanged()
    return tally


def _look(index: Index, every: Wanted, piece: Piece) -> _Look:
    rows, refused = rows_of(piece)
    texts = [row.document.text for row in rows]
    counts, size, first = np.zeros(index.bodies.runs.size, np.int64), 0, 0
    asked = np.full(len(rows) + len(refused), _STAYS, np.uint8)
    for batch in batches(texts):
        some, holding = first_look(index, every, batch)
        counts += some
        asked[[rows[first + at].line - piece.line for at in holding.tolist()]] = _MAYBE
        size, first = size + bytes_of(batch), first + len(batch)
    asked[[one.line - piece.line for one in refused]] = _NONE
    return _Look(counts, len(rows), size, asked.tobytes() if asked.any() else b"", refused)


def _removed_row(corpus: Corpus, index: Index, held: Held) -> dict[str, Any]:
    """{id, items: [{set, item, share}]}."""
    found = [{"set": index.items[item].set, "item": index.items[item].key, "share": round(share, 4)}
             for item, share in held.items]  # fmt: skip
    return {"id": corpus.name_of(held.place, held.line, held.id), "items": found}


def _count(tally: Tally, index: Index, outcome: Outcome) -> None:
    for held in outcome.dropped:
        tally.counts.kept -= 1
        tally.counts.kept_bytes -= held.size
        tally.counts.drop(held.sample.reason, held.size)
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


def _outcome(index: Index, seed: int, asked: tuple[Piece, bytes]) -> Outcome:
    """Only lines that the first look could not decide are parsed."""
    piece, known = asked
    if not known:
        return Outcome(ended(piece.data), [])
    lines = list(zip(known, lines_of(piece), strict=True))
    rows = [row_of(*line) for mark, line in lines if mark == _MAYBE]
    found = _found(index, rows)
    gone = {rows[at].line for at in found}
    kept = b"".join(raw for mark, (_, number, raw) in lines if mark != _NONE and number not in gone)
    return Outcome(ended(kept), [_held(index, seed, rows[at], items) for at, items in found.items()])


def _held(index: Index, seed: int, row: Row, items: list[tuple[int, float]]) -> Held:
    """The reason is the set of the item that stands there most, or first."""
    most, share = max(items, key=lambda item: item[1])
    why = Dropped(f"holds an item of {index.items[most].set}", f"item {index.items[most].key}, {share:.0%} of it")
    size = len(row.document.text.encode())
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
