"""Messages to and from a process that may be stopped, gone or in the middle of a word: nothing here ever waits for it."""

import os
import pickle
import struct
from multiprocessing.connection import Connection

_LENGTH = struct.Struct("!i")  # as multiprocessing frames what it sends: the far end is a Connection
_MOST_BYTES = 64 << 20  # of a message that comes; outcomes have some kilobytes
_READ_BYTES = 1 << 16


class Channel:
    """The near end of a pipe. `put` queues a message, `flush` writes what there is room for, `taken` gives the whole messages
    that have come. `closed`: the far end is gone, or what came from there was no message."""

    def __init__(self, pipe: Connection) -> None:
        self._pipe = pipe
        self._out, self._in = bytearray(), bytearray()
        self.closed = False
        os.set_blocking(pipe.fileno(), False)

    def fileno(self) -> int:
        return self._pipe.fileno()

    @property
    def full(self) -> bool:
        """Whether something waits to be written."""
        return bool(self._out)

    def put(self, message: object) -> None:
        """Raises what pickle raises for a message that cannot be sent."""
        body = pickle.dumps(message, pickle.HIGHEST_PROTOCOL)
        self._out += _LENGTH.pack(len(body)) + body
        self.flush()

    def flush(self) -> None:
        try:
            while self._out:
                del self._out[: os.write(self.fileno(), self._out)]
        except BlockingIOError:
            pass
        except OSError:
            self.closed = True

    def taken(self) -> list[object]:
        self._read()
        messages = []
        while (message := self._next()) is not None:
            messages.append(pickle.loads(message))  # noqa: S301  our own process wrote it
        return messages

    def close(self) -> None:
        self._pipe.close()

    def _read(self) -> None:
        try:
            while chunk := os.read(self.fileno(), _READ_BYTES):
                self._in += chunk
                if len(chunk) < _READ_BYTES:
                    return
        except BlockingIOError:
            return
        except OSError:
            pass
        self.closed = True

    def _next(self) -> bytes | None:
        if len(self._in) < _LENGTH.size:
            return None
        (length,) = _LENGTH.unpack_from(self._in)
        if not 0 <= length <= _MOST_BYTES:
            self.closed = True
            return None
        end = _LENGTH.size + length
        if len(self._in) < end:
            return None
        message = bytes(self._in[_LENGTH.size : end])
        del self._in[:end]
        return message
