"""The file of verdicts: one writer at a time, and what it has acknowledged is on the disk."""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from megatron_qm.align.annotation.candidates import Candidates
from megatron_qm.align.annotation.verdicts import Begin, Entry, Standing, entry_of
from megatron_qm.errors import UserError
from megatron_qm.files import fsync_directory, is_at, make_folder, obstacles_named, remove_empty
from megatron_qm.json_lines import parse_line, raw_lines
from megatron_qm.observe.jsonl import JsonLines

_WAIT_SECONDS = 5.0  # the server before this one may be dying
_POLL_SECONDS = 0.1
_START = b'{"kind":"begin",'
_SEED, _SECOND = 0, 0.1  # where neither the command nor the log says


class VerdictLog:
    """begin: what the log is of; standing: what stands of it."""

    def __init__(self, lines: JsonLines, begin: Begin, standing: Standing) -> None:
        self._lines, self.begin, self.standing = lines, begin, standing
        self._beyond: str | None = None  # why the file may hold what does not stand, and can take no more

    def append(self, entry: Entry) -> None:
        """Once this returns, neither a kill nor a power cut takes the entry away. Raises UserError where the disk does not take
        it: then the file ends where it ended before, or nothing more is taken; ValueError for what cannot stand
        (Standing.check)."""
        if self._beyond is not None:
            raise UserError(self._beyond)
        self.standing.check(entry)
        size = self._lines.size
        try:
            self._lines.append(entry.to_json())
            self._lines.sync()
        except OSError as error:  # of the sync, or of the write where what it left could not be cut off
            self._take_back(size)
            raise UserError(f"{self._lines.path}: the disk does not keep it: {error.strerror}") from None
        self.standing.take(entry)

    def _take_back(self, size: int) -> None:
        """A line that stays though it was refused would be told twice, or withdrawn without standing."""
        try:
            self._lines.cut(size)
        except OSError as error:
            self._beyond = (f"{self._lines.path}: its last line was not kept and cannot be taken back ({error.strerror}): "
                            "nothing more is taken; end this server, mend the disk and start it again")
            raise UserError(self._beyond) from None


@contextmanager
def opened(path: Path, candidates: Candidates, seed: int | None, second: float | None) -> Iterator[VerdictLog]:
    """Begin a log, or go on with one; a last line that a kill has torn goes. seed, second: None takes those of the log, or 0 and
    a tenth. Raises UserError where another server writes it, or it is of other pairs, another seed or another share. A log that
    was begun here goes again where the block raises that before there is a verdict."""
    new = not os.path.lexists(path)
    made = make_folder(path.parent, path)
    try:
        with obstacles_named(path):
            lock = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            _hold(lock, path)
            with _begun_in_vain(path, new), _written(path, candidates, seed, second) as log:
                yield log
        finally:
            os.close(lock)
    except UserError:
        remove_empty(made)
        raise


@contextmanager
def _begun_in_vain(path: Path, new: bool) -> Iterator[None]:
    """While it is locked: a log that is `new` goes where the block is refused before there is a verdict."""
    try:
        yield
    except UserError:
        if new and len(read_log(path)) <= 1:
            path.unlink()
        raise


@contextmanager
def _written(path: Path, candidates: Candidates, seed: int | None, second: float | None) -> Iterator[VerdictLog]:
    _check_ours(path)
    lines = JsonLines(path, "verdicts")
    try:
        entries = read_log(path)
        begin = _begun(path, candidates, seed, second, entries[0] if entries else None)
        log = VerdictLog(lines, begin, _standing(path, entries))
        if not entries:
            log.append(begin)
            fsync_directory(path.parent)
        yield log
    finally:
        lines.close()


def read_log(path: Path) -> list[Entry]:
    """All entries of a log, which a server may be writing: a torn last line is none. Raises UserError with file and line."""
    entries: list[Entry] = []
    for number, line in raw_lines(path):
        if not line.endswith(b"\n"):  # what follows the last newline is not written yet
            break
        try:
            row = parse_line(line)
            if not isinstance(row, dict):
                raise ValueError("is not a JSON object")
            entries.append(entry_of(row))
        except (ValueError, RecursionError) as error:
            raise UserError(f"{path}:{number}: is no line of verdicts: {str(error)[:300]}") from None
    if entries and not isinstance(entries[0], Begin):
        raise UserError(f"{path}:1: does not say of which pairs it is: no file that `megatron-qm annotate` has written")
    return entries


def read_standing(path: Path) -> tuple[Begin, Standing]:
    """Of a log to look at. Raises UserError."""
    entries = read_log(path)
    if not entries:
        raise UserError(f"{path}: holds no verdicts")
    assert isinstance(entries[0], Begin)
    return entries[0], _standing(path, entries)


def _check_ours(path: Path) -> None:
    """Before anything is mended: a file of something else is not touched."""
    if read_log(path):
        return
    with open(path, "rb") as file:
        data = file.read(len(_START))
    if data != _START[: len(data)]:
        raise UserError(f"{path}: is no file that `megatron-qm annotate` has written; name another --output")


def _standing(path: Path, entries: list[Entry]) -> Standing:
    standing = Standing()
    for number, entry in enumerate(entries, start=1):
        try:
            standing.take(entry)
        except ValueError as error:
            raise UserError(f"{path}:{number}: {error}") from None
    return standing


def _begun(path: Path, candidates: Candidates, seed: int | None, second: float | None, first: Entry | None) -> Begin:
    if first is None:
        return Begin(candidates.digest, len(candidates.pairs), _SEED if seed is None else seed,
                     _SECOND if second is None else second, time.time())
    assert isinstance(first, Begin)
    if first.pairs != candidates.digest:
        raise UserError(f"{path}: is of {first.count} other pairs ({first.pairs[:12]}) than {candidates.path} holds "
                        f"({len(candidates.pairs)}, {candidates.digest[:12]}); name another --output")
    for option, there, asked in (("--seed", first.seed, seed), ("--second", first.second, second)):
        if asked is not None and asked != there:
            raise UserError(f"{path}: was begun with {option} {there}, not {asked}; leave {option} out, or name another --output")
    return first


def _hold(lock: int, path: Path) -> None:
    deadline = time.monotonic() + _WAIT_SECONDS
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if is_at(lock, path):
                return
            raise UserError(f"{path}: another server had begun it, and has just taken it away; start this one again")
        except BlockingIOError:
            if time.monotonic() > deadline:
                raise UserError(f"{path}: another server writes it; open that one's page under another annotator's name, or "
                                "end it first") from None
        except OSError as error:
            raise UserError(f"{path}: cannot be locked ({error.strerror}), so two servers might write it; name a file on a local "
                            "disk") from None
        time.sleep(_POLL_SECONDS)
