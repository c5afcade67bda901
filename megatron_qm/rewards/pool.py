"""Verifiers in processes that can be killed: one that hangs, crashes, eats memory or returns NaN costs one Unscored.

What a verifier has started is killed with it (family.py); what it prints goes to standard error.
"""

import multiprocessing as mp
import os
import resource
import sys
import time
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection, wait
from multiprocessing.context import ForkServerContext

from megatron_qm.rewards import family
from megatron_qm.rewards.outcome import Outcome, Unscored, outcome_of
from megatron_qm.rewards.registry import Verifier, Verifiers, load

_START_SECONDS = 120.0
_GRACE_SECONDS = 1.0
_WAITING = Unscored("waiting: its turn has not come")


@dataclass(frozen=True)
class Sample:
    """verifier: what `registry.load` takes. Where data has named it, the sample goes through `admitted` first."""

    verifier: Verifier
    prompt: str
    response: str
    reference: object
    metadata: Mapping[str, object]


def admitted(sample: Sample, verifiers: Verifiers) -> Sample:
    """A sample that data asks for. Raises ValueError for a verifier that is not among `verifiers`."""
    verifier, metadata = verifiers.admit(sample.verifier, sample.metadata)
    return replace(sample, verifier=verifier, metadata=metadata)


class _Worker:
    def __init__(self, context: ForkServerContext, memory_bytes: int) -> None:
        self.pipe, far = context.Pipe()
        self.process = context.Process(target=_serve, args=(far, memory_bytes), daemon=True)
        self.process.start()
        far.close()
        self.ready = False
        self.at: int | None = None  # index of the sample it has
        self.deadline = time.monotonic() + _START_SECONDS

    def bury(self) -> None:
        """Once it has been killed."""
        self.process.join()
        self.pipe.close()


def _kill(workers: Sequence[_Worker]) -> None:
    family.end(worker.process.pid for worker in workers if worker.process.pid is not None)
    for worker in workers:
        worker.bury()


class VerifierPool:
    """`workers` processes; `seconds` for each sample; `memory_bytes` of address space for each process (0: no limit).

    Outcomes come in the order of the samples and do not depend on which process judged them. Used as a context manager.
    """

    def __init__(self, workers: int = 4, seconds: float = 10.0, memory_bytes: int = 2 << 30) -> None:
        self._context = mp.get_context("forkserver")
        self._context.set_forkserver_preload(["megatron_qm.rewards.pool"])
        self._count, self._seconds, self._memory = workers, seconds, memory_bytes
        self._workers: list[_Worker] = []
        self.unscored: dict[str, int] = {}

    def __enter__(self) -> "VerifierPool":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        _kill(self._workers)
        self._workers = []

    def score(self, samples: Sequence[Sample]) -> list[Outcome]:
        results: list[Outcome] = [_WAITING] * len(samples)
        waiting = deque(range(len(samples)))
        while waiting or any(worker.at is not None for worker in self._workers):
            self._refill(min(self._count, len(samples)))
            self._hand_out(waiting, samples, results)
            self._collect(results)
        for outcome in results:
            if isinstance(outcome, Unscored):
                kind = outcome.reason.partition(":")[0]
                self.unscored[kind] = self.unscored.get(kind, 0) + 1
        return results

    def _refill(self, count: int) -> None:
        while len(self._workers) < count:
            self._workers.append(_Worker(self._context, self._memory))

    def _hand_out(self, waiting: deque[int], samples: Sequence[Sample], results: list[Outcome]) -> None:
        for worker in list(self._workers):
            if worker.ready and worker.at is None and waiting:
                at = worker.at = waiting.popleft()
                worker.deadline = time.monotonic() + self._seconds
                try:
                    worker.pipe.send(samples[at])
                except OSError:
                    self._lose(worker, results, at, "crash: the process was gone")
                except Exception as error:  # noqa: BLE001  a sample that cannot be pickled is that sample's fault
                    results[at], worker.at = Unscored(f"sample: {_said(error)}"), None

    def _collect(self, results: list[Outcome]) -> None:
        busy = [worker for worker in self._workers if worker.at is not None or not worker.ready]
        if not busy:
            return
        timeout = max(0.0, min(worker.deadline for worker in busy) - time.monotonic())
        answered = wait([worker.pipe for worker in busy], timeout)
        now = time.monotonic()
        for worker in busy:
            if worker.pipe in answered:
                self._receive(worker, results)
            elif now >= worker.deadline:
                if worker.at is None:
                    raise RuntimeError(f"a verifier process did not start in {_START_SECONDS:.0f} s")
                self._lose(worker, results, worker.at, f"deadline: no verdict in {self._seconds:g} s")

    def _receive(self, worker: _Worker, results: list[Outcome]) -> None:
        try:
            said = worker.pipe.recv()
        except (EOFError, OSError):
            worker.process.join(_GRACE_SECONDS)  # it may have closed the pipe and live
            if worker.at is None:
                raise RuntimeError(f"a verifier process died as it started (exit code {worker.process.exitcode})") from None
            self._lose(worker, results, worker.at, f"crash: the process ended with {worker.process.exitcode}")
            return
        if worker.at is None:  # it has started
            worker.ready = True
            return
        results[worker.at], worker.at = said, None

    def _lose(self, worker: _Worker, results: list[Outcome], at: int, reason: str) -> None:
        results[at] = Unscored(reason)
        _kill([worker])
        self._workers.remove(worker)


def _serve(pipe: Connection, memory_bytes: int) -> None:
    """A worker: sample in, outcome out."""
    family.found()
    sys.stdout.flush()
    os.dup2(2, 1)  # standard output is the run's
    if memory_bytes:
        resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    pipe.send("ready")
    while True:
        try:
            sample = pipe.recv()
        except (EOFError, OSError):
            return
        pipe.send(judge(sample))


def judge(sample: Sample) -> Outcome:
    """One verdict in this process; whatever the verifier raises or returns, it is an Outcome."""
    try:
        return outcome_of(load(sample.verifier)(sample.prompt, sample.response, sample.reference, sample.metadata))
    except KeyboardInterrupt:
        raise
    except MemoryError:
        return Unscored("memory: the verifier ran out of memory")
    except BaseException as error:  # noqa: BLE001  a verifier may be anybody's, and ask to exit
        return Unscored(f"exception: {type(error).__name__}: {_said(error)}")


def _said(error: BaseException) -> str:
    try:
        return str(error)[:500]
    except Exception:  # noqa: BLE001  its text is made by anybody's code, too
        return "(it cannot say why)"
