"""A folder that appears under its name only when it is finished, and takes the place of nothing but an earlier one of its kind.
"""

import errno
import os
import re
import secrets
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from megatron_qm.checkpoint.manifest import MANIFEST, FileRecord, hash_files, read_manifest
from megatron_qm.errors import UserError
from megatron_qm.files import fsync_directory, fsync_tree, publish, remove_tree


@dataclass(frozen=True)
class Kind:
    """What a command writes. mark: the file by which it is known. stranger: a file of such a folder that the command did not
    write, or that has been changed since; None if there is none."""

    mark: str
    stranger: Callable[[Path], str | None]


def files_of(folder: Path) -> Iterator[str]:
    """Every file and link below `folder`, relative to it; no link is followed."""
    for parent, folders, names in os.walk(folder):
        links = [name for name in folders if os.path.islink(os.path.join(parent, name))]
        for name in sorted([*names, *links]):
            yield Path(parent, name).relative_to(folder).as_posix()


def first_not_as_recorded(folder: Path, files: Mapping[str, FileRecord], mark: str) -> str | None:
    """A file of `folder` that is not as `files` says; None if all are. Files that are gone are no loss."""
    there = [name for name in files_of(folder) if name != mark]
    unknown = next((name for name in there if name not in files or (folder / name).is_symlink()), None)
    if unknown is not None:
        return unknown
    return next((name for name, record in hash_files(folder, there).items() if record != files[name]), None)


CHECKPOINT = Kind(MANIFEST, lambda folder: first_not_as_recorded(folder, read_manifest(folder).files, MANIFEST))


@contextmanager
def staged(output: Path, kind: Kind, overwrite: bool) -> Iterator[Path]:
    """A hidden neighbour of `output`; it takes that name, fsynced, if the block ends without an error, else it goes.

    An `output` that exists is only replaced if `check_free` allows it, which is asked last of all: whoever begins long work asks
    before. Raises UserError otherwise, and where the disk refuses.
    """
    output = Path(output)
    hidden = output.parent / f".{output.name}.{os.getpid()}.{secrets.token_hex(4)}.unfinished"
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        _remove_leftovers(output)
        hidden.mkdir()
        yield hidden
        fsync_tree(hidden)
        check_free(output, kind, overwrite)
        take_the_name(hidden, output)
    except OSError as error:
        raise not_written(output, error) from None
    finally:
        remove_tree(hidden)


def check_free(output: Path, kind: Kind, overwrite: bool) -> None:
    """Raise UserError if `output` may not be written: what exists is only replaced with `overwrite`, and only if it is of this
    kind and holds nothing else, as it was written."""
    if output.is_symlink():
        raise UserError(f"{output}: is a link; name the folder itself")
    if not output.exists() or (output.is_dir() and not any(output.iterdir())):
        return
    if not overwrite:
        raise UserError(f"{output}: exists; choose another --output, or add --overwrite to replace it")
    if not output.is_dir() or not (output / kind.mark).is_file():
        raise UserError(f"{output}: exists and has no {kind.mark}, so it is not what this command wrote: not replaced")
    stranger = kind.stranger(output)
    if stranger is not None:
        raise UserError(
            f"{output}: not replaced: {stranger} in it is not as this command wrote it, and would be lost; move it away, or "
            "choose another --output"
        )


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
    """What a killed process left behind for this output: what it was about to replace gets its name back."""
    pattern = re.compile(rf"\.{re.escape(output.name)}\.(\d+)\.[0-9a-f]+\.(unfinished|replaced)")
    for path in list(output.parent.iterdir()):
        match = pattern.fullmatch(path.name)
        if match and not Path(f"/proc/{match[1]}").exists() and Path("/proc").exists():
            if match[2] == "replaced" and not output.exists():
                publish(path, output)
            else:
                remove_tree(path)
