"""Verifiers in processes that can be killed: one that hangs, crashes, eats memory or returns NaN costs one Unscored.

A sample's time is its own: processes read tables before they are given one (warm.py), what they wait for a core is not counted
(core_wait.py), whoever does not listen or stops in the middle of a word is waited for no longer than its deadline (channel.py),
and a sample that fails in a process in which others have left their traces is judged once more in a new one. What a verifier
has started is killed with it (family.py).
"""

import multiprocessing as mp
import select
import time
from collections import deque
from collections.abc import Sequence

from megatron_qm.rewards.lending import Tables
from megatron_qm.rewards.outcome import Outcome, Unscored
from megatron_qm.rewards.samples import OUT_OF_MEMORY, Sample, in_words
from megatron_qm.rewards.warm import need_of, preloads
from megatron_qm.rewards.worker import Worker, end

_MOST_FALSE_STARTS = 3  # one after another: then it is no chance
_WAITING = Unscored("waiting: its turn has not come")


class VerifierPool:
    """`workers` processes; `seconds` for each sample; `memory_bytes` of data for each process (0: no limit).

    Outcomes come in the order of the samples and do not depend on which process judged them. Used as a context manager.
    `unscored` counts reasons, up to their colon. `score` raises RuntimeError where no process comes up.
    """

    def __init__(self, workers: int = 4, seconds: float = 10.0, memory_bytes: int = 2 << 30) -> None:
        self._context = mp.get_context("forkserver")
        self._count, self._seconds, self._memory = workers, seconds, memory_bytes
        self._workers: list[Worker] = []
        self._tables = Tables()
        self._false_starts = 0
        self.unscored: dict[str, int] = {}

    def __enter__(self) -> "VerifierPool":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        end(self._workers)
        self._workers = []

    def score(self, samples: Sequence[Sample]) -> list[Outcome]:
        self._context.set_forkserver_preload(preloads({need_of(sample.verifier, sample.metadata) for sample in samples}))
        batch = _Batch(self._tables.shared(samples))
        while batch.waiting or any(worker.at is not None for worker in self._workers):
            while len(self._workers) < min(self._count, len(samples)):
                self._workers.append(Worker(self._context, self._memory))
            self._hand_out(batch)
            self._collect(batch)
        for outcome in batch.outcomes:
            if isinstance(outcome, Unscored):
                kind = outcome.reason.partition(":")[0]
                self.unscored[kind] = self.unscored.get(kind, 0) + 1
        return batch.outcomes

    def _hand_out(self, batch: "_Batch") -> None:
        for worker in self._workers:
            if worker.free and batch.waiting:
                at = batch.waiting[0]
                try:
                    if worker.take(at, batch.samples[at], self._seconds):
                        batch.waiting.popleft()
                except Exception as error:  # noqa: BLE001  a sample that cannot be pickled is that sample's fault
                    batch.outcomes[batch.waiting.popleft()] = Unscored(f"sample: {in_words(error)}")

    def _collect(self, batch: "_Batch") -> None:
        """What comes until the next deadline."""
        busy = {worker.channel.fileno(): worker for worker in self._workers if not worker.free}
        if not busy:
            return
        poll = select.poll()
        for number, worker in busy.items():
            poll.register(number, select.POLLIN | (select.POLLOUT if worker.channel.full else 0))
        wait = min(worker.deadline for worker in busy.values()) - time.monotonic()
        heard = {number for number, _ in poll.poll(max(0.0, wait * 1000))}
        now = time.monotonic()
        for worker in [one for number, one in busy.items() if number in heard or now >= one.deadline]:
            self._hear(worker, batch)
            if worker in self._workers and not worker.free and worker.late(now):
                self._lose(worker, batch, worker.at, f"deadline: no verdict in {self._seconds:g} s", again=False)

    def _hear(self, worker: Worker, batch: "_Batch") -> None:
        at, outcome = worker.at, worker.hear()
        if at is not None and outcome is not None:
            batch.outcomes[at], self._false_starts = outcome, 0
        if outcome == Unscored(OUT_OF_MEMORY):  # what others had left may have been the most of it
            self._lose(worker, batch, at, OUT_OF_MEMORY, again=worker.verdicts > 1)
        elif worker.channel.closed:
            self._lose(worker, batch, worker.at, f"crash: {worker.ending()}", again=worker.verdicts > 0)

    def _lose(self, worker: Worker, batch: "_Batch", at: int | None, reason: str, again: bool) -> None:
        """Sample `at` has `reason` for its outcome, or is judged again; without one the process never came up."""
        end([worker])
        self._workers.remove(worker)
        if at is not None:
            batch.outcomes[at] = Unscored(reason)
            if again:
                batch.waiting.appendleft(at)
            return
        self._false_starts += 1
        if self._false_starts == _MOST_FALSE_STARTS:
            raise RuntimeError(f"{_MOST_FALSE_STARTS} verifier processes did not come up, the last: {reason}")


class _Batch:
    def __init__(self, samples: Sequence[Sample]) -> None:
        self.samples = samples
        self.waiting = deque(range(len(samples)))
        self.outcomes: list[Outcome] = [_WAITING] * len(samples)
