"""Putting this rank's share of a checkpoint on the disk, at once or in a forked child while training goes on.

Megatron plans who writes which tensor and owns the format (`torch_dist`). Its writing processes are left out: they hang
when one of them is killed, hide why a disk refused, and come with a server process that outlives a killed rank.
"""

import atexit
import ctypes
import errno
import gc
import inspect
import io
import multiprocessing
import multiprocessing.connection
import os
import queue
import signal
import sys
import traceback
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO
from unittest import mock

import torch
from megatron.core.dist_checkpointing.strategies import filesystem_async
from megatron.core.dist_checkpointing.strategies.fully_parallel import FullyParallelSaveStrategyWrapper
from megatron.core.dist_checkpointing.strategies.torch import TorchDistSaveShardedStrategy
from torch.distributed.checkpoint.filesystem import _StorageInfo
from torch.distributed.checkpoint.metadata import Metadata
from torch.distributed.checkpoint.planner import WriteItem
from torch.distributed.checkpoint.storage import WriteResult

from megatron_qm.checkpoint.manifest import FileRecord

# (path, file name, (byte items, tensor items)), as Megatron's writer deals them.
Bucket = tuple[str, str, tuple[list[tuple[WriteItem, io.BytesIO]], list[tuple[WriteItem, torch.Tensor]]]]

_FILES_PER_RANK = 2  # written side by side
_PR_SET_PDEATHSIG = 1


@dataclass(frozen=True)
class Plan:
    """What this rank writes: `buckets`, one per file. metadata: the index of all ranks' tensors, on rank 0."""

    writer: filesystem_async.FileSystemWriterAsync
    metadata: Metadata | None

    def take_buckets(self) -> list[Bucket]:
        """All tensors in host memory. Gives them away: ask once."""
        buckets: list[Bucket] = self.writer.write_buckets or []
        self.writer.write_buckets = None
        return self.writer.preload_tensors(buckets, non_blocking=True) if buckets else buckets


@dataclass
class Outcome:
    """What a rank has written, or why it could not. error: a sentence for the user; bug: a traceback, otherwise."""

    results: list[WriteResult] = field(default_factory=list)
    records: dict[str, FileRecord] = field(default_factory=dict)
    error: str | None = None
    bug: str | None = None


class _Planner(TorchDistSaveShardedStrategy):
    """Megatron's strategy up to the point where writing would start."""

    def _get_save_and_finalize_callbacks(
        self, writer: filesystem_async.FileSystemWriterAsync, planned: tuple[object, Metadata | None], *_: object
    ) -> Plan:
        return Plan(writer, planned[1])


def plan(sharded_state: dict[str, object], folder: Path, group: torch.distributed.ProcessGroup) -> Plan:
    """Collective. Deal the tensors of `sharded_state` out; replicas within `group` write a part each."""
    planner = _Planner("torch_dist", 1, thread_count=_FILES_PER_RANK)
    FullyParallelSaveStrategyWrapper(planner, group).apply_saving_parallelization(sharded_state)
    named = "async_strategy" in inspect.signature(planner.async_save).parameters  # Megatron-Core 0.17 and later
    # A queue in place is a queue that Megatron does not start a server process for.
    with mock.patch.object(filesystem_async, "_results_queue", queue.SimpleQueue()):
        planned: Plan = planner.async_save(sharded_state, folder, **({"async_strategy": "mcore"} if named else {}))
    return planned


def write_buckets(buckets: list[Bucket]) -> list[WriteResult]:
    """Write each bucket to its file, through to the disk."""
    with ThreadPoolExecutor(_FILES_PER_RANK) as pool:
        return [result for results in pool.map(_write_bucket, buckets) for result in results]


def _write_bucket(bucket: Bucket) -> list[WriteResult]:
    path, name, (byte_items, tensor_items) = bucket
    items: list[tuple[WriteItem, io.BytesIO | torch.Tensor]] = [*byte_items, *tensor_items]
    results = []
    with _to_disk(path) as stream:
        for item, data in items:
            start = stream.tell()
            if isinstance(data, torch.Tensor):
                _save(data, stream)
            else:
                stream.write(data.getvalue())
            length = stream.tell() - start
            results.append(WriteResult(item.index, length, _StorageInfo(name, start, length)))
    return results


def save_object(path: Path, value: object) -> None:
    """torch.save, through to the disk. Raises OSError naming the file when the disk refuses."""
    with _to_disk(path) as stream:
        _save(value, stream)


@contextmanager
def _to_disk(path: Path | str) -> Iterator[IO[bytes]]:
    """A file whose bytes are on the disk at the end of the block; what the disk refuses is an OSError that names it."""
    try:
        with open(path, "wb") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from None


def _save(value: object, stream: IO[bytes]) -> None:
    """By way of memory, one tensor at a time: given a file, torch.save would hide why the disk refused."""
    buffer = io.BytesIO()
    torch.save(value, buffer)
    stream.write(buffer.getvalue())


def attempt(work: Callable[[], Outcome]) -> Outcome:
    """`work()`, its exceptions as text: other ranks wait for this one's outcome, good or bad."""
    try:
        return work()
    except OSError as error:
        return Outcome(error=why(error))
    except Exception:
        return Outcome(bug=traceback.format_exc())


def why(error: OSError) -> str:
    place = f"{error.filename}: " if error.filename else ""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"{place}the disk is full ({error.strerror})"
    return f"{place}{error.strerror or error}"


class InPlace:
    """`work` done at once. The same interface as `InChild`."""

    def __init__(self, work: Callable[[], Outcome]) -> None:
        self._outcome = attempt(work)

    def done(self) -> bool:
        return True

    def outcome(self) -> Outcome:
        return self._outcome


class InChild:
    """`work` in a forked child, which sees memory as it was at the fork: training may go on changing its tensors."""

    def __init__(self, work: Callable[[], Outcome]) -> None:
        context = multiprocessing.get_context("fork")
        self._receiver, sender = context.Pipe(duplex=False)
        self._process = context.Process(target=_child, args=(work, sender, os.getpid()), daemon=True)
        collecting = gc.isenabled()
        gc.disable()  # also in the child, which must not free what belongs to its parent's GPU
        try:
            with warnings.catch_warnings():  # Python 3.12: threads, of gloo or NCCL, and a fork. The child needs none.
                warnings.simplefilter("ignore", DeprecationWarning)
                self._process.start()
        finally:
            if collecting:
                gc.enable()
        sender.close()
        atexit.register(self._process.kill)  # a rank that ends without asking for the outcome does not wait for it

    def done(self) -> bool:
        return self._receiver.poll()

    def outcome(self) -> Outcome:
        """Waits for the child."""
        outcome: Outcome | None
        try:
            outcome = self._receiver.recv()
        except EOFError:
            outcome = None
        self._process.join()
        atexit.unregister(self._process.kill)
        if outcome is None:
            code = self._process.exitcode or 0
            how = f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"
            outcome = Outcome(error=f"the process that writes the checkpoint {how} (out of memory?)")
        return outcome


def _child(work: Callable[[], Outcome], sender: multiprocessing.connection.Connection, parent: int) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)  # a killed rank leaves no writer behind
        if os.getppid() != parent:
            os._exit(1)
    for number in (signal.SIGTERM, signal.SIGINT):  # meant for the run, which decides whether to wait for this save
        signal.signal(number, signal.SIG_IGN)
    sender.send(attempt(work))
    sender.close()
