"""From pieces of text with their places on a page to lines in the order in which one reads them.

A page is read in bands: where a gutter parts two columns, the left one first, then the right one; what crosses the gutter (a
title, a wide table) ends a band. A column is treated as a page again, so that three are read, too. Pieces side by side that are
no columns are the cells of a row.
"""

import math
from bisect import bisect
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

_SAME_ROW = 0.5  # of the smaller height, by which two pieces of a row overlap
_FILLED = 0.6  # of the width of a column, from which a line fills it
_LEAST_ROWS = 3  # rows that a column has
_MOST_CROSSED = 0.5  # of the rows of a page, that cross a gutter beyond those that show it
_STAND_OUT = 15  # per cent of the lines of a column, that may
_CELL_GAP = 1.2  # heights of a line between two cells of a table; words are nearer
_NARROWEST = 8  # heights of a line, the width of a column


@dataclass(frozen=True, slots=True)
class Piece:
    """Text on one line; y goes down."""

    x0: float
    y0: float
    x1: float
    y1: float
    text: str
    confidence: float = 1.0

    @property
    def height(self) -> float:
        return self.y1 - self.y0


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a column: its pieces from left to right. left, right: of the column."""

    pieces: Sequence[Piece]
    left: float
    right: float


Row = list[Piece]


def in_reading_order(pieces: Sequence[Piece]) -> list[Line]:
    return _read(_rows([piece for piece in pieces if piece.text.strip()]))


def straightened(pieces: Sequence[Piece], slope: float) -> list[Piece]:
    """As if the page, which climbs by `slope` from left to right, were laid straight. Sizes stay."""
    angle = math.atan(slope)
    sine, cosine = math.sin(-angle), math.cos(-angle)
    moved = []
    for piece in pieces:
        x, y = (piece.x0 + piece.x1) / 2, (piece.y0 + piece.y1) / 2
        dx, dy = x * cosine - y * sine - x, x * sine + y * cosine - y
        moved.append(Piece(piece.x0 + dx, piece.y0 + dy, piece.x1 + dx, piece.y1 + dy, piece.text, piece.confidence))
    return moved


def _rows(pieces: Sequence[Piece]) -> list[Row]:
    """Pieces at one height, from top to bottom; within a row from left to right."""
    rows: list[Row] = []
    for piece in sorted(pieces, key=lambda piece: (piece.y0 + piece.y1, piece.x0)):
        for row in rows[-3:]:  # the last one may be of a piece that is lower, but begins earlier
            if all(_beside(piece, other) for other in row):
                row.append(piece)
                break
        else:
            rows.append([piece])
    return [sorted(row, key=lambda piece: piece.x0) for row in rows]


def _beside(one: Piece, other: Piece) -> bool:
    overlap = min(one.y1, other.y1) - max(one.y0, other.y0)
    across = min(one.x1, other.x1) - max(one.x0, other.x0)
    return overlap > _SAME_ROW * min(one.height, other.height) and across < 0.5 * min(one.height, other.height)


def _read(rows: Sequence[Row]) -> list[Line]:
    gutter = _gutter(rows)
    if gutter is None:
        return _lines(rows)
    lines: list[Line] = []
    for band, in_columns in _bands(rows, gutter):
        if not in_columns:
            lines += _lines(band)
            continue
        pieces = [piece for row in band for piece in row]
        lines += _read(_rows([piece for piece in pieces if piece.x1 <= gutter]))
        lines += _read(_rows([piece for piece in pieces if piece.x1 > gutter]))
    return lines


def _lines(rows: Sequence[Row]) -> list[Line]:
    """The edges of a column are where most lines begin and end: one may stand out, as a sign on the margin does."""
    if not rows:
        return []
    left = sorted(row[0].x0 for row in rows)[(len(rows) - 1) * _STAND_OUT // 100]
    right = sorted(row[-1].x1 for row in rows)[(len(rows) - 1) * (100 - _STAND_OUT) // 100]
    return [Line(row, left, right) for row in rows]


def _gutter(rows: Sequence[Row]) -> float | None:
    """x between two columns: a gap in which most rows of two pieces and more agree, with lines that fill both sides."""
    pieces = [piece for row in rows for piece in row]
    if len(pieces) < 2 * _LEAST_ROWS:
        return None
    height = median(piece.height for piece in pieces)
    starts = sorted({piece.x0 for piece in pieces})
    ends = {round(piece.x1 / height) * height: piece.x1 for piece in pieces}  # one for those that lie close together
    after = {end: bisect(starts, end + 0.5 * height) for end in ends.values()}
    candidates = {(end + starts[at]) / 2 for end, at in after.items() if at < len(starts)}
    best = max(((_columnar(rows, x, height), x) for x in candidates), default=(-len(rows), 0.0))
    return best[1] if best[0] > -_MOST_CROSSED * len(rows) else None


def _columnar(rows: Sequence[Row], x: float, height: float) -> int:
    """How many rows show that x is a gutter, less those that it cuts: of full width, such as titles, are as many at any x."""
    width_left, width_right = x - min(row[0].x0 for row in rows), max(row[-1].x1 for row in rows) - x
    if min(width_left, width_right) < _NARROWEST * height:
        return -len(rows)
    filled_left = filled_right = crossed = 0
    for row in rows:
        filled_left += sum(piece.x1 - piece.x0 for piece in row if piece.x1 <= x) > _FILLED * width_left
        filled_right += sum(piece.x1 - piece.x0 for piece in row if piece.x0 >= x) > _FILLED * width_right
        crossed += _crosses(row, x)
    shown = min(filled_left, filled_right)
    return shown - crossed if shown >= _LEAST_ROWS else -len(rows)


def _bands(rows: Sequence[Row], x: float) -> list[tuple[list[Row], bool]]:
    """(rows, whether they are in columns) from top to bottom: rows that cross x, and wide tables, stand by themselves."""
    bands: list[tuple[list[Row], bool]] = []
    wide = [_crosses(row, x) for row in rows]
    tabular = [len(row) > 2 and not any(_fills(piece, rows, x) for piece in row) for row in rows]
    for at, row in enumerate(rows):
        of_table = tabular[at] and any(tabular[near] for near in (at - 1, at + 1) if 0 <= near < len(rows))
        in_columns = not wide[at] and not of_table
        if bands and bands[-1][1] == in_columns:
            bands[-1][0].append(row)
        else:
            bands.append(([row], in_columns))
    return bands


def _crosses(row: Row, x: float) -> bool:
    return any(piece.x0 < x < piece.x1 for piece in row)


def _fills(piece: Piece, rows: Sequence[Row], x: float) -> bool:
    edge = min(row[0].x0 for row in rows) if piece.x1 <= x else max(row[-1].x1 for row in rows)
    return piece.x1 - piece.x0 > _FILLED * abs(edge - x)


def is_tabular(line: Line) -> bool:
    """Whether the pieces of the line are cells."""
    return any(other.x0 - one.x1 > _CELL_GAP * min(one.height, other.height)
               for one, other in zip(line.pieces, line.pieces[1:], strict=False))
