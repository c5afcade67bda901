"""One member of a gzip file (RFC 1952), read as gzip itself reads it: leniently, with the verdict at its end.

zlib's own reader of gzip ends at the first reference to before the member's text, where gzip goes on.
"""

import struct
import zlib

MAGIC = b"\x1f\x8b"
_DEFLATE = 8
_EXTRA, _NAME, _COMMENT, _HEADER_CHECK, _UNKNOWN = 4, 8, 16, 2, 0xE0
_TRAILER = struct.Struct("<II")
# What a wrong reference to before the text finds there: bytes that are in no text.
_BEFORE_THE_TEXT = bytes(1 << 15)


class NotGzip(Exception):
    """A header that gzip does not know either, or text that is not that of its checksum."""


class GzipMember:
    """In the form of bz2.BZ2Decompressor, which keeps the input that it has not used."""

    def __init__(self) -> None:
        self.eof, self.needs_input = False, True
        self._input = b""
        self._header_read = False
        self._body = zlib.decompressobj(-zlib.MAX_WBITS, zdict=_BEFORE_THE_TEXT)
        self._checksum = self._size = 0

    @property
    def unused_data(self) -> bytes:
        return self._input if self.eof else b""

    def decompress(self, data: bytes, max_length: int) -> bytes:
        """Raises NotGzip and zlib.error."""
        self._input += data
        if not self._header_read:
            end = _header_end(self._input)
            self._header_read, self._input = end > 0, self._input[end:]
        piece = self._inflate(max_length) if self._header_read and not self._body.eof else b""
        self.needs_input = not self._input or not self._header_read
        if self._body.eof:
            self._check_trailer()
        return piece

    def _inflate(self, max_length: int) -> bytes:
        piece = self._body.decompress(self._input, max_length)
        self._input = self._body.unused_data if self._body.eof else self._body.unconsumed_tail
        self._checksum = zlib.crc32(piece, self._checksum)
        self._size += len(piece)
        return piece

    def _check_trailer(self) -> None:
        self.eof = len(self._input) >= _TRAILER.size
        self.needs_input = not self.eof
        if self.eof and _TRAILER.unpack_from(self._input) != (self._checksum, self._size & 0xFFFFFFFF):
            raise NotGzip("wrong checksum, so that text before it may be altered")
        self._input = self._input[_TRAILER.size :] if self.eof else self._input


def _header_end(data: bytes) -> int:
    """How long the header is; 0 while it is not whole. Raises NotGzip."""
    if data[:2] != MAGIC[: len(data)]:
        raise NotGzip("it does not begin as gzip does")
    if len(data) < 12:
        return 0
    if data[2] != _DEFLATE or data[3] & _UNKNOWN:
        raise NotGzip(f"unknown method {data[2]} or flags {data[3]:#x}")
    end = 12 + int.from_bytes(data[10:12], "little") if data[3] & _EXTRA else 10
    for flag in (_NAME, _COMMENT):
        if data[3] & flag:
            end = data.find(b"\0", end) + 1
            if not end:
                return 0
    end += 2 if data[3] & _HEADER_CHECK else 0
    return end if end <= len(data) else 0
