"""Where a command over whole corpora writes, where it works meanwhile, and how it ends."""

import fcntl
import itertools
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from data_tools.disk import check_writable, disk_errors_explained
from data_tools.rejects import is_list
from data_tools.stopping import Interrupted, StopRequest, stop_requests
from megatron_qm.errors import UserError
from megatron_qm.files import remove_tree

STOPPED = "stopped; nothing was written"
_FULL = "nothing was written: free some space, then run the same command again"


def exit_code(work: Callable[[StopRequest], None], full: str = _FULL, interrupted: str = "nothing was written") -> int:
    """What `work` comes to: 0, 2 for what the user can mend, 128 + signal where one stopped it. full, interrupted: what is said
    of what is there where the disk is full, or a second signal comes; work that keeps nothing needs to say neither."""
    try:
        with stop_requests() as stop, disk_errors_explained(full):
            work(stop)
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except Interrupted as interruption:
        print(interruption, file=sys.stderr)
        return interruption.exit_code
    except KeyboardInterrupt:  # the second one: the first is answered by a clean stop
        print(f"interrupted; {interrupted}", file=sys.stderr)
        return 130
    return 0


def check_outputs(outputs: Mapping[str, Path | None], inputs: Sequence[Path], overwrite: bool) -> None:
    """outputs: by option. Raises UserError, before any work, for one that cannot be written, is there already, or is a file that
    is read or written besides."""
    given = {option: path for option, path in outputs.items() if path is not None}
    read = {os.path.realpath(path) for path in inputs}
    for option, path in given.items():
        if os.path.realpath(path) in read:
            raise UserError(f"{option} {path}: is an input; name another file to write to")
        if os.path.lexists(path) and not overwrite:
            raise UserError(f"{option} {path}: exists already; --overwrite replaces it")
        check_writable(path, f"{option} {path}")
    for (other, there), (option, path) in itertools.combinations(given.items(), 2):
        if os.path.realpath(path) == os.path.realpath(there):
            raise UserError(f"{option} {path}: is the file of {other}, too; name another")
    rejects = given.get("--rejects")
    if rejects and rejects.exists() and not is_list(rejects):
        raise UserError(f"--rejects {rejects}: exists and is no list of rejected lines; --overwrite does not replace it: "
                        "name another file")


def check_no_pattern(path: Path, said: str) -> None:
    """Raise UserError for a name that would be a pattern to what reads files there."""
    if set(os.path.abspath(path)) & set("*?["):
        raise UserError(f"{said}: its name and folders may not hold *, ? or [; name another")


@contextmanager
def locked(path: Path, refusal: str = "", shared: bool = False) -> Iterator[None]:
    """Holds the file `path`, which stays: alone, or with others who share it. Raises UserError of `refusal` where that cannot be;
    where none is given, waits until it can."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
    try:
        try:
            fcntl.flock(descriptor, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | (fcntl.LOCK_NB if refusal else 0))
        except BlockingIOError:
            raise UserError(refusal) from None
        except OSError as error:
            raise UserError(f"{path}: cannot be locked: {error.strerror}; name an output on storage with flock (Lustre has it by "
                            "the mount option flock)") from None
        yield
    finally:
        os.close(descriptor)


@contextmanager
def working_folder(output: Path, suffix: str) -> Iterator[Path]:
    """An empty folder beside `output`, gone when the block ends; what a killed run left in it is thrown away. Raises UserError
    where another process works in it, and for a name that would be a pattern."""
    check_no_pattern(output, str(output))
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
