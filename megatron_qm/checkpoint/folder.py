"""The folder that holds a run's checkpoints: names, what is whole, what may go. Needs neither torch nor Megatron.

    checkpoints/step-00000200/               a checkpoint; it got this name in one rename, whole and on the disk
    checkpoints/.step-00000400.3f9a.saving   one that is being written, or whose writer was killed
    checkpoints/.step-00000100.412.deleting  one that is being deleted, or whose deleter was killed
"""

import re
import shutil
from collections.abc import Collection
from pathlib import Path

from megatron_qm.checkpoint.manifest import MANIFEST, verify
from megatron_qm.errors import UserError
from megatron_qm.files import remove_tree

_NAME = re.compile(r"step-(\d{8,})")
_LEFTOVER = re.compile(r"\.+step-\d{8,}\..*(saving|deleting)")
# A tokenizer is often given as the folder of a whole released model.
_WEIGHT_FILES = {".safetensors", ".bin", ".pt", ".pth", ".gguf", ".h5", ".msgpack", ".onnx", ".distcp"}


def checkpoint_name(step: int) -> str:
    return f"step-{step:08d}"


def temporary_name(step: int, token: str) -> str:
    """Hidden, and different for every attempt: a writer that outlived its run can never write into the next attempt."""
    return f".{checkpoint_name(step)}.{token}.saving"


def step_of(folder: Path) -> int | None:
    match = _NAME.fullmatch(folder.name)
    return int(match[1]) if match else None


def step_of_published(folder: Path) -> int:
    """Of a folder that bears a checkpoint's name."""
    step = step_of(folder)
    assert step is not None, folder
    return step


def published(directory: Path) -> list[Path]:
    """The checkpoints in `directory` by name, newest first; whether they are good is for `verify` to say."""
    if not directory.is_dir():
        return []
    folders = [path for path in directory.iterdir() if step_of(path) is not None and path.is_dir()]
    return sorted(folders, key=step_of_published, reverse=True)


def newest(run: Path) -> Path:
    """The last checkpoint of a run. Raises UserError where there is none."""
    found = published(run / "checkpoints")
    if not found:
        raise UserError(f"{run}: has no checkpoint to go on from")
    return found[0]


def refuse_a_run(folder: Path) -> None:
    """Name the checkpoint that was probably meant where a run, or its folder of checkpoints, is given."""
    if not (folder / MANIFEST).exists():
        for place in (folder, folder / "checkpoints"):
            if there := published(place):
                raise UserError(f"{folder}: holds {len(there)} checkpoints; name one, such as {there[0]}")


def newest_good(directory: Path) -> tuple[Path | None, list[str]]:
    """The newest checkpoint whose every file is as it was written, and a note for each newer one that is not."""
    notes: list[str] = []
    for folder in published(directory):
        try:
            verify(folder)
        except UserError as error:
            notes.append(f"skipped {folder.name}: {error}")
        else:
            return folder, notes
    return None, notes


def remove_leftovers(directory: Path) -> list[str]:
    """Delete what killed saves and deletions left behind; a note for each."""
    if not directory.is_dir():
        return []
    leftovers = sorted(path for path in directory.iterdir() if _LEFTOVER.fullmatch(path.name))
    for path in leftovers:
        remove_tree(path)
    return [f"removed {path.name}, left by a run that ended while saving or deleting" for path in leftovers]


def make_room(final: Path) -> None:
    """Move a checkpoint of the same step, which is bad or out of date, out of the way of a new one."""
    if final.exists():
        remove_tree(final)


def retain(
    directory: Path, newest: int, keep_last: int, keep_every: int | None, bad: Collection[str] = ()
) -> list[Path]:
    """Delete what the run no longer needs, and return it: all but the last `keep_last` and every `keep_every` steps.

    newest: the step just published, which always stays. Later ones are not this run's history (they were skipped as
    bad, and will be written again); those and the names in `bad` are neither counted nor deleted.
    """
    history = [path for path in published(directory) if step_of_published(path) <= newest and path.name not in bad]
    removed = [path for path in history[max(1, keep_last) :] if not keep_every or step_of_published(path) % keep_every]
    for path in removed:
        remove_tree(path)
    return removed


def copy_files(source: Path, target: Path) -> list[str]:
    """Copy what belongs to a tokenizer or an export (no weights, nothing hidden) from a folder, or one file.

    Returns the names of the copies, relative to `target`.
    """
    paths = sorted(source.iterdir()) if source.is_dir() else [source]
    wanted = [p for p in paths if p.is_file() and not p.name.startswith(".") and p.suffix not in _WEIGHT_FILES]
    target.mkdir(parents=True, exist_ok=True)
    for path in wanted:
        shutil.copyfile(path, target / path.name)
    return [path.name for path in wanted]
