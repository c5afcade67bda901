"""Processes that this one starts, and that end with it, however it ends."""

import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

_DEATH_SIGNAL = 1  # PR_SET_PDEATHSIG of prctl(2)
_LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None
_GRACE_SECONDS = 30.0  # to save what is being trained


def start(command: Sequence[str], **options: Any) -> "subprocess.Popen[bytes]":
    """As Popen; on Linux the system kills the child when this process is killed, which can then do nothing itself."""
    parent = os.getpid()
    return subprocess.Popen(command, preexec_fn=lambda: end_with(parent), **options)


def end_with(parent: int) -> None:
    """For a child of `parent`, before it begins."""
    if _LIBC is not None:
        _LIBC.prctl(_DEATH_SIGNAL, int(signal.SIGKILL), 0, 0, 0)
        if os.getppid() != parent:  # gone already
            os._exit(1)


@contextmanager
def running(command: Sequence[str], **options: Any) -> "Iterator[subprocess.Popen[bytes]]":
    """A child for the length of a block; asked to end, and then made to, where the block ends before it does."""
    child = start(command, **options)
    try:
        yield child
    finally:
        if child.poll() is None:
            child.terminate()
            try:
                child.wait(_GRACE_SECONDS)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()


@contextmanager
def ended_by_signals() -> Iterator[None]:
    """SIGTERM and SIGHUP (which `nohup` has ignored) are SystemExit within the block, so that it puts away what it has started
    and made."""

    def end(number: int, _: object) -> None:
        raise SystemExit(128 + number)

    heard = [number for number in (signal.SIGTERM, signal.SIGHUP) if signal.getsignal(number) != signal.SIG_IGN]
    previous = {number: signal.signal(number, end) for number in heard}
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
