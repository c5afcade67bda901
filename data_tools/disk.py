"""Writing with errors that name the file, and what a full disk means to the user."""

import errno
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from megatron_qm.errors import UserError
from megatron_qm.files import make_folder, obstacles_named, remove_empty

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


def write_all(descriptor: int, data: bytes | memoryview, path: Path) -> None:
    """Write every byte at the file's position. Raises OSError with the name of the file."""
    view = memoryview(data).cast("B") if len(data) else memoryview(b"")
    try:
        while view:
            view = view[os.write(descriptor, view) :]
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from None


_COMMITTED = "what was committed is kept: free some space, then run the same command with --resume"


@contextmanager
def disk_errors_explained(full: str = _COMMITTED) -> Iterator[None]:
    """Turn an OSError into a UserError; `full`: what is kept where the disk is full, and how to go on."""
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            raise UserError(
                f"{error.filename or 'output'}: the disk is full ({error.strerror}); {full}"
            ) from None
        raise UserError(f"{error.filename or 'input or output'}: {error.strerror or error}") from None


def check_writable(path: Path, what: str) -> None:
    """Raise UserError where no file `path` can be made: asked before the work that it is for, by doing; nothing is left."""
    if os.path.isdir(path):
        raise UserError(f"{what}: cannot be written: {path} is a folder; name a file, or take it away")
    made = make_folder(path.parent, path, what)
    try:
        with obstacles_named(path, what):
            # Of a name as long as that which it has while it is written (megatron_qm/files.py).
            tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", suffix=".tmp").close()
    finally:
        remove_empty(made)
