"""Arrays from one end to the other, chunk by chunk, hashed on the way; several at a time."""

import hashlib
import threading
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

_WHAT_TO_DO = "copy the archive again from where it was made, or take another one"


class Stopped(Exception):
    """Another worker has failed."""


def write_node(node: Node, storage: Storage, chunk_bytes: int, stop: threading.Event) -> tuple[Document, bool]:
    """Write an array and, once all of it is there, its document with its hash. Returns (document, written).

    An array with a document is one that an earlier attempt has finished: if its numbers have the hash that the
    document says, it stays as it is.
    """
    document = array_document(node.shape, node.dtype, chunk_bytes, node.attributes)
    earlier = storage.read_document(node.path)
    if earlier is not None and _without_hash(earlier) == document and _stands(earlier, node.path, storage, stop):
        return earlier, False
    array, digest = storage.array(node.path, document), hashlib.sha256()
    for offsets, sizes in boxes(node.shape, _chunk_of(document)):
        if stop.is_set():
            raise Stopped
        block = np.ascontiguousarray(node.read(offsets, sizes)).reshape(sizes)
        digest.update(_bytes(block))
        with storage.failing(node.path):
            write_box(array, offsets, block)
    document["attributes"] |= {"sha256": digest.hexdigest()}
    storage.write_document(node.path, document)
    return document, True


def read_node(path: str, document: Document, storage: Storage, stop: threading.Event) -> Iterator[Piece]:
    """The chunks of an array in order. After the last one, raises UserError if they have not the document's hash."""
    name = document["attributes"]["name"]
    array, digest = storage.array(path, document), hashlib.sha256()
    for offsets, sizes in boxes(document["shape"], _chunk_of(document)):
        if stop.is_set():
            raise Stopped
        block = _checked_box(array, offsets, sizes, f"{storage.place}: {name}")
        digest.update(_bytes(block))
        yield offsets, block
        del block  # before the next one is read
    if digest.hexdigest() != document["attributes"].get("sha256"):
        raise UserError(f"{storage.place}: {name}: altered: its sha256 is not the one it was written with; {_WHAT_TO_DO}")


def each(work: Callable[[T, threading.Event], None], items: Iterable[T], workers: int) -> None:
    """`work(item, stop)` on every item, `workers` at a time. The first error, or Ctrl-C, sets `stop` and ends it."""
    stop = threading.Event()
    with ThreadPoolExecutor(workers) as pool:
        futures = [pool.submit(work, item, stop) for item in items]
        try:
            wait(futures, return_when=FIRST_EXCEPTION)
        finally:
            stop.set()  # no one is left to be stopped, unless something went wrong
            pool.shutdown(wait=True, cancel_futures=True)
    failures = [future.exception() for future in futures if not future.cancelled()]
    for failure in failures:
        if failure is not None and not isinstance(failure, Stopped):
            raise failure


def _checked_box(array: ts.TensorStore, offsets: tuple[int, ...], sizes: tuple[int, ...], place: str) -> np.ndarray:
    try:
        return read_box(array, offsets, sizes)
    except FAILURES as error:
        raise UserError(
            f"{place}: torn or altered: its chunk at {list(offsets)} cannot be read: {reason(error)}; {_WHAT_TO_DO}"
        ) from None


def _stands(document: Document, path: str, storage: Storage, stop: threading.Event) -> bool:
    try:
        for _ in read_node(path, document, storage, stop):
            pass
    except UserError:
        return False
    return True


def _without_hash(document: Document) -> Document:
    attributes = {key: value for key, value in document.get("attributes", {}).items() if key != "sha256"}
    return document | {"attributes": attributes}


def _chunk_of(document: Document) -> tuple[int, ...]:
    return tuple(document["chunk_grid"]["configuration"]["chunk_shape"])


def _bytes(block: np.ndarray) -> np.ndarray:
    return block.reshape(-1).view(np.uint8)
