"""A pass over blocks by one process or several; what comes of it is in the order of the blocks."""

import multiprocessing
import os
import signal
import threading
from collections.abc import Generator, Iterable
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.connection import wait

from data_tools.corpus.steps import Outcome, Pass
from data_tools.ordered import in_order
from data_tools.sources.blocks import Block
from megatron_qm.errors import UserError

_work: Pass | None = None  # of this process, where it is a worker


def outcomes(work: Pass, blocks: Iterable[Block], workers: int) -> Generator[Outcome, None, None]:
    """Of every block; one worker is this process. Raises UserError as `work` does, and where a worker is killed."""
    if workers == 1:
        return (work(block) for block in blocks)
    pool = ProcessPoolExecutor(workers, multiprocessing.get_context("spawn"), _begin, (work,))
    return _told(in_order(pool, _call, blocks, workers + 1))


def _told(results: Generator[Outcome, None, None]) -> Generator[Outcome, None, None]:
    try:
        yield from results
    except BrokenProcessPool:
        raise UserError("a worker process was killed, perhaps for want of memory: try fewer --workers") from None


def _begin(work: Pass) -> None:
    """Signals are answered by the process that started this one; when that is gone, this one ends."""
    global _work
    _work = work
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)


def _call(block: Block) -> Outcome:
    assert _work is not None
    return _work(block)
