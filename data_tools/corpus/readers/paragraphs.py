"""Lines of a page to paragraphs: a line that fills its column goes on in the next one; rows of tables stay rows."""

import re
from collections.abc import Sequence

from data_tools.corpus.readers.layout import Line, Piece, is_tabular

_WIDE = re.compile("[\u2e80-\u9fff\uf900-\ufaff\uff00-\uffef\u3000-\u303f]")
_ENDS = re.compile(r"[.!?:;。！？：；]\s*$")
_ITEM = re.compile(
    r"\s*([•·▪●■◆○*\-–—]\s|\(?[0-9一二三四五六七八九十]{1,3}[.、)）]\s?|[（(][0-9一二三四五六七八九十]{1,3}[)）]|【)"
)
_SPACE_LEFT = 2.0  # heights of a line that a line which fills its column leaves at its end, at most
_INDENT = 0.8  # heights of a line, by which a paragraph is begun
_LEADING = 2.2  # heights from one line to the next of a paragraph, at most


def text_of(lines: Sequence[Line]) -> str:
    """Paragraphs and rows (`| a | b |`), one a line."""
    said: list[str] = []
    before: Line | None = None
    for line in lines:
        text = _row(line) if is_tabular(line) else _joined([piece.text for piece in line.pieces])
        if before and said and _goes_on(before, line):
            said[-1] = _joined([said[-1], text])
        else:
            said.append(text)
        before = line
    return "\n".join(said)


def _row(line: Line) -> str:
    return f"| {' | '.join(piece.text.strip() for piece in line.pieces)} |"


def _goes_on(before: Line, line: Line) -> bool:
    if is_tabular(before) or is_tabular(line) or (before.left, before.right) != (line.left, line.right):
        return False
    last, first = before.pieces[-1], line.pieces[0]
    height = min(last.height, first.height)
    if not 0.7 < last.height / first.height < 1.4 or not 0 < first.y0 - last.y0 < _LEADING * height:
        return False
    if _ITEM.match(first.text) or first.x0 - line.left > _INDENT * height:
        return False
    room = before.right - last.x1
    return room < _SPACE_LEFT * height or (room < _room_for(first) and not _ENDS.search(last.text))


def _room_for(piece: Piece) -> float:
    """Of its first word, which did not fit on the line before."""
    word = piece.text.split(" ", 1)[0]
    if _WIDE.search(word[:1]):
        return 0.0
    return (len(word) + 1) * (piece.x1 - piece.x0) / max(len(piece.text), 1)


def _joined(texts: Sequence[str]) -> str:
    """Chinese without spaces between, other words with one; a word that was parted by a hyphen becomes one again."""
    whole = ""
    for text in (text.strip() for text in texts):
        if not whole or not text:
            whole += text
        elif _WIDE.match(whole[-1]) or _WIDE.match(text[0]):
            whole += text
        elif whole.endswith("-") and whole[-2:-1].islower() and text[0].islower():
            whole = whole[:-1] + text
        else:
            whole += f" {text}"
    return whole
