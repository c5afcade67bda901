#!/usr/bin/env python3
"""Drop documents that hold items of evaluations from JSON lines, and report by evaluation and item.

    python data_tools/decontaminate.py --input deduplicated.jsonl --against medqa=medqa.jsonl cmexam=cmexam.jsonl \\
        --output clean.jsonl --removed contaminated.jsonl --report contamination.json

Items are JSON lines with a question, prompt or messages, and options if they have any. Lines that are kept are written as they
came. Files appear whole or not at all.
"""

import argparse
import os
import sys
import time
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

if __name__ == "__main__":  # as a script: the imports below are found from the repository, not from this folder
    sys.path[0] = str(Path(__file__).resolve().parents[1])

from data_tools.corpus.arguments import LINES, add_input, add_overwrite, add_workers, parsed, parser_of
from data_tools.corpus.contamination.config import ContaminationConfig
from data_tools.corpus.contamination.items import read_items
from data_tools.corpus.contamination.run import by_sets, prepare, write_kept
from data_tools.corpus.packed import check_name
from data_tools.corpus.places import STOPPED, check_outputs, exit_code
from data_tools.corpus.report import sample_record
from data_tools.corpus.rows import corpus_of, write_refused
from data_tools.corpus.settings import add_options, from_options
from data_tools.stopping import StopRequest
from megatron_qm.errors import UserError
from megatron_qm.files import write_json


def main(argv: list[str] | None = None) -> int:
    args = _arguments(argv)
    return exit_code(lambda stop: _tell(args, decontaminate(args, from_options(args, ContaminationConfig), stop)))


def _tell(args: argparse.Namespace, report: dict[str, Any]) -> None:
    for name, found in report["sets"].items():
        print(f"{name}: {found['items_found']:,} of {found['looked_for']:,} items in {found['documents']:,} documents; "
              f"{len(found['too_short']):,} items are too short to be looked for")
    print(f"{args.output}: {report['kept']:,} documents of {report['documents']:,}; {report['refused']:,} lines held none")


def decontaminate(args: argparse.Namespace, config: ContaminationConfig, stop: StopRequest) -> dict[str, Any]:
    """Write all files and return the report. Raises UserError and Interrupted; then nothing is written."""
    sets = _sets(args.against)
    corpus = corpus_of(args.input, between=partial(stop.check, STOPPED))
    check_name(args.output, f"--output {args.output}")
    outputs = {"--output": args.output, "--removed": args.removed, "--report": args.report, "--rejects": args.rejects}
    check_outputs(outputs, [*(file.path for file in corpus.files), *sets.values()], args.overwrite)
    began = time.monotonic()
    items = {name: read_items(path) for name, path in sets.items()}
    index, look = prepare(corpus, items, config, args.workers)
    tally = write_kept(corpus, index, look, args.output, args.removed, args.workers)
    counts = tally.counts
    report = {"config": asdict(config), "documents": counts.documents - len(tally.refused), "text_bytes": counts.bytes,
              "kept": counts.kept, "dropped": sum(counts.dropped.values()), "refused": len(tally.refused),
              "sets": by_sets(tally, index, items), "samples": [sample_record(one, corpus.files) for one in tally.samples],
              "seconds": round(time.monotonic() - began, 3)}
    if args.rejects:
        write_refused(corpus, tally.refused, args.rejects)
    if args.report:
        write_json(args.report, report)
    return report


def _sets(named: list[str]) -> dict[str, Path]:
    """Of NAME=FILE. Raises UserError for one without a name, a name given twice, and a file that is not there."""
    sets: dict[str, Path] = {}
    for one in named:
        name, _, path = one.partition("=")
        if not name or not path:
            raise UserError(f"--against {one}: NAME=FILE is meant, as in medqa=medqa.jsonl")
        if name in sets:
            raise UserError(f"--against {one}: {name} is named already, for {sets[name]}; give each set a name of its own")
        if not os.path.isfile(path):
            raise UserError(f"--against {one}: {path} is no file that is there")
        sets[name] = Path(path)
    return sets


def _arguments(argv: list[str] | None) -> argparse.Namespace:
    parser = parser_of(__doc__)
    add_input(parser, LINES)
    add_input(parser, "JSON lines of an evaluation's items, and the name that reports have for it", "--against", "NAME=FILE")
    parser.add_argument("--output", type=Path, required=True, metavar="FILE", help="the lines that are kept")
    parser.add_argument("--removed", type=Path, metavar="FILE",
                        help="a line {id, items: [{set, item, share}]} for each that is not")
    parser.add_argument("--rejects", type=Path, metavar="FILE", help="a line {file, line, reason} for each that is no document")
    parser.add_argument("--report", type=Path, metavar="FILE", help="counts by set and item, and samples, as JSON")
    add_overwrite(parser)
    add_workers(parser)
    add_options(parser, ContaminationConfig)
    return parsed(parser, argv)


if __name__ == "__main__":
    sys.exit(main())
