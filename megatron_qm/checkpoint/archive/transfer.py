"""Arrays from one end to the other, chunk by chunk, hashed on the way; several at a time."""

import hashlib
import logging
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from typing import TypeVar

import numpy as np
import tensorstore as ts

from megatron_qm.checkpoint.archive.nodes import Node
from megatron_qm.checkpoint.archive.storage import FAILURES, Storage, read_box, reason, write_box
from megatron_qm.checkpoint.archive.zarr_v3 import Document, array_document, boxes
from megatron_qm.errors import UserError

T = TypeVar("T")
Piece = tuple[tuple[int, ...], np.ndarray]  # (offsets, numbers)

logger = logging.getLogger(__name__)

_SECONDS_BETWEEN_LINES = 30
_WHAT_TO_DO = "copy the archive again from where it was made, or take another one"


class Stopped(Exception):
    """Another worker has failed."""


class Crew:
    """What the workers of one command share: whether to go on, and how far they are, a line every half minute."""

    def __init__(self, workers: int, what: str, total_bytes: int) -> None:
        self._workers, self._what, self._total, self._done = workers, what, total_bytes, 0
        self._said, self._lock = time.monotonic(), threading.Lock()
        self._stopped = False

    def each(self, work: Callable[[T], None], items: Iterable[T]) -> None:
        """`work` on every item, several at a time. The first error, or Ctrl-C, ends it within a chunk of each."""
        with ThreadPoolExecutor(self._workers) as pool:
            futures = [pool.submit(work, item) for item in items]
            try:
                wait(futures, return_when=FIRST_EXCEPTION)
            finally:
                self._stopped = not all(future.done() for future in futures)
                pool.shutdown(wait=True, cancel_futures=True)
        failures = [future.exception() for future in futures if not future.cancelled()]
        for failure in failures:
            if failure is not None and not isinstance(failure, Stopped):
                raise failure

    def moved(self, chunk: np.ndarray) -> None:
        """Called by a worker for each chunk. Raises Stopped once another one has failed."""
        if self._stopped:
            raise Stopped
        with self._lock:
            self._done += chunk.nbytes
            if time.monotonic() - self._said > _SECONDS_BETWEEN_LINES:
                self._said = time.monotonic()
                logger.info("%s: %.1f of %.1f GB", self._what, self._done / 1e9, self._total / 1e9)


def write_node(node: Node, storage: Storage, chunk_bytes: int, crew: Crew) -> tuple[Document, bool]:
    """Write an array and, once all of it is there, its document with its hash. Returns (document, written).

    An array with a document is one that an earlier attempt has finished: if its numbers have the hash that the
    document says, it stays as it is.
    """
    document = array_document(node.shape, node.dtype, chunk_bytes, node.attributes)
    earlier = storage.read_document(node.path)
    if earlier is not None and _without_hash(earlier) == document and _stands(earlier, node.path, storage, crew):
        return earlier, False
    array, digest = storage.array(node.path, document), hashlib.sha256()
    for offsets, sizes in boxes(node.shape, _chunk_of(document)):
        block = np.ascontiguousarray(node.read(offsets, sizes)).reshape(sizes)
        digest.update(_bytes(block))
        with storage.failing(node.path):
            write_box(array, offsets, block)
        crew.moved(block)
        del block  # before the next one is read
    document["attributes"] |= {"sha256": digest.hexdigest()}
    storage.write_document(node.path, document)
    return document, True


def read_node(path: str, document: Document, storage: Storage, crew: Crew) -> Iterator[Piece]:
    """The chunks of an array in order. After the last one, raises UserError if they have not the document's hash."""
    name = document["attributes"]["name"]
    array, digest = storage.array(path, document), hashlib.sha256()
    for offsets, sizes in boxes(document["shape"], _chunk_of(document)):
        block = _checked_box(array, offsets, sizes, f"{storage.place}: {name}")
        digest.update(_bytes(block))
        crew.moved(block)
        yield offsets, block
        del block  # before the next one is read
    if digest.hexdigest() != document["attributes"].get("sha256"):
        raise UserError(f"{storage.place}: {name}: altered: its sha256 is not what it was; {_WHAT_TO_DO}")


def _checked_box(array: ts.TensorStore, offsets: tuple[int, ...], sizes: tuple[int, ...], place: str) -> np.ndarray:
    try:
        return read_box(array, offsets, sizes)
    except FAILURES as error:
        raise UserError(
            f"{place}: torn or altered: its chunk at {list(offsets)} cannot be read: {reason(error)}; {_WHAT_TO_DO}"
        ) from None


def _stands(document: Document, path: str, storage: Storage, crew: Crew) -> bool:
    try:
        for _ in read_node(path, document, storage, crew):
            pass
    except UserError:
        return False
    return True


def _without_hash(document: Document) -> Document:
    attributes = {key: value for key, value in document.get("attributes", {}).items() if key != "sha256"}
    return document | {"attributes": attributes}


def _chunk_of(document: Document) -> tuple[int, ...]:
    return tuple(document["chunk_grid"]["configuration"]["chunk_shape"])


def _bytes(block: np.ndarray) -> memoryview:
    return block.reshape(-1).view(np.uint8).data
