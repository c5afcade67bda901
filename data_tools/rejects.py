"""The list of lines that gave no document: JSON lines with file, line (from 1), reason and detail."""

import json
import os
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

from data_tools.disk import write_all
from data_tools.sources.blocks import Reject
from data_tools.sources.inputs import Input, Share
from data_tools.sources.lines import first_line_start, lines_before

_KEYS = {"file", "line", "reason", "detail"}
_LONGEST = 1 << 20  # bytes of a line of the list


def is_list(path: Path) -> bool:
    """Whether `path` is such a list, by its first line; an empty file is one."""
    with open(path, "rb") as stream:
        first = stream.readline(_LONGEST)
    try:
        return not first or json.loads(first).keys() == _KEYS
    except (ValueError, AttributeError, RecursionError):
        return False


class RejectsFile:
    """Appends to a file that is cut back to what was committed when a run resumes."""

    def __init__(self, path: Path, inputs: Sequence[Input], shares: Mapping[int, Share], size: int = 0) -> None:
        self.path, self.size = path, size
        self._inputs, self._shares = inputs, shares
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        os.ftruncate(self._descriptor, size)
        os.lseek(self._descriptor, size, os.SEEK_SET)
        # Counting the lines before a shard's part means reading them: done once, and only if a line is rejected.
        self._lines_before = cache(self._count_lines_before)

    def append(self, number: int, rejects: Sequence[Reject]) -> None:
        """Rejected lines of input `number`."""
        if not rejects:
            return
        before = self._lines_before(number)
        path = str(self._inputs[number].path)
        rows = [
            {"file": path, "line": before + reject.line + 1, "reason": reject.reason, "detail": reject.detail}
            for reject in rejects
        ]
        data = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode(errors="backslashreplace")
        write_all(self._descriptor, data, self.path)
        self.size += len(data)

    def sync(self) -> None:
        os.fsync(self._descriptor)

    def close(self) -> None:
        os.close(self._descriptor)

    def _count_lines_before(self, number: int) -> int:
        item, share = self._inputs[number], self._shares[number]
        if not item.splittable or not share.start:
            return 0
        return lines_before(item, first_line_start(item, share.start))
