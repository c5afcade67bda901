"""An archive is whole or absent. Until it is whole its writer may be killed at any moment, and goes on where it was.

In a folder: written as a hidden neighbour, `.NAME.archiving`, which takes the name in one rename. In an object store,
which has no rename: the root's zarr.json is the last object to be written, and no reader does without it.
"""

import fcntl
import json
import logging
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import tensorstore as ts

from megatron_qm.checkpoint.archive.storage import Storage, local_path, parse
from megatron_qm.checkpoint.archive.zarr_v3 import DOCUMENT, FORMAT, GROUPS
from megatron_qm.checkpoint.staging import Kind, check_free, files_of, not_written, take_the_name
from megatron_qm.errors import UserError
from megatron_qm.files import fsync_tree, is_at, remove_tree
from megatron_qm.json_types import JsonObject, parse_json

logger = logging.getLogger(__name__)

UNFINISHED = "unfinished.json"  # there while an archive is being written: of which checkpoint, and how
_CLEARING = {"clearing": True}  # its content while what lay there before is being deleted
_LOCK = ".__lock"  # what TensorStore leaves of a file whose writer was killed


@contextmanager
def unfinished(place: str, source: JsonObject, overwrite: bool, workers: int,
               context: ts.Context | None = None) -> Iterator[Storage]:  # fmt: skip
    """Storage for an archive of `source` at `place`, with what an earlier attempt has left; whole when the block ends.

    source: what tells one archive from another. The block writes the root's document as its last act.
    Raises UserError where something else lies, or where another process is at work.
    """
    folder = local_path(place)
    if folder is None:
        yield from _in_a_store(place, source, overwrite, workers, context)
    else:
        yield from _in_a_folder(folder, source, overwrite, workers)


def _in_a_folder(final: Path, source: JsonObject, overwrite: bool, workers: int) -> Iterator[Storage]:
    check_free(final, _ARCHIVE, overwrite)
    storage = Storage({"driver": "file", "path": f"{final}/"}, str(final), workers)
    _refuse_what_is_not_ours(storage)
    hidden = final.parent / f".{final.name}.archiving"
    try:
        hidden.mkdir(parents=True, exist_ok=True)
        with _alone(hidden):
            storage = Storage({"driver": "file", "path": f"{hidden}/"}, str(final), workers)
            _begin(storage, source)
            yield storage
            for stray in filter(Path.is_file, hidden.rglob(f"*{_LOCK}")):
                stray.unlink()
            fsync_tree(hidden)
            check_free(final, _ARCHIVE, overwrite)
            _replace(hidden, final)
            (final / UNFINISHED).unlink()  # last: a kill before this costs nothing, and beside a root it says nothing
    except OSError as error:
        raise not_written(final, error) from None


def _replace(hidden: Path, final: Path) -> None:
    """Also after a kill between the two renames of an earlier replacement, which leaves the old one aside."""
    aside = hidden.with_suffix(".replaced")
    if final.exists():
        remove_tree(aside)
    take_the_name(hidden, final)
    remove_tree(aside)


def _in_a_store(place: str, source: JsonObject, overwrite: bool, workers: int,
                context: ts.Context | None) -> Iterator[Storage]:  # fmt: skip
    storage = Storage(parse(place), place, workers, context)
    if storage.read(DOCUMENT) is not None:
        if not overwrite:
            raise UserError(f"{place}: exists; choose another --output, or add --overwrite to replace it")
        _refuse_what_is_not_ours(storage)
        stranger = _stranger(storage.keys())
        if stranger is not None:
            raise UserError(f"{place}: not replaced: {stranger} in it is none of an archive's, and would be lost")
        storage.delete(DOCUMENT)  # from here on there is no archive, until the new one is whole
        _clear(storage)
    elif storage.read(UNFINISHED) is None and storage.keys():
        raise UserError(f"{place}: holds other things, and no archive; choose a prefix of its own")
    _begin(storage, source)
    yield storage
    storage.delete(UNFINISHED)


def _begin(storage: Storage, source: JsonObject) -> None:
    """Go on with what an earlier attempt has left of the same archive; what is left of another one goes."""
    data = storage.read(UNFINISHED)
    try:
        earlier = None if data is None else parse_json(data)
    except ValueError:
        earlier = _CLEARING
    if earlier == source:
        logger.info("%s: going on with an archive that was cut short", storage.place)
        return
    if storage.keys():
        _clear(storage)
    storage.write(UNFINISHED, json.dumps(source).encode())


def _clear(storage: Storage) -> None:
    storage.write(UNFINISHED, json.dumps(_CLEARING).encode())
    storage.delete_others(UNFINISHED)


def _stranger(names: Iterable[str]) -> str | None:
    """One that no archive has, damaged or whole: other than documents, and chunks below a `c`."""

    def is_ours(name: str) -> bool:
        group, *parts = name.split("/")
        return group in (DOCUMENT, UNFINISHED) or (group in GROUPS and (parts[-1:] == [DOCUMENT] or "c" in parts))

    return next((name for name in names if not is_ours(name)), None)


_ARCHIVE = Kind(DOCUMENT, lambda folder: _stranger(files_of(folder)))


def _refuse_what_is_not_ours(storage: Storage) -> None:
    """Nothing but an archive, even a damaged one, is replaced by one."""
    data = storage.read(DOCUMENT)
    if data is not None and FORMAT.encode() not in data:
        raise UserError(f"{storage.place}: holds another zarr group, which `megatron-qm archive` does not replace")


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """No other process writes the same archive at the same time; the system lets go of the lock of a killed one."""
    fd = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            free = is_at(fd, folder)
        except BlockingIOError:
            free = False
        if not free:
            raise UserError(f"{folder}: another `megatron-qm archive` is writing it; wait for it, or end it")
        yield
    finally:
        os.close(fd)
