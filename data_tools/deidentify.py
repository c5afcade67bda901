#!/usr/bin/env python3
"""Documents without what identifies a person, Chinese and English: tags, or surrogates with dates shifted per `patient`.

    python data_tools/deidentify.py --input notes.jsonl --output clean.jsonl --mode surrogate --key-file key --report phi.json

Without --key-file and MEGATRON_QM_PHI_KEY surrogates are drawn by a random secret that is kept nowhere. --samples FILE: up to 200
places that were found, for a person to read. IT HOLDS WHAT IDENTIFIES PERSONS, as the input does: keep it as the input is kept.
"""

import argparse
import json
import os
import secrets
import sys
from pathlib import Path

if __name__ == "__main__":  # as a script: the imports below are found from the repository, not from this folder
    sys.path[0] = str(Path(__file__).resolve().parents[1])

from data_tools.corpus.command import Files, files_of, step_command, step_parser
from data_tools.corpus.phi.deidentifying import KEY_VARIABLE, PhiConfig, deidentifier
from data_tools.corpus.phi.sampling import counted, places_to_read
from data_tools.corpus.settings import from_options
from megatron_qm.errors import UserError
from megatron_qm.files import write_json, write_json_lines

_SAMPLES = 200


def main(argv: list[str] | None = None) -> int:
    """The exit code of the step; 2, too, where its samples cannot be written."""
    own = argparse.ArgumentParser(add_help=False)
    own.add_argument("--samples", type=Path)
    mine, rest = own.parse_known_args(argv)
    os.environ.setdefault(KEY_VARIABLE, secrets.token_hex(32))  # one for all processes of this run
    code = step_command("deidentify", __doc__ or "", PhiConfig, deidentifier, rest, {"--samples": mine.samples})
    if code:
        return code
    try:
        _tell(*_parsed(rest), mine.samples)
    except (UserError, OSError) as error:
        print(f"error: the output is whole, but what tells of it is not: {error}", file=sys.stderr)
        return 2
    return 0


def _parsed(argv: list[str]) -> tuple[Files, PhiConfig]:
    args = step_parser("deidentify", "", PhiConfig).parse_args(argv)
    return files_of(args), from_options(args, PhiConfig)


def _tell(files: Files, config: PhiConfig, samples: Path | None) -> None:
    """Counts into the report, and places into the file of samples."""
    if files.report:
        report = json.loads(files.report.read_text(encoding="utf-8"))
        write_json(files.report, {**report, "phi": counted([str(files.output)], files.text_key, files.max_document_bytes)})
    if samples:
        write_json_lines(samples, places_to_read(files.input, files.text_key, files.max_document_bytes, _SAMPLES, config.types))


if __name__ == "__main__":
    sys.exit(main())
