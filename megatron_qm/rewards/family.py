"""A process together with all that it has started: they end together, whoever of them is asked and however the first one ends."""

import ctypes
import multiprocessing as mp
import os
import signal
import threading
from collections.abc import Iterable
from contextlib import suppress
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import NamedTuple

_SET_CHILD_SUBREAPER = 36  # linux/prctl.h


class _Process(NamedTuple):
    pid: int
    parent: int
    session: int


def found() -> None:
    """This process, which multiprocessing has started, becomes the head of a family: its session is its own, orphans below it
    become its children, and it ends, with them, when the process that asked for it is gone."""
    os.setsid()
    ctypes.CDLL(None).prctl(_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    parent = mp.parent_process()
    if parent is not None:
        threading.Thread(target=_end_after, args=(parent,), daemon=True).start()


def end(heads: Iterable[int]) -> None:
    """SIGKILL to the processes `heads`, to all below them, and to all that is left of their sessions."""
    members = _members(set(heads))
    for pid in sorted(members, key=lambda pid: pid == os.getpid()):  # this one last
        with suppress(ProcessLookupError, PermissionError):
            os.kill(pid, signal.SIGKILL)


def _end_after(parent: BaseProcess) -> None:
    parent.join()
    end([os.getpid()])


def _members(heads: set[int]) -> set[int]:
    running = _running()
    members = heads | {process.pid for process in running if process.session in heads}
    while more := {process.pid for process in running if process.parent in members} - members:
        members |= more
    return members


def _running() -> list[_Process]:
    """All processes that this one can see."""
    processes = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):  # it has ended meanwhile
            behind_name = stat.read_text(errors="replace").rpartition(")")[2].split()
            processes.append(_Process(int(stat.parent.name), int(behind_name[1]), int(behind_name[3])))
    return processes
