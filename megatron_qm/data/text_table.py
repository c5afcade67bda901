"""Rows as plain text for a terminal."""

from collections.abc import Sequence


def text_table(header: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Columns padded to their widest cell: text to the left, numbers (and what stands under them as text) to the "
    "right."""
    cells = [[str(cell) for cell in row] for row in rows]
    widths = [max(len(row[i]) for row in [list(header), *cells]) for i in range(len(header))]
    left = [all(isinstance(row[i], str) and not str(row[i])[:1].isdigit() for row in rows) for i in range(len(header))]

    def line(row: Sequence[str]) -> str:
        padded = (f"{c:<{w}}" if to_left else f"{c:>{w}}" for c, w, to_left in zip(row, widths, left, strict=True))
        return "  ".join(padded).rstrip()

    return "\n".join(line(row) for row in [list(header), *cells])


def left_table(rows: Sequence[Sequence[str]]) -> str:
    """All columns to the left, padded to their widest cell; the header is the first row."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows)
