"""One job at a time in a run's folder: two would truncate each other's ledger and metrics."""

import fcntl
import logging
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from megatron_qm.errors import UserError
from megatron_qm.files import is_at, make_folder, obstacles_named, remove_empty

logger = logging.getLogger(__name__)
_FILE = ".lock"
_WAIT_SECONDS = 60.0  # the job before this one may be dying: a restart must not fail over that
_POLL_SECONDS = 0.5


@contextmanager
def locked(run: Path, wait_seconds: float = _WAIT_SECONDS, *, named: bool = True) -> Iterator[None]:
    """Hold the folder `run` for the length of a block; the lock goes with the process, however it ends, its file with the block,
    and what was made of the folder where it is still empty then. named: who holds it is written into it, for those who wait long.

    Raises UserError where the folder cannot be written, and naming the holder if another job has it for longer than
    `wait_seconds`.
    """
    run = Path(run)
    made = make_folder(run)
    try:
        descriptor = _held(run, time.monotonic() + wait_seconds)
        try:
            if named:
                os.ftruncate(descriptor, 0)
                os.pwrite(descriptor, f"{socket.gethostname()}, pid {os.getpid()}".encode(), 0)
            yield
        finally:
            (run / _FILE).unlink(missing_ok=True)
            os.close(descriptor)
    finally:
        remove_empty(made)


def _held(run: Path, deadline: float) -> int:
    """The descriptor of the lock's file; another job may have taken that away while this one waited for it."""
    while True:
        make_folder(run)
        with obstacles_named(run / _FILE):
            descriptor = os.open(run / _FILE, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            _take(descriptor, run, deadline)
            if is_at(descriptor, run / _FILE):
                return descriptor
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)


def _take(descriptor: int, run: Path, deadline: float) -> None:
    said = False
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            holder = os.pread(descriptor, 200, 0).decode(errors="replace") or "unknown"
        except OSError as error:  # a file system without locks
            logger.warning("%s: cannot be locked (%s): see to it that only one job writes there", run, error.strerror)
            return
        if time.monotonic() > deadline:
            raise UserError(f"{run}: another job writes there ({holder}); end it, or choose another `output`")
        if not said:
            logger.warning("%s: waiting for the job that still writes there (%s)", run, holder)
            said = True
        time.sleep(_POLL_SECONDS)
