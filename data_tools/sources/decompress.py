"""Compressed streams in pieces of a bounded size, to the last byte that can be had of a damaged one.

Each piece costs one call into a library, which gives up the interpreter lock once or a few times: with many small calls
this thread would wait for the tokenising ones at every single one of them. But a call that meets damage keeps what it had
decompressed before it. So the call that failed is made again, in steps of one byte.
"""

import bz2
import lzma
import os
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import IO, Protocol, cast

from data_tools.sources.blocks import Damage
from data_tools.sources.gzip_member import MAGIC, GzipMember, NotGzip
from data_tools.sources.zstd_frames import WatchedFrames

_FEED_BYTES = 1 << 18
_ENDS_EARLY = "the compressed stream ends early, so the file is truncated"


class DamagedStream(Exception):
    """What comes before `damage` was handed out."""

    def __init__(self, damage: Damage) -> None:
        super().__init__(damage.reason)
        self.damage = damage


def decompress(stream: IO[bytes], compression: str, piece_bytes: int) -> Iterator[bytes]:
    """What `stream` holds, in pieces of at most `piece_bytes`; members or frames one after another are one content.

    Raises DamagedStream after the last byte that the format's own tool would give as well.
    """
    feed = _Feed(stream)
    content = _opened(compression, feed)
    given = 0
    try:
        while piece := content.read1(piece_bytes):
            given += len(piece)
            yield piece
    except _Corrupt as error:
        feed = _Feed(stream, feed.began)
        yield _lost_in_a_call(_opened(compression, feed), given, piece_bytes)
        raise _damaged(stream, feed.offset, error) from None
    except _Ended as error:
        raise _damaged(stream, error.offset, error) from None


class _Ended(Exception):
    """The content ends at byte `offset` of the file, and the file is not as it should be there."""

    def __init__(self, reason: str, offset: int, harmless: bool = False) -> None:
        super().__init__(reason)
        self.offset, self.harmless = offset, harmless


class _Corrupt(Exception):
    """A call has failed, and what it had decompressed is lost."""


class _Content(Protocol):
    def read1(self, size: int, /) -> bytes:
        """At most `size` bytes, none at the end. Raises _Ended and _Corrupt."""


class _Decompressor(Protocol):
    """As bz2.BZ2Decompressor: of one member, input that it did not use is kept inside."""

    @property
    def eof(self) -> bool: ...
    @property
    def needs_input(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, max_length: int) -> bytes: ...


class _Feed:
    """The file from its start; single bytes from `slowly_from` on. The last read began at `began`."""

    def __init__(self, stream: IO[bytes], slowly_from: int | None = None) -> None:
        stream.seek(0)
        self._stream, self._slowly_from = stream, slowly_from
        self.began = self.offset = 0

    def read(self, size: int) -> bytes:
        self.began = self.offset
        if self._slowly_from is not None:
            size = min(size, max(1, self._slowly_from - self.offset))
        data = self._stream.read(size)
        self.offset += len(data)
        return data


@dataclass(frozen=True)
class _Format:
    """`padding`: zero bytes may follow a member, so many or a multiple; `ignores_rest`: as its tool does what follows then."""

    name: str
    magic: bytes
    member: Callable[[], _Decompressor]
    errors: tuple[type[Exception], ...]
    padding: int | None
    ignores_rest: bool


_FORMATS = {
    "gzip": _Format("gzip", MAGIC, GzipMember, (NotGzip, zlib.error), padding=1, ignores_rest=True),
    "bzip2": _Format("bzip2", b"BZh", bz2.BZ2Decompressor, (OSError,), padding=None, ignores_rest=True),
    "xz": _Format("xz", b"\xfd7zXZ\0", lambda: lzma.LZMADecompressor(lzma.FORMAT_XZ), (lzma.LZMAError,), padding=4,
                  ignores_rest=False),
}  # fmt: skip


class _Members:
    """The members of a file one after another."""

    def __init__(self, feed: _Feed, format: _Format) -> None:
        self._feed, self._format = feed, format
        self._member: _Decompressor | None = None
        self._data = b""
        self._began = False

    def read1(self, size: int, /) -> bytes:
        piece = b""
        while not piece and (member := self._member or self._next_member()):
            hungry = member.needs_input and not self._data
            data = self._feed.read(_FEED_BYTES) if hungry else self._data
            try:
                piece = member.decompress(data, size)
            except self._format.errors as error:
                raise _Corrupt(f"cannot be decompressed: {error}") from None
            if hungry and not data and not piece:
                raise _Ended(_ENDS_EARLY, self._feed.offset)
            self._data = member.unused_data
            self._member = None if member.eof else member
        return piece

    def _next_member(self) -> _Decompressor | None:
        """None at the end of the file. The first member may begin with anything: its decompressor objects."""
        magic = self._format.magic
        self._skip_padding()
        if not self._data and self._began:
            return None
        if self._began and self._data[: len(magic)] != magic[: len(self._data)]:
            reason = f"what follows the compressed stream is no {self._format.name}"
            raise _Ended(reason, self._feed.offset - len(self._data), self._format.ignores_rest)
        self._began = True
        self._member = self._format.member()
        return self._member

    def _skip_padding(self) -> None:
        """Afterwards `_data` begins with what may be a member, long enough to tell, unless the file ends before."""
        zeros, more = 0, self._data or self._feed.read(_FEED_BYTES)
        self._data = b""
        while more:
            data = self._data + more
            self._data = data.lstrip(b"\0") if self._began and self._format.padding else data
            zeros += len(data) - len(self._data)
            more = self._feed.read(_FEED_BYTES) if len(self._data) < len(self._format.magic) else b""
        if zeros % (self._format.padding or 1):
            raise _Ended(f"{zeros} bytes of padding follow the compressed stream", self._feed.offset - len(self._data))


class _Zstd:
    """The frames of a file one after another."""

    def __init__(self, feed: _Feed) -> None:
        import zstandard

        self._feed, self._frames = feed, WatchedFrames(feed)
        self._error = zstandard.ZstdError
        decompressor = zstandard.ZstdDecompressor(max_window_size=1 << 31)
        source = cast(IO[bytes], self._frames)  # of its source the library asks read() alone
        self._reader = decompressor.stream_reader(
            source, read_size=_FEED_BYTES, read_across_frames=True, closefd=False
        )

    def read1(self, size: int, /) -> bytes:
        try:
            piece = self._reader.read1(size)
        except self._error as error:
            raise _Corrupt(f"cannot be decompressed: {error}") from None
        if not piece and not (self._frames.between_frames and self._feed.offset):  # the library takes it for a proper end
            raise _Ended(_ENDS_EARLY, self._feed.offset)
        return piece


def _opened(compression: str, feed: _Feed) -> _Content:
    return _Zstd(feed) if compression == "zstd" else _Members(feed, _FORMATS[compression])


def _lost_in_a_call(content: _Content, given: int, piece_bytes: int) -> bytes:
    """What comes after the first `given` bytes and before the damage."""
    found = bytearray()
    try:
        while piece := content.read1(min(piece_bytes, given) or 1):
            if given:
                given -= len(piece)
            else:
                found += piece
    except (_Corrupt, _Ended):
        pass  # the caller knows it
    return bytes(found)


def _damaged(stream: IO[bytes], offset: int, error: _Ended | _Corrupt) -> DamagedStream:
    unread = os.fstat(stream.fileno()).st_size - offset
    return DamagedStream(Damage(offset, unread, str(error), harmless=isinstance(error, _Ended) and error.harmless))
