"""gate.json of a release: what the gate found, and every other file with its digest, by which an export knows its own."""

import json
from dataclasses import asdict
from pathlib import Path

from megatron_qm.checkpoint.manifest import FileRecord, hash_files
from megatron_qm.checkpoint.staging import Kind, files_of, first_not_as_recorded
from megatron_qm.errors import UserError
from megatron_qm.files import write_json
from megatron_qm.hf.gate import GateReport
from megatron_qm.json_types import object_of, text_of, whole_of

REPORT = "gate.json"
_FILES = "files"


def write_report(release: Path, report: GateReport) -> None:
    """Last of all files."""
    files = {name: asdict(record) for name, record in hash_files(release, files_of(release)).items()}
    write_json(release / REPORT, asdict(report) | {_FILES: files})


def _stranger(release: Path) -> str | None:
    try:
        listed = object_of(json.loads((release / REPORT).read_bytes()), _FILES)
        files = {name: _record(listed, name) for name in listed}
    except (OSError, ValueError, TypeError, RecursionError) as error:
        raise UserError(f"{release}: not replaced: its {REPORT} does not say which files export-hf wrote: {error}") from None
    return first_not_as_recorded(release, files, REPORT)


def _record(listed: dict[str, object], name: str) -> FileRecord:
    said = object_of(listed, name)
    return FileRecord(text_of(said, "sha256"), whole_of(said, "bytes"))


RELEASE = Kind(REPORT, _stranger)
