"""A folder that appears under its name only when it is finished."""

import errno
import os
import re
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from megatron_qm.errors import UserError
from megatron_qm.files import fsync_directory, fsync_tree, publish, remove_tree


@contextmanager
def staged(output: Path, mark: str, overwrite: bool) -> Iterator[Path]:
    """A hidden neighbour of `output`; it takes that name, fsynced, if the block ends without an error, else it goes.

    mark: the file by which an earlier result is known. An `output` that exists is only replaced with `overwrite`, only
    if it has that file, and only once the new one is finished. Raises UserError before any work otherwise, and where
    the disk refuses.
    """
    output = Path(output)
    check_free(output, mark, overwrite)
    hidden = output.parent / f".{output.name}.{os.getpid()}.{secrets.token_hex(4)}.unfinished"
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        _remove_leftovers(output)
        hidden.mkdir()
        yield hidden
        fsync_tree(hidden)
        take_the_name(hidden, output)
    except OSError as error:
        raise not_written(output, error) from None
    finally:
        remove_tree(hidden)


def check_free(output: Path, mark: str, overwrite: bool) -> None:
    """Raise UserError if `output` may not be written."""
    if not output.exists() or (output.is_dir() and not any(output.iterdir())):
        return
    if not overwrite:
        raise UserError(f"{output}: exists; choose another --output, or add --overwrite to replace it")
    if not output.is_dir() or not (output / mark).is_file():
        raise UserError(f"{output}: exists and has no {mark}, so it is not what this command wrote: not replaced")


def check_room(output: Path, needed: int) -> None:
    """Raise UserError if the disk of `output` has fewer free bytes than `needed`."""
    free = shutil.disk_usage(next(parent for parent in output.absolute().parents if parent.exists())).free
    if free < needed:
        raise UserError(f"{output}: needs {needed / 1e9:.2f} GB, but its disk has only {free / 1e9:.2f} GB free")


def not_written(output: Path, error: OSError) -> UserError:
    """What the user is told when the disk refuses."""
    full = error.errno in (errno.ENOSPC, errno.EDQUOT)
    reason = "the disk is full" if full else error.strerror or str(error)
    return UserError(f"{output} was not written: {error.filename or output.parent}: {reason}")


def take_the_name(hidden: Path, output: Path) -> None:
    """Rename `hidden`, fsynced, to `output`; an earlier `output` goes once that has worked."""
    if not output.exists():
        publish(hidden, output)
        return
    old = hidden.with_suffix(".replaced")
    os.replace(output, old)
    try:
        publish(hidden, output)
    except OSError:
        os.replace(old, output)
        raise
    fsync_directory(output.parent)
    shutil.rmtree(old)


def _remove_leftovers(output: Path) -> None:
    """What a killed process left behind for this output."""
    pattern = re.compile(rf"\.{re.escape(output.name)}\.(\d+)\.[0-9a-f]+\.unfinished")
    for path in output.parent.iterdir():
        match = pattern.fullmatch(path.name)
        if match and not Path(f"/proc/{match[1]}").exists() and Path("/proc").exists():
            remove_tree(path)
