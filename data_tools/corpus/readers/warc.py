"""WARC, plain or with each record in a gzip member: responses of text/html and text/plain, found and read by warcio."""

import zlib
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import IO, Any

from data_tools.corpus.document import Document
from data_tools.corpus.extra import needed
from data_tools.corpus.readers.html import html_document
from data_tools.corpus.readers.item import CUT, DAMAGED, TOO_LARGE, At, Item, ReadLimits, Unread, tried, why
from data_tools.corpus.readers.text import text_document
from data_tools.corpus.readers.warc_records import next_record

_TYPES = {"text/html": html_document, "application/xhtml+xml": html_document, "text/plain": text_document}
_PIECE = 1 << 20


def read(path: Path, limits: ReadLimits, start: int = 0) -> Iterator[Item]:
    """start: byte from which the next record is looked for. A damaged or huge record costs itself only: the next is looked for
    in the bytes behind its beginning, without unpacking it."""
    with open(path, "rb") as stream:
        offset: int | None = next_record(stream, start) if start else 0  # what stands before the first record is told
        while offset is not None:
            again_from = yield from _records(stream, offset, limits)
            offset = next_record(stream, again_from) if again_from is not None else None


def _records(stream: IO[bytes], start: int, limits: ReadLimits) -> Generator[Item, None, int | None]:
    """The records from `start` on. Returns the byte behind which to look for the next one, None at the end of the file."""
    stream.seek(start)
    archive = needed("warcio.archiveiterator").ArchiveIterator(stream)
    exceptions = needed("warcio.exceptions")
    offset: int = start
    while True:
        try:
            record = next(archive)
            offset = int(archive.offset)  # get_record_offset() reads the record to its end first
            yield At("offset", offset)
            found = _wanted(record, offset, limits)
            left = -1 if isinstance(found, Unread) and found.reason == TOO_LARGE else _drained(record, limits)
        except StopIteration:
            if _is_more(stream, archive.offset):
                yield Unread(CUT, "the file ends in this record", {"offset": archive.offset})
            return None
        except MemoryError as error:
            yield why(error, {"offset": offset})
            return offset + 1
        except (exceptions.ArchiveLoadFailed, zlib.error, ValueError, EOFError) as error:
            offset = max(offset, int(archive.offset))
            said = "".join(sign if sign.isprintable() else " " for sign in str(error)[:120])
            yield Unread(DAMAGED, " ".join(said.split()), {"offset": offset})
            return offset + 1
        if left > 0:
            yield Unread(CUT, f"{left:,} bytes or more of the record are missing", {"offset": offset})
            return offset + 1
        if found is not None:
            yield found
        if left < 0:
            return offset + 1


def _is_more(stream: IO[bytes], offset: int) -> bool:
    """warcio takes a record whose head is cut for the end."""
    stream.seek(offset)
    return bool(stream.read(_PIECE).strip())


def _drained(record: Any, limits: ReadLimits) -> int:
    """Bytes that are missing of the record when it is read to its end; -1 if it is too long to be read to its end."""
    budget = 4 * limits.max_bytes  # of what is skipped, such as films
    while budget > 0 and (piece := record.raw_stream.read(_PIECE)):
        budget -= len(piece)
    if budget <= 0:
        return -1
    return int(getattr(record.raw_stream, "limit", 1))  # without a limit its head says no length, for it was cut


def _content(stream: Any, most: int) -> bytes:
    data = bytearray()
    while len(data) < most and (piece := stream.read(min(_PIECE, most - len(data)))):
        data += piece
    return bytes(data)


def _wanted(record: Any, offset: int, limits: ReadLimits) -> Document | Unread | None:
    """None for what is no page: requests, pictures, answers that say that there is nothing."""
    if record.rec_type != "response" or record.http_headers is None or record.http_headers.get_statuscode() != "200":
        return None
    kind, _, parameters = (record.http_headers.get_header("content-type") or "").partition(";")
    parse = _TYPES.get(kind.strip().lower())
    if parse is None:
        return None
    at = {"offset": offset}
    data = _content(record.content_stream(), limits.max_bytes + 1)
    if len(data) > limits.max_bytes:
        return Unread(TOO_LARGE, f"unpacked it is over --max-bytes {limits.max_bytes:,}", at)
    charset = parameters.lower().partition("charset=")[2].partition(";")[0]
    made = tried(lambda: parse(data, charset), at)
    if isinstance(made, Unread):
        inside = f" at byte {made.at['offset']} of the page" if "offset" in made.at else ""
        return Unread(made.reason, made.detail + inside, at)
    made.known |= {"url": record.rec_headers.get_header("WARC-Target-URI") or "",
                   "date": record.rec_headers.get_header("WARC-Date") or ""}
    made.known["origin"] = dict(at)
    return made
