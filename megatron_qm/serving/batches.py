"""Requests of many callers put together into batches, which all ranks generate."""

import queue
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from functools import partial

from megatron_qm.checkpoint.together import on_first_rank
from megatron_qm.errors import UserError
from megatron_qm.loopback import Refused
from megatron_qm.model.generation.request import Completion, Request

Generate = Callable[[Sequence[Request]], list[Completion]]
Asked = tuple[list[Request], "Future[list[Completion]]"]  # of one caller
_WAIT_SECONDS = 1.0  # ranks meet at least so often: a collective that waits for callers would look like a hang


class Batches:
    """Callers `ask` from their threads; every rank's main thread is in `serve`."""

    def __init__(self, most: int = 256) -> None:
        """most: requests of a batch."""
        self._most = most
        self._waiting: queue.SimpleQueue[Asked] = queue.SimpleQueue()
        self._late: list[Asked] = []
        self._taken: list[Asked] = []  # of the batch that is being generated; on rank 0 alone
        self._stopped = False

    def ask(self, requests: list[Request]) -> list[Completion]:
        """Blocks until they are answered. Raises Refused where they cannot be."""
        future: Future[list[Completion]] = Future()
        self._waiting.put((requests, future))
        return future.result()

    def stop(self) -> None:
        """`serve` ends after the batch it is at."""
        self._stopped = True

    def serve(self, generate: Generate) -> None:
        """Until stopped, on all ranks together; callers are those of rank 0."""
        while (requests := on_first_rank(self._take)) is not None:
            if requests:
                _answer(self._taken, partial(generate, requests))
        self._refuse("the server stops")

    def _take(self) -> list[Request] | None:
        """What waits, as far as it fits; None once stopped. A request whose key (its seed) is in the batch already waits for
        the next one: a key has one stream of random numbers."""
        taken = self._taken = []
        keys: set[str] = set()
        early, self._late = self._late, []
        while not self._stopped and len(keys) < self._most:
            try:
                one = early.pop(0) if early else self._waiting.get(timeout=None if taken else _WAIT_SECONDS, block=not taken)
            except queue.Empty:
                break
            mine = {request.key for request in one[0]}
            if keys.isdisjoint(mine):
                taken.append(one)
                keys |= mine
            else:
                self._late.append(one)
        self._late += early
        if self._stopped:
            self._late += taken
            return None
        return [request for mine, _ in taken for request in mine]

    def _refuse(self, reason: str) -> None:
        while not self._waiting.empty():
            self._late.append(self._waiting.get())
        for _, future in self._late:
            future.set_exception(Refused(reason, 503))


def _answer(taken: Sequence[Asked], generate: Callable[[], list[Completion]]) -> None:
    try:
        completions = generate()
    except UserError as error:
        for _, future in taken:
            future.set_exception(Refused(str(error)))
        return
    for mine, future in taken:
        future.set_result(completions[: len(mine)])
        completions = completions[len(mine) :]
