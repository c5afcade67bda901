"""Bytes of a connection that must arrive in time: who sends one a second is dropped as who sends none."""

import io
import socket
import time
from typing import Any


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
