"""What of an unfinished run is safely on disk: one checksummed line per commit, the last whole one counts."""

import json
import os
import zlib
from pathlib import Path
from typing import Generic, TypeVar

from data_tools.disk import write_all

Record = TypeVar("Record")


class Journal(Generic[Record]):
    """Records are appended after the data that they describe was fsynced; a torn last line is as good as none."""

    def __init__(self, path: Path) -> None:
        """Open the journal, or begin one. `records` holds what was committed; a torn end is cut off."""
        self.path = path
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        self.records: list[Record] = []
        good = 0
        for line in path.read_bytes().splitlines(keepends=True):
            text = _checked(line)
            if text is None:
                break
            self.records.append(json.loads(text))
            good += len(line)
        os.ftruncate(self._descriptor, good)
        os.lseek(self._descriptor, good, os.SEEK_SET)

    def append(self, record: Record) -> None:
        """Commit: on return the record survives a power cut."""
        text = json.dumps(record, separators=(",", ":")).encode()
        write_all(self._descriptor, b"%08x %s\n" % (zlib.crc32(text), text), self.path)
        os.fsync(self._descriptor)

    def close(self) -> None:
        os.close(self._descriptor)


def _checked(line: bytes) -> bytes | None:
    """What a whole line records; None for a torn one."""
    checksum, _, text = line.rstrip(b"\n").partition(b" ")
    if not line.endswith(b"\n") or checksum != b"%08x" % zlib.crc32(text):
        return None
    return text
