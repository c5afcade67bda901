"""Files that are either whole or absent: write to a temporary name, fsync, rename. And folders to put them in."""

import hashlib
import json
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from megatron_qm.errors import UserError

_COPY_BYTES = 1 << 22


def fsync_directory(directory: Path) -> None:
    """Make renames inside `directory` survive a power cut."""
    fd = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def fsync_tree(directory: Path) -> None:
    """fsync every file and folder below `directory`, which a rename is about to make visible."""
    for parent, _, names in os.walk(directory):
        for name in names:
            fd = os.open(os.path.join(parent, name), os.O_RDONLY)
            try:
                os.fsync(fd)
            finally:
                os.close(fd)
        fsync_directory(Path(parent))


def publish(temporary: Path, final: Path) -> None:
    """Give a finished, fsynced file or folder its final name, durably."""
    os.replace(temporary, final)
    fsync_directory(final.parent)


@contextmanager
def folder_for(folder: Path) -> Iterator[None]:
    """The folder is made for the block; if that ends in an error, what was made of it and is empty goes."""
    made = make_folder(folder)
    try:
        yield
    except BaseException:
        remove_empty(made)
        raise


def make_folder(folder: Path, meant: Path | None = None, said: str | None = None) -> list[Path]:
    """Make what is not there of `folder` and above it: those that were made, the innermost first. meant, said: a file in it, and
    what the user called it, for the message. Raises UserError where the system refuses; then nothing is left of it."""
    made = [parent for parent in (folder, *folder.parents) if not os.path.lexists(parent)]
    try:
        with obstacles_named(meant or folder, said):
            folder.mkdir(parents=True, exist_ok=True)
    except UserError:
        remove_empty(made)
        raise
    return made


def remove_empty(folders: Iterable[Path]) -> None:
    """Those of `folders` that are there and empty, in this order."""
    for folder in folders:
        with suppress(OSError):
            folder.rmdir()


@contextmanager
def obstacles_named(path: Path, said: str | None = None) -> Iterator[None]:
    """For a block that does nothing but make `path`: what the system refuses is a UserError that says what is in the way. said:
    what the user called it, such as an option and its value."""
    try:
        yield
    except (OSError, ValueError) as error:  # ValueError: a name that no file can have
        why = _obstacle(path, error)
        raise UserError(f"{said or path}: cannot be written: {why}; name a place that you can write to") from None


def _obstacle(path: Path, error: OSError | ValueError) -> str:
    if not isinstance(error, OSError):
        return str(error)
    there = next((part for part in (path, *path.parents) if os.path.lexists(part)), path)
    if os.path.isdir(there):
        return f"{there}: {error.strerror}"
    return f"{there} is {'a file' if os.path.exists(there) else 'a link that leads nowhere'}, no folder"


@contextmanager
def atomic_write(path: Path) -> Iterator[IO[bytes]]:
    """Open a temporary neighbour of `path`; it takes the name `path` only if the block ends without an error."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with open(temporary, "wb") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        publish(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    with atomic_write(path) as stream:
        stream.write(text.encode())


def write_json(path: Path, value: object) -> None:
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False) + "\n")


def write_long_json(path: Path, value: Mapping[str, object], name: str, rows: Iterable[object]) -> None:
    """What write_json makes of {**value, name: [*rows]}, but row by row: they may be more than memory holds."""
    open_list = json.dumps({**value, name: []}, indent=2, ensure_ascii=False).removesuffix("]\n}")
    before = ""
    with atomic_write(path) as stream:
        stream.write(open_list.encode())
        for row in rows:
            text = f"{before}\n{json.dumps(row, indent=2, ensure_ascii=False)}"
            stream.write(text.replace("\n", "\n    ").encode())
            before = ","
        stream.write(b"\n  ]\n}\n" if before else b"]\n}\n")


def write_json_lines(path: Path, rows: Iterable[object]) -> None:
    with atomic_write(path) as stream:
        stream.writelines(json.dumps(row, ensure_ascii=False).encode() + b"\n" for row in rows)


def is_at(descriptor: int, path: Path) -> bool:
    """Whether the open file or folder still has this name: who waited for a lock on it may have waited for what is gone."""
    try:
        return os.path.samestat(os.fstat(descriptor), os.stat(path))
    except FileNotFoundError:
        return False


def sha256(path: Path) -> str:
    """Hex digest of a file's bytes, read in pieces."""
    digest = hashlib.sha256()
    with open(path, "rb") as stream:
        while piece := stream.read(_COPY_BYTES):
            digest.update(piece)
    return digest.hexdigest()


def remove_tree(path: Path) -> None:
    """Delete a folder; rename it aside first, so that a kill half-way leaves nothing that looks whole."""
    if not path.exists():
        return
    doomed = path.with_name(f".{path.name}.{os.getpid()}.deleting")
    os.replace(path, doomed)
    shutil.rmtree(doomed)
