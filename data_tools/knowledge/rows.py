"""Rows of JSON to a file that is whole or absent."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import orjson

from megatron_qm.files import atomic_write


def write_rows(path: Path, rows: Sequence[Mapping[str, object]]) -> int:
    """One JSON object a line; how many there are."""
    with atomic_write(path) as stream:
        for row in rows:
            stream.write(orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE))
    return len(rows)
