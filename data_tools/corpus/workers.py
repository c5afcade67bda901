"""Work by one process or several; what comes of it is in the order of the work."""

import gc
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.connection import wait
from typing import Any, TypeVar

from data_tools.ordered import in_order
from megatron_qm.errors import UserError

Item = TypeVar("Item")
Result = TypeVar("Result")

_work: Callable[[Any], Any] | None = None  # of this process, where it is a worker


def outcomes(work: Callable[[Item], Result], items: Iterable[Item], workers: int) -> Generator[Result, None, None]:
    """work(item) of every item; one worker is this process, others get `work` once. Raises UserError as `work` does, and where a
    worker is killed."""
    if workers == 1:
        return (_worked(work, item) for item in items)
    pool = ProcessPoolExecutor(workers, multiprocessing.get_context("spawn"), _begin, (work,))
    return _told(in_order(pool, _call, items, workers + 1))


def _told(results: Generator[Result, None, None]) -> Generator[Result, None, None]:
    try:
        yield from results
    except BrokenProcessPool:
        raise UserError("a worker process was killed, perhaps for want of memory: try fewer --workers") from None


def _begin(work: Callable[[Any], Any]) -> None:
    """Signals are answered by the process that started this one; when that is gone, this one ends. A worker is one thread."""
    global _work
    _work = work
    os.environ["RAYON_NUM_THREADS"] = "1"
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)


def _call(item: Any) -> Any:
    assert _work is not None
    return _worked(_work, item)


def _worked(work: Callable[[Item], Result], item: Item) -> Result:
    """Documents hold no circles: to look for some again and again, among all of a block, would take a twelfth of the time."""
    collects = gc.isenabled()
    gc.disable()
    try:
        return work(item)
    finally:
        if collects:
            gc.enable()
