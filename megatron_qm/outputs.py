"""Where a verb will write is asked before its work: nobody trains, converts or judges for hours to find no place for it.

    parser.add_argument("--output", type=outputs.file)

asks while the command line is read. A place is asked by doing: what is written there goes again, folders on the way too.
What a run or a checkpoint holds is nobody else's to write, and no input is: `file` and `check_apart` refuse it. What is there
already is replaced only where --overwrite says so: options of type `new` have that beside them, `file` is for what goes on.
"""

import argparse
import itertools
import os
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

from megatron_qm.errors import UserError
from megatron_qm.files import make_folder, obstacles_named, remove_empty
from megatron_qm.platform.detect import rank_variables

# The file by which a folder is known: what it is, and what in it is its own.
_OWNED = {
    "metrics.jsonl": ("run", {"metrics.jsonl", "ledger.jsonl", "config.resolved.yaml", "environment.json", "hang.json",
                              "quarantine.jsonl", "wandb.id", ".lock", "checkpoints", "data", "logs", "rollouts", "tensorboard"}),
    "manifest.json": ("checkpoint", {"manifest.json", "weights", "tokenizer"}),
}


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
    _check_not_owned(path)
    if _asks():
        _try(path, path.parent, f".{path.name}.tmp")
    return path


def new(name: str) -> Path:
    """A file that is written anew: `check_apart` refuses one that is there, unless --overwrite is given. Raises as `file`."""
    return file(name)


def add_overwrite(parser: argparse.ArgumentParser) -> None:
    """--overwrite, where the parser has options of type `new`."""
    names = [action.dest for action in parser._actions if action.type is new]
    if names:
        options = ", ".join(f"--{name}" for name in names)
        parser.add_argument("--overwrite", action="store_true",
                            help=f"replace what is there already of {options} (default: it is refused)")
        parser.set_defaults(written_anew=names)


def check_not_there(option: str, path: Path) -> None:
    """Raises UserError for a file that is there already."""
    if os.path.lexists(path) and _asks():
        raise UserError(f"{option} {path}: is there already; name another file, or give --overwrite to replace it")


def check_apart(args: argparse.Namespace, written: Iterable[str], read: Iterable[str]) -> None:
    """written, read: names of options, each with a file, several, or none. Raises UserError naming both where a file to write is
    one that is read, or that another option writes; and for one that is there, and to be written anew without --overwrite."""
    outputs, inputs = list(_given(args, written)), _given(args, read)
    for (option, path), (other, there) in (*itertools.product(outputs, inputs), *itertools.combinations(outputs, 2)):
        if _same(path, there):
            raise UserError(f"{option} {path}: is the same file as {other} {there}; name another to write to")
    for option, path in _given(args, getattr(args, "written_anew", [])):
        if not args.overwrite:
            check_not_there(option, path)


def _check_not_owned(path: Path) -> None:
    """Raise UserError where `path` is or would be one of the files of a run or a checkpoint."""
    for place in (Path(os.path.abspath(path)), Path(os.path.realpath(path))):
        for child, parent in zip((place, *place.parents), place.parents, strict=False):
            for marker, (what, names) in _OWNED.items():
                if child.name in names and os.path.isfile(parent / marker):
                    raise UserError(f"{path}: belongs to the {what} in {parent}, which would be damaged; name another file")


def _given(args: argparse.Namespace, names: Iterable[str]) -> Iterator[tuple[str, Path]]:
    for name in names:
        value = getattr(args, name)
        yield from ((f"--{name}", path) for path in (value if isinstance(value, list) else [value]) if path)


def _same(one: Path, other: Path) -> bool:
    """By whatever names and links: of files that are not there yet, by where they would be."""
    with suppress(OSError):
        if os.path.samefile(one, other):
            return True
    return os.path.realpath(one) == os.path.realpath(other)


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
