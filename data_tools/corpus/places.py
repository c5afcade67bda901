"""Where a command over whole corpora writes, where it works meanwhile, and how it ends."""

import fcntl
import itertools
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from data_tools.disk import check_writable, disk_errors_explained
from data_tools.stopping import Interrupted
from megatron_qm.errors import UserError
from megatron_qm.files import remove_tree

_NOTHING_WRITTEN = "nothing was written: free some space, then run the same command again"


def exit_code(work: Callable[[], None]) -> int:
    """What `work`, which writes all or nothing, comes to: 0, 2 for what the user can mend, 128 + signal where one stopped it."""
    try:
        with _stopped_by_signals(), disk_errors_explained(_NOTHING_WRITTEN):
            work()
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except Interrupted as interruption:
        print(interruption, file=sys.stderr)
        return interruption.exit_code
    return 0


@contextmanager
def _stopped_by_signals() -> Iterator[None]:
    """SIGINT and SIGTERM end the block by an exception, so that what it has begun is taken away."""
    def stop(number: int, _: FrameType | None) -> None:
        raise Interrupted(f"stopped by {signal.Signals(number).name}; nothing was written", number)

    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread may handle signals
        return
    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


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
    where another process works in it, and for a name that would be a pattern to what reads files there."""
    if set(os.path.abspath(output)) & set("*?["):
        raise UserError(f"{output}: its name and folders may not hold *, ? or [; name another file")
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
