"""Points of knowledge: what a corpus is looked through for."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from data_tools.corpus.verbalising.triples import BadTriple
from megatron_qm.errors import UserError
from megatron_qm.json_lines import parse_line, raw_lines
from megatron_qm.json_types import JsonObject, check_names, list_of, text_of

KINDS = ("factual", "conceptual", "procedural")
_KEYS = ("id", "kind", "language", "terms", "question", "answer", "relation")
_MOST_TERMS = 16


@dataclass(frozen=True)
class Point:
    """terms: all must stand near each other in a document; each in any of its phrases. relation: points that ask alike, whose
    answers can stand beside each other in a question."""

    id: str
    kind: str
    language: str
    terms: tuple[tuple[str, ...], ...]
    question: str = ""
    answer: str = ""
    relation: str = ""


def read_points(path: Path) -> tuple[list[Point], list[BadTriple]]:
    """And the lines that hold none. Raises UserError where no line does, and for an id that is given twice."""
    points, bad, seen = [], [], dict[str, int]()
    for number, line in raw_lines(path):
        if not line.strip():
            continue
        try:
            row = parse_line(line)
            if not isinstance(row, dict):
                raise ValueError("is not a JSON object")
            point = point_of(row)
        except (ValueError, RecursionError) as error:
            bad.append(BadTriple(str(path), number, str(error)[:300]))
            continue
        if seen.setdefault(point.id, number) != number:
            raise UserError(
                f"{path}:{number}: the id {point.id!r:.80} is that of line {seen[point.id]}, too; give each one of its own"
            )
        points.append(point)
    if not points:
        raise UserError(f"--points {path}: holds no point{f'; line {bad[0].line}: {bad[0].reason}' if bad else ''}")
    return points, bad


def point_of(row: Mapping[str, object]) -> Point:
    """Raises ValueError in words for a user."""
    check_names(row, _KEYS, "a point")
    kind = text_of(row, "kind")
    if kind not in KINDS:
        raise ValueError(f"kind = {kind!r:.60} is not one of {', '.join(KINDS)}")
    terms = tuple(map(_phrases, list_of(row, "terms")))
    if not 1 <= len(terms) <= _MOST_TERMS:
        raise ValueError(f"terms: 1 to {_MOST_TERMS} are meant, not {len(terms)}")
    texts = {key: text_of(row, key).strip() for key in ("question", "answer", "relation") if row.get(key) is not None}
    if bool(texts.get("question")) != bool(texts.get("answer")):
        raise ValueError("question and answer belong together: give both, or neither")
    return Point(text_of(row, "id"), kind, text_of(row, "language"), terms, **texts)


def _phrases(term: object) -> tuple[str, ...]:
    """A text, or a list of texts of which any will do."""
    phrases = [term] if isinstance(term, str) else term
    if not isinstance(phrases, list) or not phrases or not all(isinstance(one, str) and one.strip() for one in phrases):
        raise ValueError(f"terms: {term!r:.80} is neither a phrase nor a list of phrases")
    return tuple(dict.fromkeys(" ".join(one.split()) for one in phrases))


def wilson(hits: int, total: int) -> tuple[float, float]:
    """The 95% interval of a share."""
    if not total:
        return 0.0, 1.0
    z = 1.959964
    share, wide = hits / total, z * z / total
    middle = (share + wide / 2) / (1 + wide)
    half = z / (1 + wide) * math.sqrt(share * (1 - share) / total + wide / 4 / total)
    return max(0.0, middle - half), min(1.0, middle + half)


def record(point: Point) -> JsonObject:
    """As a line of a file of points."""
    row: JsonObject = {
        "id": point.id,
        "kind": point.kind,
        "language": point.language,
        "terms": [_plain(one) for one in point.terms],
    }
    return row | {key: value for key in ("question", "answer", "relation") if (value := getattr(point, key))}


def _plain(phrases: Sequence[str]) -> str | list[str]:
    return phrases[0] if len(phrases) == 1 else list(phrases)
