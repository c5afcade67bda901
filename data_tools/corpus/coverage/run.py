"""A corpus looked through for points, and what is told of it."""

import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from data_tools.corpus.coverage.find import Finder
from data_tools.corpus.coverage.points import KINDS, Point, read_points, record, wilson
from data_tools.corpus.report import rate
from data_tools.corpus.rows import Corpus, Piece, Refused, pieces, rows_of
from data_tools.corpus.workers import outcomes
from megatron_qm.errors import UserError
from megatron_qm.json_types import JsonObject
from megatron_qm.observe.page.document import document, written
from megatron_qm.observe.page.table import Row, Share, table

FORMAT = "megatron-qm coverage 1"
_SAMPLES = 20  # of points that were refused
_SHOWN = 100  # missing points on the page
_OPEN = 20  # are shown at once


@dataclass
class Tally:
    """documents: that cover a point, by its place in the list; apart: in which its terms stand too far from each other."""

    read: int = 0
    size: int = 0
    documents: Counter[int] = field(default_factory=Counter)
    apart: Counter[int] = field(default_factory=Counter)
    terms: set[int] = field(default_factory=set)
    refused: list[Refused] = field(default_factory=list)

    def add(self, other: "Tally") -> None:
        self.read += other.read
        self.size += other.size
        self.documents.update(other.documents)
        self.apart.update(other.apart)
        self.terms |= other.terms
        self.refused += other.refused


class LookThrough:
    """Called with a piece of a corpus; goes to other processes without what it has made."""

    def __init__(self, points: Sequence[Point], within: int) -> None:
        self._points, self._within = points, within
        self._finder: Finder | None = None

    def __getstate__(self) -> dict[str, object]:
        return {**vars(self), "_finder": None}

    def __call__(self, piece: Piece) -> Tally:
        self._finder = self._finder or Finder(self._points, self._within)
        rows, refused = rows_of(piece)
        tally = Tally(refused=refused)
        for row in rows:
            found = self._finder(row.document.text)
            tally.read += 1
            tally.size += len(row.document.text.encode())
            tally.documents.update(found.covered)
            tally.apart.update(found.apart)
            tally.terms |= found.terms
        return tally


def look_through(corpus: Corpus, points: Sequence[Point], within: int, workers: int) -> Tally:
    tally = Tally()
    for one in outcomes(LookThrough(points, within), pieces(corpus), workers):
        tally.add(one)
    corpus.check_unchanged()
    return tally


class Looked(NamedTuple):
    """What a corpus was found to cover. missing: the to-do list."""

    points: list[Point]
    tally: Tally
    report: dict[str, Any]
    missing: list[JsonObject]


def looked_through(corpus: Corpus, file: Path, within: int, workers: int) -> Looked:
    """file: of points. Raises UserError where it, or the corpus, holds nothing."""
    points, bad = read_points(file)
    began = time.monotonic()
    tally = look_through(corpus, points, within, workers)
    seconds = time.monotonic() - began
    if not tally.read:
        raise UserError(f"--corpus: holds no document; {len(tally.refused):,} lines were refused")
    report = {
        "format": FORMAT,
        "points": str(file),
        "within": within,
        **report_of(points, tally),
        "points refused": [one._asdict() for one in bad[:_SAMPLES]],
        "number of points refused": len(bad),
        "seconds": round(seconds, 3),
        "MB/s": rate(tally.size, seconds),
    }
    return Looked(points, tally, report, list(missing_rows(points, Finder(points, within), tally)))


def report_of(points: Sequence[Point], tally: Tally) -> dict[str, Any]:
    covered = [tally.documents[number] > 0 for number in range(len(points))]
    kinds = {kind: _share([one for one, point in zip(covered, points, strict=True) if point.kind == kind]) for kind in KINDS}
    languages = sorted({point.language for point in points})
    return {
        "documents": tally.read,
        "bytes": tally.size,
        "refused": len(tally.refused),
        "all": _share(covered),
        "by kind": kinds,
        "by language": {
            language: _share([one for one, point in zip(covered, points, strict=True) if point.language == language])
            for language in languages
        },
        "in one document only": sum(count == 1 for count in tally.documents.values()),
    }


def _share(covered: Sequence[bool]) -> JsonObject:
    """With Wilson's 95% interval."""
    hits, total = sum(covered), len(covered)
    low, high = wilson(hits, total)
    return {
        "points": total,
        "covered": hits,
        "share": round(hits / total, 4) if total else None,
        "interval": [round(low, 4), round(high, 4)],
    }


def missing_rows(points: Sequence[Point], finder: Finder, tally: Tally) -> Iterator[JsonObject]:
    """The to-do list: points as they were given, with terms that stand nowhere, or the documents in which they stand apart."""
    for number, point in enumerate(points):
        if not tally.documents[number]:
            absent = [finder.phrases[term][0] for term in finder.terms[number] if term not in tally.terms]
            yield {**record(point), "nowhere": absent, "documents_with_terms_apart": tally.apart[number]}


def count_rows(points: Sequence[Point], tally: Tally) -> Iterator[JsonObject]:
    for number, point in enumerate(points):
        yield {"id": point.id, "kind": point.kind, "language": point.language, "documents": tally.documents[number]}


def render(report: Mapping[str, Any], missing: Sequence[Mapping[str, Any]], path: Path) -> Path:
    """Raises UserError where the page cannot be written."""
    head = "<header><h1>Coverage</h1><p>A point is covered where its terms stand near each other in a document.</p></header>"
    return written(path, document("Coverage", [head, *panels(report, missing[:_SHOWN], len(missing))], time.time()))


def panels(report: Mapping[str, Any], missing: Sequence[Mapping[str, Any]], total: int, place: str = "the list") -> list[str]:
    """Sections of a page. missing: those of the `total` that are shown; place: where all of them are."""
    named = {"all": report["all"], **report["by kind"], **report["by language"]}
    shares: list[Row] = [
        [name, f"{of['points']:,}", f"{of['covered']:,}", Share(of["share"]), _interval(of["interval"])]
        for name, of in named.items()
        if of["points"]
    ]
    todo: list[Row] = [
        [row["id"], row["kind"], row["language"], _terms(row["terms"]), ", ".join(row["nowhere"]) or "apart"]
        for row in missing
    ]
    left = total - len(todo)
    body = [
        '<section class="tables"><h2>Points of knowledge that are covered</h2>'
        + table("By kind and language", ("", "points", "covered", "share", "95% interval"), shares, len(shares))
        + "</section>",
    ]
    if todo:
        note = f"{left:,} more are in {place}." if left else ""
        listed = table("Missing", ("id", "kind", "language", "terms", "stand nowhere"), todo, len(todo), note=note)
        title = f"<summary><h2>To do: {total:,} points that are not covered</h2></summary>"
        body.append(f'<section class="tables"><details{" open" if total <= _OPEN else ""}>{title}{listed}</details></section>')
    return body


def _interval(interval: Sequence[float]) -> str:
    return f"{interval[0]:.1%} to {interval[1]:.1%}"


def _terms(terms: Sequence[str | Sequence[str]]) -> str:
    return "; ".join(one if isinstance(one, str) else " or ".join(one) for one in terms)
