"""PDF by pypdfium2: the text layer in reading order; a page that has none, or one of nonsense, is drawn and recognised."""

import math
import unicodedata
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from data_tools.corpus.extra import needed
from data_tools.corpus.readers.item import DAMAGED, ENCRYPTED, TOO_LARGE, UNREADABLE, At, Item, ReadLimits, Unread, tried
from data_tools.corpus.readers.layout import in_reading_order
from data_tools.corpus.readers.page import NO_LAYER, Page, document_of
from data_tools.corpus.readers.paragraphs import text_of
from data_tools.corpus.readers.pdf_text import pieces_of
from data_tools.corpus.readers.scan import recognised_page

NOT_EMBEDDED = "font not embedded"
_NONSENSE = 0.05  # share of signs that are no text, from which a text layer is none
_FEW_SIGNS = 100  # beside a picture of the whole page they are a stamp of a library, a number
_WHOLE_PAGE = 0.6  # of its area
_POINTS = 72  # an inch


def read(path: Path, limits: ReadLimits) -> Iterator[Item]:
    pdfium = needed("pypdfium2", "ocr")
    try:
        file = pdfium.PdfDocument(path)
    except pdfium.PdfiumError as error:
        yield _unopened(str(error))
        return
    with file:
        count = len(file)
        pages: list[Page] = []
        for number in range(1, count + 1):
            yield At("page", number)
            page = tried(partial(_page, file, number, limits), {"page": number})
            if isinstance(page, Unread):
                yield page
            else:
                pages.append(page)
        title = " ".join(file.get_metadata_value("Title").split())[:300]
    yield document_of(pages, count, title)


def _unopened(said: str) -> Unread:
    if "password" in said.lower() or "security" in said.lower():
        return Unread(ENCRYPTED, "a password is needed; unlock it first")
    return Unread(UNREADABLE if "file access" in said.lower() else DAMAGED, said[:200])


def _page(file: Any, number: int, limits: ReadLimits) -> Page | Unread:
    page = file[number - 1]
    try:
        return _read_page(page, number, limits)
    finally:
        page.close()


def _read_page(page: Any, number: int, limits: ReadLimits) -> Page | Unread:
    layer = page.get_textpage()
    try:
        pieces = pieces_of(layer, page)
    finally:
        layer.close()
    text = text_of(in_reading_order(pieces))
    nonsense = _is_nonsense(text)
    if text and not nonsense and not _is_scan(page, text):
        return Page(number, text)
    objects = list(page.get_objects())
    if not objects:
        return Page(number, "")
    if nonsense and not _can_be_drawn(objects):
        return Unread(NOT_EMBEDDED, "its letters can be neither read nor drawn", {"page": number})
    if not limits.ocr:
        return Unread(NO_LAYER, "and --no-ocr is given", {"page": number})
    return _recognised(page, number, limits)


def _recognised(page: Any, number: int, limits: ReadLimits) -> Page | Unread:
    width, height = page.get_size()
    scale = limits.dpi / _POINTS
    pixels = math.ceil(width * scale) * math.ceil(height * scale)
    if pixels > limits.max_pixels:
        detail = f"{width:.0f} x {height:.0f} points, {pixels:,} pixels at --dpi {limits.dpi}, over --max-pixels"
        return Unread(TOO_LARGE, detail, {"page": number})
    bitmap = page.render(scale=scale, rev_byteorder=True, prefer_bgrx=False)
    image = bitmap.to_numpy()[:, :, :3].copy()
    bitmap.close()
    return recognised_page(number, image, limits)


def _is_nonsense(text: str) -> bool:
    """Whether letters are without meaning: no code, a private one, a control sign."""
    signs = [sign for sign in text if not sign.isspace()]
    strange = sum(sign == "\ufffd" or unicodedata.category(sign) in ("Cc", "Cn", "Co", "Cs") for sign in signs)
    return strange > _NONSENSE * len(signs)


def _is_scan(page: Any, text: str) -> bool:
    """Whether the page is a picture, and the text a note upon it."""
    if len(text) >= _FEW_SIGNS:
        return False
    width, height = page.get_size()
    raw = needed("pypdfium2.raw", "ocr")
    for picture in page.get_objects([raw.FPDF_PAGEOBJ_IMAGE]):
        left, bottom, right, top = picture.get_bounds()
        if (right - left) * (top - bottom) > _WHOLE_PAGE * width * height:
            return True
    return False


def _can_be_drawn(objects: Any) -> bool:
    """Whether all letters have their shapes in the file."""
    raw = needed("pypdfium2.raw", "ocr")
    texts = (one for one in objects if one.type == raw.FPDF_PAGEOBJ_TEXT)
    return all(raw.FPDFFont_GetIsEmbedded(raw.FPDFTextObj_GetFont(one.raw)) == 1 for one in texts)
