"""Where a verb will write is asked before its work: nobody trains, converts or judges for hours to find no place for it.

    parser.add_argument("--output", type=outputs.file)

asks while the command line is read. A place is asked by doing: what is written there goes again, folders on the way too.
"""

import os
from contextlib import suppress
from pathlib import Path

from megatron_qm.errors import UserError
from megatron_qm.files import make_folder, obstacles_named, remove_empty
from megatron_qm.platform.detect import rank_variables


def folder(name: str) -> Path:
    """A folder to write into. Raises UserError naming what is in the way."""
    path = _named(name)
    if _asks():
        _try(path, path, ".tmp")
    return path


def file(name: str) -> Path:
    """A file to write, in a folder that may not be there yet. Raises UserError naming what is in the way."""
    path = _named(name)
    if os.path.isdir(path):
        raise UserError(f"{path}: is a folder; name a file, such as {path / 'output'}")
    if os.path.lexists(path) and not os.path.isfile(path):
        raise UserError(f"{path}: is {'no file' if os.path.exists(path) else 'a link that leads nowhere'}; name another file")
    if os.path.isfile(path) and not os.access(path, os.W_OK):
        raise UserError(f"{path}: is there, and may not be written; name another file")
    if _asks():
        _try(path, path.parent, f".{path.name}.tmp")
    return path


def _named(name: str) -> Path:
    if not name:
        raise UserError("the place to write to has an empty name; name a file or folder")
    return Path(name)


def _asks() -> bool:
    """One rank of a job does: the others would take its folders away under its feet."""
    names = rank_variables()
    return names is None or os.environ[names[0]] == "0"


def _try(path: Path, folder: Path, ending: str) -> None:
    """Make and take away a file in `folder` whose name is as long as any that will be written there."""
    made = make_folder(folder, path)
    probe = folder / f".{os.getpid()}{ending}"
    try:
        with obstacles_named(path):
            probe.touch(exist_ok=False)
    finally:
        with suppress(OSError, ValueError):
            probe.unlink()
        remove_empty(made)
