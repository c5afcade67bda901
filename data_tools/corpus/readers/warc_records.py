"""Where records of a WARC begin, found without reading those before."""

import zlib
from typing import IO

_PIECE = 1 << 20
_GZIP = b"\x1f\x8b\x08"
_WARC = b"WARC/"
_HEAD = 512  # bytes of a gzip member that tell what it begins with


def next_record(stream: IO[bytes], start: int) -> int | None:
    """The first byte from `start` on at which a record begins, in a gzip member of its own or after an empty line."""
    stream.seek(0)
    head = stream.read(len(_WARC))
    packed = head.startswith(_GZIP)
    if start == 0 and head == _WARC:
        return 0
    mark, before = (_GZIP, 0) if packed else (b"\n" + _WARC, 1)
    at = max(0, start - before)
    while (found := _find(stream, mark, at)) is not None:
        if not packed or _holds_warc(stream, found):
            return found + before
        at = found + 1
    return None


def _find(stream: IO[bytes], mark: bytes, start: int) -> int | None:
    stream.seek(start)
    held, base = b"", start
    while piece := stream.read(_PIECE):
        held += piece
        at = held.find(mark)
        if at >= 0:
            return base + at
        keep = len(mark) - 1
        base += len(held) - keep
        held = held[-keep:]
    return None


def _holds_warc(stream: IO[bytes], offset: int) -> bool:
    stream.seek(offset)
    try:
        return zlib.decompressobj(zlib.MAX_WBITS | 16).decompress(stream.read(_HEAD), len(_WARC)) == _WARC
    except zlib.error:
        return False
