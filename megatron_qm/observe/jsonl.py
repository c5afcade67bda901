"""A file of JSON lines that only grows, and stays readable whenever the process that writes it dies."""

import json
import os
from collections.abc import Callable
from io import FileIO
from pathlib import Path

from megatron_qm.errors import UserError
from megatron_qm.files import atomic_write
from megatron_qm.json_types import JsonObject, parse_json

_TAIL_BYTES = 1 << 16


class JsonLines:
    """Appends objects to `path`, one a line, each with one unbuffered write: a kill loses at most the line in hand.

    Opening mends what a kill or a power cut left behind: a torn last line goes, a whole one that lacks its newline
    gets it. what: is written, for messages. Raises UserError naming the file where it cannot be opened or written.
    """

    def __init__(self, path: Path, what: str = "metrics") -> None:
        self.path, self._what = path, what
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = _opened(path)
        except OSError as error:
            raise UserError(f"{path}: cannot write {what} here: {error.strerror}") from None

    def append(self, value: JsonObject) -> None:
        """Write one line. After an error (disk full) the file ends where it ended before."""
        text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        start = self.size
        try:
            _write(self._file, text.encode("utf-8", "replace") + b"\n")
        except OSError as error:
            self.cut(start)
            raise UserError(f"{self.path}: cannot write {self._what}: {error.strerror}; mend it and run again") from None

    @property
    def size(self) -> int:
        return os.fstat(self._file.fileno()).st_size

    def cut(self, size: int) -> None:
        """Take away what was written since the file had this size. Raises OSError."""
        self._file.truncate(size)

    def keep(self, wanted: Callable[[JsonObject], bool]) -> int:
        """Drop, atomically, objects that are not `wanted`; lines that are no objects stay. Returns how many went."""
        with open(self.path, "rb") as lines:
            dropped = sum(1 for line in lines if not _passes(line, wanted))
        if not dropped:
            return 0
        try:
            with open(self.path, "rb") as lines, atomic_write(self.path) as kept:
                kept.writelines(line for line in lines if _passes(line, wanted))
        except OSError as error:
            raise UserError(f"{self.path}: cannot rewrite it: {error.strerror}; mend it and run again") from None
        self._file.close()  # it still writes to the file that the rename has replaced
        self._file = _opened(self.path)
        return dropped

    def sync(self) -> None:
        """Make what was written survive a power cut."""
        os.fsync(self._file.fileno())

    def close(self) -> None:
        self._file.close()


def _opened(path: Path) -> FileIO:
    file = open(path, "a+b", buffering=0)
    torn, size = _last_line_without_newline(file)
    if torn and _is_object(torn):
        _write(file, b"\n")
    elif torn:
        file.truncate(size - len(torn))
    return file


def _write(file: FileIO, line: bytes) -> None:
    rest = memoryview(line)
    while rest:  # an unbuffered write may be a short one
        rest = rest[file.write(rest):]


def _last_line_without_newline(file: FileIO) -> tuple[bytes, int]:
    """(bytes after the last newline, size of the file), read backwards in pieces."""
    size = file.seek(0, os.SEEK_END)
    tail = b""
    while len(tail) < size and b"\n" not in tail:
        start = max(size - len(tail) - _TAIL_BYTES, 0)
        file.seek(start)
        tail = file.read(size - len(tail) - start) + tail
    return tail[tail.rfind(b"\n") + 1:], size


def _passes(line: bytes, wanted: Callable[[JsonObject], bool]) -> bool:
    try:
        value = parse_json(line)
    except ValueError:
        return True
    return not isinstance(value, dict) or wanted(value)


def _is_object(line: bytes) -> bool:
    try:
        return isinstance(parse_json(line), dict)
    except ValueError:
        return False
