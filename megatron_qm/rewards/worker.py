"""A process that judges, from both sides: what the pool holds of it, and what it does."""

import ctypes
import os
import resource
import sys
import time
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerContext

from megatron_qm.rewards import family
from megatron_qm.rewards.channel import Channel
from megatron_qm.rewards.core_wait import CoreWait, Look
from megatron_qm.rewards.lending import Borrower, Lender, Parcel
from megatron_qm.rewards.outcome import Outcome, Scored, Unscored
from megatron_qm.rewards.samples import Sample, judge
from megatron_qm.rewards.warm import Need, need_of, prepare

_START_SECONDS = 120.0  # to come up, and to read tables: in no sample's time
_END_SECONDS = 1.0  # to be gone once it is killed: a process in the middle of a file system's call may never be
_MOST_WALL = 20.0  # times its seconds: what a sample may take by the clock, however long its process waits for cores
_TICK = 0.05  # seconds until one looks again at a process that may be running, or be waiting for a core
_ARENA_MAX = -8  # M_ARENA_MAX of glibc's malloc.h
_READY = "ready"


class Worker:
    """It is asked one thing at a time, and has a deadline for that. at: index of the sample that it has."""

    def __init__(self, context: ForkServerContext, memory_bytes: int) -> None:
        near, far = context.Pipe()
        self.channel = Channel(near)
        self.process = context.Process(target=_serve, args=(far, memory_bytes), daemon=True)
        self.process.start()
        far.close()
        self.at: int | None = None
        self.preparing, self.deadline = True, time.monotonic() + _START_SECONDS
        self.verdicts = 0  # that it has given
        self._warm: set[Need] = set()
        self._lender = Lender()
        self._core_wait = CoreWait(self.process.pid or 0)
        self._began = self._seen = Look()
        self._seconds = self._last = 0.0

    @property
    def free(self) -> bool:
        return self.at is None and not self.preparing

    def take(self, at: int, sample: Sample, seconds: float) -> bool:
        """False where it first reads tables, and is to be offered the sample again. Raises what pickle raises."""
        need = need_of(sample.verifier, sample.metadata)
        if need in self._warm:
            parcel = self._lender.parcel(sample)
            self.channel.put(parcel)
            self._lender.sent(parcel, sample)
            now = time.monotonic()
            self.at, self.deadline = at, now + seconds
            self._seconds, self._last = seconds, now + _MOST_WALL * seconds
            self._began = self._seen = self._core_wait.look()
            return True
        self._warm.add(need)
        self.channel.put(need)
        self.preparing, self.deadline = True, time.monotonic() + _START_SECONDS
        return False

    def hear(self) -> Outcome | None:
        """The outcome of the sample that it has, if that has come."""
        self.channel.flush()
        for said in self.channel.taken():
            self.preparing = False
            if isinstance(said, Scored | Unscored):
                self.at, self.verdicts = None, self.verdicts + 1
                return said
        return None

    def late(self, now: float) -> bool:
        """Whether its deadline has passed, which moves by as long as it waited for a core. While it is runnable nobody can tell
        how long it has waited, so it may use a core for its seconds, whatever the clock says."""
        if now < self.deadline:
            return False
        if self.at is not None and self.deadline < self._last:
            before, self._seen = self._seen, self._core_wait.look()
            self.deadline += self._seen.waited - before.waited
            if self._core_wait.runnable() and self._seen.used - self._began.used < self._seconds:
                self.deadline = max(self.deadline, now + _TICK)
            self.deadline = min(self.deadline, self._last)
        return now >= self.deadline

    def close(self) -> None:
        self.process.join(_END_SECONDS)
        self.channel.close()
        self._core_wait.close()

    def ending(self) -> str:
        """How it ended by itself, if it did within a moment."""
        self.process.join(_END_SECONDS)
        return f"the process ended with {self.process.exitcode}"


def end(workers: list[Worker]) -> None:
    """Kills them, and all that they have started."""
    family.end(worker.process.pid for worker in workers if worker.process.pid is not None)
    for worker in workers:
        worker.close()


def _serve(pipe: Connection, memory_bytes: int) -> None:
    """Samples in, outcomes out; needs in, a word when they are met."""
    family.found()
    sys.stdout.flush()
    os.dup2(2, 1)  # standard output is the run's
    if memory_bytes:  # of data, not of address space: of that torch for CUDA maps 3 GB of libraries on import
        resource.setrlimit(resource.RLIMIT_DATA, (memory_bytes, memory_bytes))
        ctypes.CDLL(None).mallopt(_ARENA_MAX, 1)  # else each thread takes an arena to itself
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    pipe.send(_READY)
    tables = Borrower()
    while True:
        try:
            asked = pipe.recv()
        except (EOFError, OSError):
            return
        if isinstance(asked, Parcel):
            pipe.send(judge(tables.opened(asked)))
        else:
            prepare(asked)
            pipe.send(_READY)
