"""Files of pairs, and scorers that read their scores from the responses."""

import json
from collections.abc import Sequence
from pathlib import Path

from megatron_qm.evals.pairs.measured import Measured, measure
from megatron_qm.evals.pairs.reading import read_rows
from megatron_qm.evals.pairs.rows import Messages


def write(path: Path, rows: Sequence[object]) -> Path:
    path.write_text("".join(row if isinstance(row, str) else json.dumps(row) + "\n" for row in rows))
    return path


def told(conversations: Sequence[Messages]) -> list[float | None]:
    """The number at the end of the response: `... = 1.5`; None where it is `none`."""
    ends = [conversation[-1]["content"].rpartition("=")[2].strip() for conversation in conversations]
    return [None if end == "none" else float(end) for end in ends]


def pair(better: object, worse: object, **more: object) -> dict[str, object]:
    """Responses that say their scores."""
    return {"prompt": "q", "chosen": f"a = {better}", "rejected": f"b = {worse}", **more}


def measured(path: Path, rows: Sequence[object]) -> Measured:
    return measure(read_rows(write(path, rows)), told)
