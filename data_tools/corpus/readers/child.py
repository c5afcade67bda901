"""A process that reads files, for whoever must outlive what is in them: its memory is bounded, and it may be killed any time."""

import multiprocessing
import os
import resource
import signal
import time
from collections.abc import Iterator
from multiprocessing.connection import Connection
from pathlib import Path
from typing import NamedTuple

from data_tools.corpus.document import Document
from data_tools.corpus.readers.formats import Format, format_of
from data_tools.corpus.readers.item import CRASHED, TIME, At, ReadLimits, Unread, why
from data_tools.corpus.reading import line_of
from megatron_qm.errors import UserError
from megatron_qm.json_types import JsonObject

_STARTING = 60.0  # seconds until a new process must listen


class Job(NamedTuple):
    """start: byte from which to go on in a file that was read in part."""

    path: Path
    name: str
    start: int = 0


class Begun(NamedTuple):
    format: str
    resumes: bool


class Line(NamedTuple):
    """A document as it is written, and the bytes of its text."""

    data: bytes
    size: int


class Ended(NamedTuple):
    """refusal: of the whole run, such as a library that is not there."""

    refusal: str = ""


class Listening(NamedTuple):
    pass


Message = Listening | Begun | Line | Unread | At | Ended


class Child:
    """One process. Call `take` with a job, then `hear` what comes of it, until Ended or until it is `lost`."""

    def __init__(self, limits: ReadLimits) -> None:
        context = multiprocessing.get_context("spawn")
        self.connection, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs, limits), daemon=True)
        self._process.start()
        theirs.close()
        self._limits = limits
        self.job: Job | None = None
        self.at: At | None = None
        self.resumes = False
        self._listens = False
        self.deadline = time.monotonic() + _STARTING

    def take(self, job: Job) -> None:
        self.job, self.at = job, None
        self.connection.send(job)
        self._wait()

    def hear(self) -> Message | None:
        """What it says. None: it is gone."""
        try:
            message: Message = self.connection.recv()
        except (EOFError, OSError):
            return None
        self._wait()
        if isinstance(message, At):
            self.at = message
        elif isinstance(message, Begun):
            self.resumes = message.resumes
        elif isinstance(message, Listening):
            self._listens = True
        elif isinstance(message, Ended):
            self.job = None
        return message

    def lost(self, late: bool) -> Unread:
        """What to say of the file that it was reading; the process is ended."""
        self.end()
        at = self.at.where() if self.at else {}
        if late:
            return Unread(TIME, f"not read within {self._limits.seconds:g} s", at)
        code = self._process.exitcode or 0
        by = signal.Signals(-code).name if code < 0 else f"exit code {code}"
        return Unread(CRASHED, f"the process that read it was ended by {by}", at)

    def rest(self) -> Job | None:
        """What is left of a lost file behind where it was."""
        if self.job is None or not self.resumes or self.at is None:
            return None
        return self.job._replace(start=self.at.number + 1)

    def end(self) -> None:
        self.connection.close()
        self._process.kill()
        self._process.join()

    def _wait(self) -> None:
        self.deadline = time.monotonic() + self._limits.seconds + (0 if self._listens else _STARTING)


def _serve(connection: Connection, limits: ReadLimits) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    memory = int(limits.memory_gb * (1 << 30))
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    os.environ["OMP_NUM_THREADS"] = "1"
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # libraries print what is told here as a reject
    try:
        connection.send(Listening())
        while True:
            job: Job = connection.recv()
            for message in _messages(job, limits):
                connection.send(message)
    except (EOFError, BrokenPipeError, ConnectionResetError):
        pass  # nobody asks any more


def _messages(job: Job, limits: ReadLimits) -> Iterator[Message]:
    refusal, at = "", dict[str, object]()
    try:
        found = format_of(job.path)
        if isinstance(found, Unread):
            yield found
        else:
            yield Begun(found.name, found.resume is not None)
            for item in found.reads(job.path, limits, job.start):
                at = item.where() if isinstance(item, At) else at
                yield _written(item, job, found) if isinstance(item, Document) else item
    except UserError as error:
        refusal = str(error)
    except Exception as error:  # noqa: BLE001  whatever a parser raises ends its file only
        yield why(error, at)
    yield Ended(refusal)


def _written(document: Document, job: Job, found: Format) -> Line:
    """With its id and origin before what the reader knows of it. Letters that no text can have (half of a pair) become U+FFFD."""
    inside = document.known.pop("origin", {})
    origin: JsonObject = {"file": str(job.path), "format": found.name, **(inside if isinstance(inside, dict) else {})}
    identity = f"{job.name}@{origin['offset']}" if "offset" in origin else job.name
    document.text = document.text.encode("utf-8", "replace").decode() if not _is_utf8(document.text) else document.text
    document.known = {"id": identity, "origin": origin, **document.known}
    return Line(line_of(document), len(document.text.encode()))


def _is_utf8(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


