"""What a process has done with its time: a deadline does not count what it waited for a core, since nobody used that."""

import os
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple


class Look(NamedTuple):
    """Of a process's first thread, in seconds. waited: ready to run and without a core, up to when it last had one."""

    used: float = 0.0
    waited: float = 0.0


class CoreWait:
    """Of process `pid` (Linux, Documentation/scheduler/sched-stats.rst); of nothing done where the system does not tell."""

    def __init__(self, pid: int) -> None:
        self._stat, self._file = Path(f"/proc/{pid}/stat"), None
        with suppress(OSError):
            self._file = os.open(f"/proc/{pid}/schedstat", os.O_RDONLY | os.O_CLOEXEC)

    def look(self) -> Look:
        if self._file is None:
            return Look()
        with suppress(OSError, ValueError):  # it has ended
            used, waited, _ = os.pread(self._file, 100, 0).split()
            return Look(int(used) / 1e9, int(waited) / 1e9)
        return Look()

    def runnable(self) -> bool:
        """Whether it has a core now, or waits for one."""
        with suppress(OSError):
            return self._stat.read_text(errors="replace").rpartition(") ")[2].startswith("R")
        return False

    def close(self) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None
