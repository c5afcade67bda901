"""Writing with errors that name the file, and what a full disk means to the user."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from megatron_qm.errors import UserError

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


def write_all(descriptor: int, data: bytes | memoryview, path: Path) -> None:
    """Write every byte at the file's position. Raises OSError with the name of the file."""
    view = memoryview(data).cast("B") if len(data) else memoryview(b"")
    try:
        while view:
            view = view[os.write(descriptor, view) :]
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from None


@contextmanager
def disk_errors_explained() -> Iterator[None]:
    """Turn an OSError into a UserError that says what is kept and how to go on."""
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            raise UserError(
                f"{error.filename or 'output'}: the disk is full ({error.strerror}); what was committed is kept: free "
                "some space, then run the same command with --resume"
            ) from None
        raise UserError(f"{error.filename or 'input or output'}: {error.strerror or error}") from None
