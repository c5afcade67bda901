"""Files of JSON lines, gzipped or not (megatron_qm.json_lines knows no gzip, and refuses more than a benchmark has to)."""

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any


def read_rows(path: Path) -> Iterator[dict[str, Any]]:
    with gzip.open(path) if path.suffix == ".gz" else open(path, "rb") as lines:
        yield from map(json.loads, filter(bytes.strip, lines))


def read_texts(path: Path) -> list[str]:
    return [row["text"] for row in read_rows(path)]
