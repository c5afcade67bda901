"""Callers that take their time: bytes that must arrive within it, and room for others where many wait."""

import io
import resource
import socket
import threading
import time
from contextlib import suppress
from typing import Any

_MOST_WAITING = 4096


class Arrival(io.RawIOBase):
    """What a socket receives. silence: seconds that the other side may send nothing; whole: seconds in which a request must have
    arrived, counted from its first byte. TimeoutError beyond either."""

    def __init__(self, connection: socket.socket, silence: float, whole: float) -> None:
        self._connection, self._silence, self._whole = connection, silence, whole
        self._begun: float | None = None

    def expect(self) -> None:
        """A new request may come, or none for a while."""
        self._begun = None

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        self._connection.settimeout(self._left())
        try:
            count = self._connection.recv_into(buffer)
        finally:
            self._connection.settimeout(self._silence)  # of whoever writes
        if self._begun is None:
            self._begun = time.monotonic()
        return count

    def _left(self) -> float:
        if self._begun is None:
            return self._silence
        left = self._begun + self._whole - time.monotonic()
        if left <= 0:
            raise TimeoutError(f"the request has not arrived within {self._whole:g} seconds")
        return min(self._silence, left)


class Waiting:
    """Connections on which a request may come, the oldest first. Where they are many, room is made for the next caller: who has
    kept his waiting for longest is cut off, so that no number of silent callers takes up all that a process may open."""

    def __init__(self, most: int, patience: float = 1.0) -> None:
        """patience: seconds that each may wait however many there are."""
        self._most, self._patience = most, patience
        self._since: dict[socket.socket, float] = {}
        self._one = threading.Lock()

    @classmethod
    def of_process(cls) -> "Waiting":
        """Half of what it may open, so that the rest is there for what it opens itself."""
        soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        return cls(_MOST_WAITING if soft == resource.RLIM_INFINITY else min(_MOST_WAITING, soft // 2))

    def add(self, connection: socket.socket) -> None:
        with self._one:
            self._since.pop(connection, None)
            self._since[connection] = time.monotonic()

    def remove(self, connection: socket.socket) -> None:
        with self._one:
            self._since.pop(connection, None)

    def make_room(self) -> None:
        with self._one:
            while len(self._since) >= self._most:
                oldest, since = next(iter(self._since.items()))
                if time.monotonic() - since < self._patience:
                    return
                del self._since[oldest]
                with suppress(OSError):
                    oldest.shutdown(socket.SHUT_RDWR)  # its own thread closes it
