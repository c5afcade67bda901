#!/usr/bin/env python3
"""Inserts of one generic name from many makers, merged into one document each, with conflicts and both their sources listed.

    python data_tools/merge_inserts.py --input inserts/*.jsonl --output merged.jsonl --conflicts conflicts.jsonl

Inserts are JSON lines {generic_name, maker, sections: {heading: text}[, language, source, licence, id, brand_name]}.
"""

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import cast

if __name__ == "__main__":  # as a script: the imports below are found from the repository, not from this folder
    sys.path[0] = str(Path(__file__).resolve().parents[1])

from data_tools.corpus.arguments import add_input, add_overwrite, parser_of
from data_tools.corpus.document import Document
from data_tools.corpus.packed import check_name, packed_lines
from data_tools.corpus.places import STOPPED, check_outputs, exit_code
from data_tools.corpus.reading import line_of
from data_tools.corpus.verbalising.inputs import numbered_lines
from data_tools.corpus.verbalising.inserts import Insert, insert_of, merged
from data_tools.corpus.verbalising.triples import BadTriple
from data_tools.sources.inputs import Input, find_inputs
from data_tools.sources.parse import BadLine, json_object
from data_tools.stopping import StopRequest
from megatron_qm.errors import UserError
from megatron_qm.files import write_json_lines
from megatron_qm.json_types import JsonObject


def main(argv: list[str] | None = None) -> int:
    args = _arguments(argv)
    return exit_code(lambda stop: merge_inserts(args, stop))


def merge_inserts(args: argparse.Namespace, stop: StopRequest) -> None:
    """Write all files, the output last. Raises UserError where no line is an insert."""
    check_name(args.output, f"--output {args.output}")
    files = find_inputs(args.input, "jsonl", "line")
    outputs = {"--output": args.output, "--conflicts": args.conflicts, "--rejects": args.rejects}
    check_outputs(outputs, [file.path for file in files], args.overwrite)
    bad: list[BadTriple] = []
    inserts = list(_read(files, bad))
    if not inserts:
        raise UserError(f"--input: holds no insert{f'; {bad[0].file}:{bad[0].line}: {bad[0].reason}' if bad else ''}")
    stop.check(STOPPED)
    documents = list(merged(inserts))
    stop.check(STOPPED)
    conflicts = [{"id": one["id"], **conflict} for one in documents for conflict in cast(list[JsonObject], one["conflicts"])]
    for path, rows in ((args.rejects, [one._asdict() for one in bad]), (args.conflicts, conflicts)):
        if path:
            write_json_lines(path, rows)
    with packed_lines(args.output) as output:
        for row in documents:
            output.write(line_of(Document(str(row.pop("text")), row)))
    print(
        f"{args.output}: {len(documents):,} documents of {len(inserts):,} inserts, {len(conflicts):,} conflicts; "
        f"{len(bad):,} lines were no insert"
    )


def _read(files: list[Input], bad: list[BadTriple]) -> Iterator[Insert]:
    for file in files:
        for number, line in numbered_lines(file):
            try:
                if isinstance(line, str):
                    raise ValueError(line)
                yield insert_of(json_object(line), f"{file.path}:{number}")
            except BadLine as error:
                bad.append(BadTriple(str(file.path), number, ": ".join(filter(None, error.args))))
            except ValueError as error:
                bad.append(BadTriple(str(file.path), number, str(error)[:300]))
        file.check_unchanged()


def _arguments(argv: list[str] | None) -> argparse.Namespace:
    parser = parser_of(__doc__)
    add_input(parser, "JSON lines of inserts; globs")
    parser.add_argument("--output", type=Path, required=True, metavar="FILE", help="JSON lines of documents")
    parser.add_argument(
        "--conflicts", type=Path, metavar="FILE", help="a line for each conflict: section, values, makers, sources"
    )
    parser.add_argument("--rejects", type=Path, metavar="FILE", help="a line {file, line, reason} for each that is no insert")
    add_overwrite(parser)
    return parser.parse_args(argv)


if __name__ == "__main__":
    sys.exit(main())
