"""Pages of a file to its document."""

from collections.abc import Sequence
from typing import NamedTuple

from data_tools.corpus.document import Document
from data_tools.corpus.readers.item import EMPTY, Unread
from megatron_qm.json_types import JsonObject

NO_LAYER = "no text layer"


class Page(NamedTuple):
    """confidence: None where the text was not recognised but read."""

    number: int
    text: str
    confidence: float | None = None


def document_of(pages: Sequence[Page], count: int, title: str = "") -> Document | Unread:
    """count: pages of the file. What was recognised has `confidence`, by character, and `ocr_pages`; pages that were rejected are
    named under `lost_pages`, for a text with a hole is not whole."""
    text = "\n".join(page.text for page in pages if page.text)
    if not text.strip():
        return Unread(EMPTY, f"on {count} pages")
    known: JsonObject = {"title": title} if title else {}
    known["pages"] = count
    recognised = [(page.number, len(page.text), page.confidence) for page in pages if page.confidence is not None and page.text]
    if recognised:
        signs = sum(size for _, size, _ in recognised)
        known["confidence"] = round(sum(size * sure for _, size, sure in recognised) / signs, 4)
        known["ocr_pages"] = [number for number, _, _ in recognised]
    if lost := sorted(set(range(1, count + 1)) - {page.number for page in pages}):
        known["lost_pages"] = lost
    return Document(text, known)
