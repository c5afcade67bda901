"""RUN/quarantine.jsonl: the documents of every step whose update was refused, for people to look at or leave out."""

import json
import os
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

from megatron_qm.data.ledger import documents_of_step
from megatron_qm.errors import UserError
from megatron_qm.json_types import parse_json

FILE_NAME = "quarantine.jsonl"


def quarantine_step(run: Path, step: int, reason: str, measured: Mapping[str, object]) -> int:
    """Append the documents that the ledger of `run` names for `step`, durably; returns how many there are."""
    spans = [asdict(span) for span in documents_of_step(run, step)]
    line = json.dumps({"step": step, "reason": reason, **measured, "documents": spans}, ensure_ascii=False)
    path = Path(run) / FILE_NAME
    try:
        with open(path, "ab") as stream:
            stream.write(line.encode() + b"\n")
            stream.flush()
            os.fsync(stream.fileno())
    except OSError as error:
        raise UserError(f"{path}: cannot be written: {error.strerror}; make room and resume the run") from None
    return len({(span["source"], span["document"]) for span in spans})


def truncate_quarantine(run: Path, step: int) -> None:
    """Cut off what belongs to steps after `step`: a resumed run does them again."""
    path = Path(run) / FILE_NAME
    if not path.exists():
        return
    keep = 0
    with open(path, "rb") as stream:
        for line in stream:
            if not line.endswith(b"\n") or _step_of(line) > step:
                break
            keep += len(line)
    os.truncate(path, keep)


def _step_of(line: bytes) -> float:
    try:
        return int(parse_json(line)["step"])
    except (ValueError, KeyError, TypeError):
        return float("inf")  # torn by a power cut
