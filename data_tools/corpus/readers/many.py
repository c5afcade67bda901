"""Many files by several processes; what comes of them in the order of the files."""

import tempfile
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import wait
from pathlib import Path
from typing import IO, cast

from data_tools.corpus.readers.child import Begun, Child, Ended, Job, Line, Message
from data_tools.corpus.readers.formats import FORMATS, wrongly_named
from data_tools.corpus.readers.item import ReadLimits, Unread
from megatron_qm.errors import UserError
from megatron_qm.json_types import JsonObject

_IN_MEMORY = 1 << 20  # bytes of documents of a file, before they are put aside
_AHEAD = 64  # files that are read and wait for an earlier one, for each process
_NAMED = 1000  # wrongly named files in a report
_MOST_LOST_STARTS = 3  # processes that end before they listen, one after another
_BY_NAME = {one.name: one for one in FORMATS}


@dataclass
class ReadCounts:
    """files: with at least one document, of each format."""

    files: int = 0
    documents: int = 0
    bytes: int = 0  # of UTF-8 text
    formats: Counter[str] = field(default_factory=Counter)
    rejected: Counter[str] = field(default_factory=Counter)
    wrong_names: list[JsonObject] = field(default_factory=list)
    wrongly_named: int = 0


@dataclass
class _Outcome:
    """Of one file so far."""

    job: Job
    lines: IO[bytes]
    unread: list[Unread] = field(default_factory=list)
    documents: int = 0
    size: int = 0
    format: str = ""
    done: bool = False


class Reading:
    """write: gets JSON lines in the order of the files; reject: gets (file, Unread) likewise."""

    def __init__(
        self, limits: ReadLimits, workers: int, folder: Path, write: Callable[[IO[bytes]], None],
        reject: Callable[[Path, Unread], None],
    ) -> None:  # fmt: skip
        self._limits, self._workers, self._folder = limits, workers, folder
        self._write, self._reject = write, reject
        self._children: dict[Child, _Outcome | None] = {}
        self._open: deque[_Outcome] = deque()  # in the order of the files
        self._rests: deque[tuple[Job, _Outcome]] = deque()
        self._lost_starts = 0
        self.counts = ReadCounts()

    def run(self, jobs: Sequence[Job]) -> Iterator[int]:
        """Yields, again and again, how many files are done. Raises UserError for what the user can mend."""
        waiting = deque(jobs)
        try:
            while waiting or self._open:
                self._hand_out(waiting)
                self._listen()
                yield self._settle()
        finally:
            for child in self._children:
                child.end()
            for outcome in self._open:
                outcome.lines.close()

    def _hand_out(self, waiting: deque[Job]) -> None:
        free = [child for child, outcome in self._children.items() if outcome is None]
        while self._rests or (waiting and len(self._open) < self._workers * _AHEAD):
            if not free and len(self._children) >= min(self._workers, len(self._open) + 1):
                break
            child = free.pop() if free else Child(self._limits)
            if self._rests:
                job, outcome = self._rests.popleft()
            else:
                job = waiting.popleft()
                lines = tempfile.SpooledTemporaryFile(_IN_MEMORY, dir=str(self._folder))
                outcome = _Outcome(job, cast(IO[bytes], lines))
                self._open.append(outcome)
            self._children[child] = outcome
            child.take(job)

    def _listen(self) -> None:
        """What the processes say until the next one is late."""
        busy = {child.connection: child for child, outcome in self._children.items() if outcome is not None}
        if not busy:
            return
        left = min(child.deadline for child in busy.values()) - time.monotonic()
        heard = wait(list(busy), max(0.0, min(left, 1.0)))
        now = time.monotonic()
        for connection, child in busy.items():
            if connection in heard:
                message = child.hear()
                self._lose(child, late=False) if message is None else self._take(child, message)
            elif now >= child.deadline:
                self._lose(child, late=True)

    def _take(self, child: Child, message: Message) -> None:
        outcome = self._children[child]
        assert outcome is not None
        if isinstance(message, Line):
            outcome.lines.write(message.data)
            outcome.documents += 1
            outcome.size += message.size
        elif isinstance(message, Unread):
            outcome.unread.append(message)
        elif isinstance(message, Begun):
            outcome.format, self._lost_starts = message.format, 0
        elif isinstance(message, Ended):
            if message.refusal:
                raise UserError(f"{outcome.job.path}: {message.refusal}")
            outcome.done, self._children[child] = True, None

    def _lose(self, child: Child, late: bool) -> None:
        """The file goes on behind what was lost, where it can."""
        outcome = self._children.pop(child)
        assert outcome is not None
        unread, rest = child.lost(late), child.rest()
        self._lost_starts += not outcome.format
        if self._lost_starts == _MOST_LOST_STARTS:
            raise UserError(f"processes that read do not come up: {unread.detail}; --memory-gb may be too little")
        outcome.unread.append(unread)
        if rest:
            self._rests.append((rest, outcome))
        else:
            outcome.done = True

    def _settle(self) -> int:
        """Hand on what is done and has nothing before it that is not."""
        while self._open and self._open[0].done:
            outcome = self._open.popleft()
            outcome.lines.seek(0)
            self._write(outcome.lines)
            outcome.lines.close()
            for unread in outcome.unread:
                self._reject(outcome.job.path, unread)
            self._count(outcome)
        return self.counts.files

    def _count(self, outcome: _Outcome) -> None:
        counts = self.counts
        counts.files += 1
        counts.documents += outcome.documents
        counts.bytes += outcome.size
        counts.formats[outcome.format or "unknown"] += 1
        counts.rejected.update(unread.reason for unread in outcome.unread)
        if outcome.format and wrongly_named(outcome.job.path, _BY_NAME[outcome.format]):
            counts.wrongly_named += 1
            if len(counts.wrong_names) < _NAMED:
                counts.wrong_names.append({"file": str(outcome.job.path), "is": outcome.format})
