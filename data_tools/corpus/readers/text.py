"""Plain text: a file is a document."""

from collections.abc import Iterator
from pathlib import Path

from data_tools.corpus.document import Document
from data_tools.corpus.readers.charset import decode
from data_tools.corpus.readers.item import EMPTY, Item, ReadLimits, Unread, small_file

BINARY = "no text format"
_ENDS = str.maketrans({"\r": "\n"})


def read(path: Path, limits: ReadLimits) -> Iterator[Item]:
    data = small_file(path, limits)
    yield data if isinstance(data, Unread) else text_document(data)


def text_document(data: bytes, stated: str = "") -> Document | Unread:
    decoded = decode(data, stated)
    if isinstance(decoded, Unread):
        return decoded
    text = decoded.text.replace("\r\n", "\n").translate(_ENDS)
    if "\0" in text:
        return Unread(BINARY, "it holds zero bytes", {"offset": data.index(b"\0")})
    if not text.strip():
        return Unread(EMPTY)
    return Document(text, {} if decoded.charset == "utf-8" else {"charset": decoded.charset})
