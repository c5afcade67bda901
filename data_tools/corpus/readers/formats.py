"""Which reader a file gets: by what it holds, whatever it is called."""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from data_tools.corpus.readers import html, insert, pdf, scan, text, warc
from data_tools.corpus.readers.charset import decode
from data_tools.corpus.readers.item import EMPTY, Item, Read, ReadLimits, Unread

UNKNOWN = "no known format"
_HEAD = 65536  # bytes that tell
_PDF_WITHIN = 1024  # bytes, as readers of PDF allow
_HTML = re.compile(rb"<!doctype\s+html|<(html|head|body|title|meta|div|p|table|h1)[\s>]", re.IGNORECASE)
_XML = re.compile(rb"^\s*<(\?xml[\s]|insert[\s>]|document[\s>])")
_XHTML = re.compile(rb"<html[\s>]", re.IGNORECASE)


@dataclass(frozen=True)
class Format:
    """suffixes: what files of it are called. resume: reads on from a byte, behind a bad record."""

    name: str
    suffixes: Sequence[str]
    read: Read
    resume: Callable[[Path, ReadLimits, int], Iterator[Item]] | None = None

    def reads(self, path: Path, limits: ReadLimits, start: int) -> Iterator[Item]:
        return self.resume(path, limits, start) if self.resume else self.read(path, limits)


PDF = Format("pdf", (".pdf",), pdf.read)
PNG = Format("png", (".png",), scan.read)
JPEG = Format("jpeg", (".jpg", ".jpeg", ".jpe"), scan.read)
TIFF = Format("tiff", (".tif", ".tiff"), scan.read)
WARC = Format("warc", (".warc", ".warc.gz"), warc.read, resume=warc.read)
XML = Format("xml", (".xml",), insert.read)
HTML = Format("html", (".html", ".htm", ".xhtml", ".shtml"), html.read)
TEXT = Format("text", (".txt", ".text", ".md"), text.read)
FORMATS = (PDF, PNG, JPEG, TIFF, WARC, XML, HTML, TEXT)

_MAGIC = ((b"\x89PNG\r\n\x1a\n", PNG), (b"\xff\xd8\xff", JPEG), (b"II*\0", TIFF), (b"MM\0*", TIFF), (b"II+\0", TIFF),
          (b"MM\0+", TIFF), (b"WARC/", WARC))  # fmt: skip
_OTHERS = (
    (b"PK\x03\x04", "a zip archive (also docx, xlsx, epub)"), (b"PAR1", "Parquet, which build_corpus.py reads itself"),
    (b"\xd0\xcf\x11\xe0", "an old Office file"), (b"GIF8", "a GIF"), (b"RIFF", "a RIFF file"), (b"BM", "a bitmap"),
    (b"7z\xbc\xaf", "a 7z archive"), (b"Rar!", "a rar archive"), (b"BZh", "bzip2: unpack it"), (b"\xfd7zXZ", "xz: unpack it"),
    (b"\x28\xb5\x2f\xfd", "zstd: unpack it"), (b"\x7fELF", "a program"), (b"SQLite", "a database"),
)  # fmt: skip


def format_of(path: Path) -> Format | Unread:
    with open(path, "rb") as stream:
        head = stream.read(_HEAD)
    if not head.strip():
        return Unread(EMPTY, "the file is empty")
    for mark, found in _MAGIC:
        if head.startswith(mark):
            return found
    if b"%PDF-" in head[:_PDF_WITHIN]:
        return PDF
    if head.startswith(b"\x1f\x8b"):
        return WARC if _is_warc(path) else Unread(UNKNOWN, "gzip of no WARC: unpack it")
    other = next((name for mark, name in _OTHERS if head.startswith(mark)), None)
    if other and (b"\0" in head or "unpack" in other):
        return Unread(UNKNOWN, other)
    return _of_text(head)


def _is_warc(path: Path) -> bool:
    from data_tools.corpus.readers.warc_records import next_record

    with open(path, "rb") as stream:
        return next_record(stream, 0) == 0


def _of_text(head: bytes) -> Format | Unread:
    """Markup can be told in any charset but UTF-16, which is made a wider one first."""
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        decoded = decode(head[: len(head) // 2 * 2])
        head = decoded.text.encode(errors="replace") if not isinstance(decoded, Unread) else head
    elif b"\0" in head:
        return Unread(UNKNOWN, "it holds zero bytes", {"offset": head.index(b"\0")})
    head = head.removeprefix(b"\xef\xbb\xbf")
    if _XML.match(head) and not _XHTML.search(head[:4096]):
        return XML
    return HTML if head.lstrip()[:1] == b"<" and _HTML.search(head) else TEXT


def wrongly_named(path: Path, found: Format) -> bool:
    """Whether the name says another format than the file has; a name that says none is not wrong."""
    name = path.name.lower()
    said = [one for one in FORMATS if name.endswith(tuple(one.suffixes))]
    return bool(said) and found not in said
