"""Rows of JSON to files that are whole or absent."""

import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import orjson

from data_tools.disk import check_writable
from megatron_qm.errors import UserError
from megatron_qm.files import atomic_write


def write_rows(path: Path, rows: Sequence[Mapping[str, object]]) -> int:
    """One JSON object a line; how many there are."""
    with atomic_write(path) as stream:
        for row in rows:
            stream.write(orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE))
    return len(rows)


def write_files(folder: Path, files: Mapping[str, Sequence[Mapping[str, object]]], overwrite: bool) -> dict[str, int]:
    """Each file of rows by its name in `folder`; the lines of each. Raises as `check_folder`, before any is written."""
    check_folder(folder, files, overwrite)
    return {name: write_rows(folder / name, rows) for name, rows in files.items()}


def check_folder(folder: Path, names: Iterable[str], overwrite: bool) -> None:
    """Raises UserError where a file of these names cannot be made in the folder --output, or is there and not to be replaced."""
    for name in names:
        if os.path.lexists(folder / name) and not overwrite:
            raise UserError(f"--output {folder}: {folder / name} is there already; name another folder, or give --overwrite to "
                            "replace it")
        check_writable(folder / name, f"--output {folder}")
