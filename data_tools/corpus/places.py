"""Where a command over whole corpora writes, and where it works meanwhile."""

import fcntl
import itertools
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from data_tools.disk import check_writable
from megatron_qm.errors import UserError
from megatron_qm.files import remove_tree


def check_outputs(outputs: Mapping[str, Path | None], inputs: Sequence[Path], overwrite: bool) -> None:
    """outputs: by option. Raises UserError, before any work, for one that cannot be written, is there already, or is a file that
    is read or written besides."""
    given = {option: path for option, path in outputs.items() if path is not None}
    for option, path in given.items():
        if any(os.path.exists(path) and os.path.samefile(path, one) for one in inputs):
            raise UserError(f"{option} {path}: is an input; name another file to write to")
        if os.path.exists(path) and not overwrite:
            raise UserError(f"{option} {path}: is there already; name another file, or say --overwrite")
        check_writable(path, f"{option} {path}")
    for (option, path), (other, there) in itertools.combinations(given.items(), 2):
        if os.path.realpath(path) == os.path.realpath(there):
            raise UserError(f"{option} {path}: is what {other} writes too; name another file")


@contextmanager
def working_folder(output: Path, suffix: str) -> Iterator[Path]:
    """An empty folder beside `output`, gone when the block ends; what a killed run left in it is thrown away. Raises UserError
    where another process works in it."""
    folder = output.with_name(f".{output.name}{suffix}")
    output.parent.mkdir(parents=True, exist_ok=True)
    with open(output.with_name(f".{output.name}{suffix}.lock"), "wb") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise UserError(f"{output}: another process is writing it; wait for it, or name another file") from None
        remove_tree(folder)
        folder.mkdir()
        try:
            yield folder
        finally:
            remove_tree(folder)
            os.unlink(lock.name)
