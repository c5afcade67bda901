"""Where archives lie: a folder, or any key-value store of TensorStore, behind the same few calls."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import tensorstore as ts

from megatron_qm.checkpoint.archive.zarr_v3 import DOCUMENT, Document, encode
from megatron_qm.errors import UserError
from megatron_qm.json_types import JsonObject, parse_json, text_of

# A server that sends nothing would be waited for without an end. TensorStore takes this from the environment alone, at its first
# request.
SILENT_SECONDS = 30
os.environ.setdefault("TENSORSTORE_CURL_LOW_SPEED_TIME_SECONDS", str(SILENT_SECONDS))
os.environ.setdefault("TENSORSTORE_CURL_LOW_SPEED_LIMIT_BYTES", "1")

# What TensorStore raises for a store that fails, a key that is refused, bytes that do not decode.
FAILURES = (ValueError, OSError, RuntimeError, KeyError, NotImplementedError)


# A minute; by default a store that cannot be reached is asked for a quarter of an hour.
_RETRIES = {"max_retries": 6, "initial_delay": "1s", "max_delay": "32s"}
# Drivers that no archive can be written to, and why.
_KEEPS_NOTHING = {
    "http": "TensorStore reads http:// and https://, and cannot write there",
    "memory": "memory:// ends with this command, and nothing would be kept",
}


class Storage:
    """The keys below one place, and zarr arrays at them. Errors are UserError and name the place.

    place: a path or URL, for messages. `memory://` lives as long as `context`.
    """

    def __init__(self, spec: JsonObject, place: str, workers: int, context: ts.Context | None = None) -> None:
        self.place = place
        # One fsync of the finished folder (commit.py) takes the place of one for every file.
        limits = {"data_copy_concurrency": {"limit": workers}, "file_io_concurrency": {"limit": max(4, workers)},
                  "file_io_sync": False,
                  **{f"{driver}_request_retries": _RETRIES for driver in ("http", "s3", "gcs")}}  # fmt: skip
        self._context = context or ts.Context(limits)
        with self.failing(""):
            self._store = ts.KvStore.open(ts.KvStore.Spec(spec), context=self._context).result()
        if self._store.path and not self._store.path.endswith("/"):
            self._store.path += "/"

    @contextmanager
    def failing(self, what: str) -> Iterator[None]:
        try:
            yield
        except FAILURES as error:
            raise UserError(f"{self.place}{'/' + what if what else ''}: {reason(error)}") from None

    def read(self, key: str) -> bytes | None:
        """None if there is no such key."""
        with self.failing(key):
            found = self._store.read(key).result()
        return found.value if found.state == "value" else None

    def write(self, key: str, value: bytes) -> None:
        with self.failing(key):
            self._store.write(key, value).result()

    def delete(self, key: str) -> None:
        with self.failing(key):
            self._store.delete_range(ts.KvStore.KeyRange(key, key + "\0")).result()

    def delete_others(self, key: str) -> None:
        """Everything but `key`."""
        with self.failing(""):
            self._store.delete_range(ts.KvStore.KeyRange("", key)).result()
            self._store.delete_range(ts.KvStore.KeyRange(key + "\0", "")).result()

    def keys(self) -> list[str]:
        with self.failing(""):
            return [key.decode() for key in self._store.list().result()]

    def write_document(self, node: str, document: Document) -> None:
        self.write(f"{node}/{DOCUMENT}" if node else DOCUMENT, encode(document))

    def read_document(self, node: str) -> Document | None:
        """None if there is none, or none that can be read."""
        data = self.read(f"{node}/{DOCUMENT}")
        try:
            document: Document | None = None if data is None else parse_json(data)
        except ValueError:
            return None
        return document

    def array(self, node: str, document: Document) -> ts.TensorStore:
        """The array at `node`, as `document` says; the one in the store is neither read nor written."""
        spec = {
            "driver": "zarr3",
            "metadata": document,
            "store_data_equal_to_fill_value": True,  # a chunk that is not there is a loss, never zeros
            "fill_missing_data_reads": False,
        }
        return self.open(spec, node, assume_metadata=True)

    def open(self, spec: JsonObject, node: str, *, assume_metadata: bool = False) -> ts.TensorStore:
        """TensorStore's array of `spec` at `node`; assume_metadata: what `spec` says of it is not compared with the store."""
        with self.failing(node):
            place = self._store / f"{node}/"
            return ts.open(
                spec, kvstore=place, context=self._context, open=True, assume_metadata=assume_metadata
            ).result()


def write_box(array: ts.TensorStore, offsets: tuple[int, ...], block: np.ndarray) -> None:
    """One whole chunk, through to the store. `block` must not change afterwards."""
    array[_region(offsets, block.shape)].write(block, can_reference_source_data_indefinitely=True).result()


def read_box(array: ts.TensorStore, offsets: tuple[int, ...], sizes: tuple[int, ...]) -> np.ndarray:
    return np.ascontiguousarray(array[_region(offsets, sizes)].read(order="C").result()).reshape(sizes)


def _region(offsets: tuple[int, ...], sizes: tuple[int, ...]) -> tuple[slice, ...]:
    return tuple(slice(at, at + size) for at, size in zip(offsets, sizes, strict=True))


def local_path(place: str) -> Path | None:
    """The folder that a path, a file:// URL or a JSON spec of the file driver names; None for any other store."""
    spec = parse(place)
    return Path(os.path.abspath(text_of(spec, "path"))) if spec.get("driver") == "file" else None


def parse(place: str) -> JsonObject:
    """The TensorStore kvstore spec of a path, a URL or a JSON spec. Raises UserError for none of these."""
    text = os.fspath(place)
    if not text.lstrip().startswith("{") and "://" not in text:
        return {"driver": "file", "path": os.path.abspath(text)}
    try:
        spec: JsonObject = ts.KvStore.Spec(parse_json(text) if text.lstrip().startswith("{") else text).to_json()
        _check_path(spec)
        return spec
    except (ValueError, TypeError) as error:
        raise UserError(
            f"{text}: neither a path nor a key-value store of TensorStore (file://, gs://, s3://, memory://, or JSON "
            f'such as {{"driver": "s3", "bucket": "b", "path": "p/"}}): {reason(error)}'
        ) from None


def _check_path(spec: JsonObject) -> None:
    """Raises ValueError for a file store that names no folder."""
    if spec.get("driver") == "file" and not spec.get("path"):
        raise ValueError('the file driver wants the "path" of a folder')


def check_keeps(place: str) -> None:
    """Raises UserError for a store that takes nothing, or keeps nothing, be it beneath another."""
    spec: object = parse(place)
    while isinstance(spec, dict):
        why = _KEEPS_NOTHING.get(str(spec.get("driver")))
        if why:
            raise UserError(f"{place}: {why}; name a path, or an s3:// or gs:// URL")
        base = spec.get("base")
        spec = parse(base) if isinstance(base, str) else base


def reason(error: BaseException) -> str:
    """The sentence of a TensorStore error without the machinery's notes."""
    text = str(error).split(" [", 1)[0].strip()
    if "Operation too slow" in text:
        return "the server sends nothing, however often it is asked; see that it is the right one, and well, and run again"
    if "No space left on device" in text or "Disk quota exceeded" in text:
        return "the disk is full; make room and run the same command again: what is finished stays"
    return text or type(error).__name__
