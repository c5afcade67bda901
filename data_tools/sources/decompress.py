"""gzip and zstd streams in pieces of a bounded size, with damage told apart from a proper end.

Each piece costs one call into the library, which gives up the interpreter lock once or a few times: with many small
calls this thread would wait for the tokenising ones at every single one of them.
"""

import zlib
from collections.abc import Generator, Iterator
from typing import IO

_GZIP_FEED = 1 << 18


class DamagedStream(Exception):
    """The compressed stream ends early or is corrupt; what came before was handed out."""


def decompress(stream: IO[bytes], compression: str, piece_bytes: int) -> Iterator[bytes]:
    """What `stream` holds, in pieces of at most `piece_bytes`; members or frames one after another are one content.

    Raises DamagedStream after the last good bytes.
    """
    return _gzip(stream, piece_bytes) if compression == "gzip" else _zstd(stream, piece_bytes)


def _gzip(stream: IO[bytes], piece_bytes: int) -> Iterator[bytes]:
    member, data = None, b""
    while data := data or stream.read(_GZIP_FEED):
        if member is None:
            data = data.lstrip(b"\0")  # padding, as tar leaves it
            if not data:
                continue
            member = zlib.decompressobj(wbits=31)
        try:
            yield member.decompress(data, piece_bytes)
        except zlib.error as error:
            raise DamagedStream(f"cannot be decompressed: {error}") from None
        data = member.unconsumed_tail
        if member.eof:
            data, member = member.unused_data, None
    if member is not None:
        raise DamagedStream("the compressed stream ends early: the file is truncated")


def _zstd(stream: IO[bytes], piece_bytes: int) -> Iterator[bytes]:
    import zstandard

    watched = _WatchedFrames(stream)
    decompressor = zstandard.ZstdDecompressor(max_window_size=1 << 31)
    # Of its source the library asks read() alone, its stub a whole file.
    reader = decompressor.stream_reader(watched, read_across_frames=True, closefd=False)  # type: ignore[arg-type]
    try:
        # read1: what was decompressed before an error is handed out, not lost in a piece that was to be filled.
        while piece := reader.read1(piece_bytes):
            yield piece
    except zstandard.ZstdError as error:
        raise DamagedStream(f"cannot be decompressed: {error}") from None
    if not watched.between_frames:  # the library takes this for a proper end
        raise DamagedStream("the compressed stream ends early: the file is truncated")


class _WatchedFrames:
    """Passes bytes on and follows the frames in them (RFC 8878, section 3.1), to know whether the last one is whole."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self._frames = self._follow()
        self._wanted = next(self._frames)
        self._held = b""
        self._expects_magic = True

    @property
    def between_frames(self) -> bool:
        return self._expects_magic and not self._held

    def read(self, size: int = -1) -> bytes:
        data = self._stream.read(size)
        position = 0
        while position < len(data):
            taken = data[position : position + self._wanted - len(self._held)] if self._wanted > 0 else b""
            if self._wanted < 0:  # to be skipped
                step = min(-self._wanted, len(data) - position)
                self._wanted += step
                position += step
                if self._wanted == 0:
                    self._wanted = self._frames.send(b"")
                continue
            position += len(taken)
            self._held += taken
            if len(self._held) == self._wanted:
                held, self._held = self._held, b""
                self._wanted = self._frames.send(held)
        return data

    def _follow(self) -> Generator[int, bytes, None]:
        """Yields how many bytes it wants to see next; a negative number is to be skipped."""
        while True:
            self._expects_magic = True
            magic = int.from_bytes((yield 4), "little")
            self._expects_magic = False
            if magic & 0xFFFFFFF0 == 0x184D2A50:  # skippable frame
                size = int.from_bytes((yield 4), "little")
                if size:
                    yield -size
                continue
            descriptor = (yield 1)[0]
            single_segment = descriptor >> 5 & 1
            size_field = (single_segment, 2, 4, 8)[descriptor >> 6]
            rest = (1 - single_segment) + (0, 1, 2, 4)[descriptor & 3] + size_field
            if rest:
                yield -rest
            last = False
            while not last:
                header = int.from_bytes((yield 3), "little")
                last, kind, size = bool(header & 1), header >> 1 & 3, header >> 3
                size = 1 if kind == 1 else size  # a block of one repeated byte
                if size:
                    yield -size
            if descriptor >> 2 & 1:
                yield -4  # checksum
