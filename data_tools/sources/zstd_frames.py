"""Where zstd frames begin and end, followed without decompressing them."""

from collections.abc import Generator
from typing import Protocol


class _Readable(Protocol):
    def read(self, size: int, /) -> bytes: ...


class WatchedFrames:
    """Passes bytes on and follows the frames in them (RFC 8878, section 3.1), to know whether the last one is whole."""

    def __init__(self, stream: _Readable) -> None:
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
