"""The letters of a PDF page, joined to pieces of lines."""

from typing import Any

from data_tools.corpus.extra import needed
from data_tools.corpus.readers.layout import Piece

_WORD_GAP = 0.15  # of the height: from there on a space
_Letter = tuple[str, float, float, float, float]
_PIECE_GAP = 1.0  # of the height: from there on another piece, a cell or a column


def pieces_of(layer: Any, page: Any) -> list[Piece]:
    """layer: a PdfTextPage. Letters that follow one another in the file, on one line and close together, are a piece."""
    height = page.get_size()[1]
    pieces: list[Piece] = []
    held: list[_Letter] = []
    for letter in _letters(layer, height):
        if held and not _follows(held[-1], letter):
            pieces.append(_piece(held))
            held = []
        held.append(letter)
    return [*pieces, _piece(held)] if held else pieces


def _letters(layer: Any, page_height: float) -> list[_Letter]:
    """(sign, x0, y0, x1, y1), y down, without spaces: where letters stand tells those better. The box is that of the font: a
    comma is as high as a letter."""
    raw = needed("pypdfium2.raw", "ocr")
    box = raw.FS_RECTF()
    letters = []
    at, count = 0, layer.count_chars()
    while at < count:
        code = raw.FPDFText_GetUnicode(layer.raw, at)
        if 0xD800 <= code < 0xDC00 and at + 1 < count:  # a pair
            low = raw.FPDFText_GetUnicode(layer.raw, at + 1)
            sign = (chr(code) + chr(low)).encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
            step = 2
        else:
            sign, step = ("\ufffd" if 0xD800 <= code < 0xE000 or code > 0x10FFFF else chr(code)), 1
        if not sign.isspace() and code not in (0, 0xAD, 2) and raw.FPDFText_GetLooseCharBox(layer.raw, at, box):
            letters.append((sign, box.left, page_height - box.top, box.right, page_height - box.bottom))
        at += step
    return letters


def _follows(last: _Letter, letter: _Letter) -> bool:
    _, x0, y0, x1, y1 = last
    _, left, top, right, bottom = letter
    height = min(y1 - y0, bottom - top)
    return min(y1, bottom) - max(y0, top) > 0.5 * height and -0.5 * height < left - x1 < _PIECE_GAP * height


def _piece(letters: list[_Letter]) -> Piece:
    text = letters[0][0]
    for last, letter in zip(letters, letters[1:], strict=False):
        gap = letter[1] - last[3]
        text += f" {letter[0]}" if gap > _WORD_GAP * (letter[4] - letter[2]) else letter[0]
    top, right, bottom = min(one[2] for one in letters), max(one[3] for one in letters), max(one[4] for one in letters)
    return Piece(letters[0][1], top, right, bottom, text)
