#!/usr/bin/env python3
"""Drop documents that hold items of evaluations from JSON lines, and report by evaluation and item.

    python data_tools/decontaminate.py --input deduplicated.jsonl --against medqa=medqa.jsonl cmexam=cmexam.jsonl \\
        --output clean.jsonl --removed contaminated.jsonl --report contamination.json

Items are JSON lines with a question, prompt or messages, and options if they have any. Lines that are kept are written as they
came. Files appear whole or not at all.
"""

import argparse
import json
import os
import sys
import time
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import Any

from data_tools.corpus.contamination.config import ContaminationConfig
from data_tools.corpus.contamination.index import Index, build_index
from data_tools.corpus.contamination.items import read_items
from data_tools.corpus.contamination.run import Tally, count, dropped_row, find_phrases, read_through, report_of
from data_tools.corpus.packed import check_name, packed_lines
from data_tools.corpus.places import check_outputs, exit_code
from data_tools.corpus.rows import Corpus, corpus_of, write_refused
from data_tools.corpus.settings import add_options, from_options
from megatron_qm.errors import UserError
from megatron_qm.files import atomic_write, write_json

_MOST_WORKERS = 4096


def main(argv: list[str] | None = None) -> int:
    args = _arguments(argv)
    return exit_code(lambda: _tell(args, decontaminate(args, from_options(args, ContaminationConfig))))


def _tell(args: argparse.Namespace, report: dict[str, Any]) -> None:
    for name, found in report["sets"].items():
        print(f"{name}: {found['items_found']:,} of {found['looked_for']:,} items in {found['documents']:,} documents; "
              f"{len(found['too_short']):,} items are too short to be looked for")
    print(f"{args.output}: {report['kept']:,} documents of {report['documents']:,}; {report['refused']:,} lines held none")


def decontaminate(args: argparse.Namespace, config: ContaminationConfig) -> dict[str, Any]:
    """Write all files, the output last, and return the report."""
    sets = _sets(args.against)
    corpus = corpus_of(args.input)
    check_name(args.output, f"--output {args.output}")
    outputs = {"--output": args.output, "--removed": args.removed, "--report": args.report, "--rejects": args.rejects}
    check_outputs(outputs, [*(file.path for file in corpus.files), *sets.values()], args.overwrite)
    began = time.monotonic()
    items = {name: read_items(path) for name, path in sets.items()}
    index = build_index(items, config)
    index = build_index(items, config, find_phrases(corpus, index, args.workers))
    tally = _write(args, corpus, index)
    report = {"config": asdict(config), **report_of(tally, index, {name: len(some) for name, some in items.items()})}
    report["seconds"] = round(time.monotonic() - began, 3)
    if args.report:
        write_json(args.report, report)
    return report


def _write(args: argparse.Namespace, corpus: Corpus, index: Index) -> Tally:
    """Documents that are kept and those that are not; files appear when both are whole."""
    tally = Tally()
    with ExitStack() as files:
        kept = files.enter_context(packed_lines(args.output))
        removed = files.enter_context(atomic_write(args.removed) if args.removed else open(os.devnull, "wb"))
        for outcome in read_through(corpus, index, args.workers):
            kept.write(outcome.kept)
            for dropped in outcome.dropped:
                removed.write(json.dumps(dropped_row(corpus, index, dropped), ensure_ascii=False).encode() + b"\n")
            count(tally, corpus, index, outcome)
        corpus.check_unchanged()
        if args.rejects:
            write_refused(corpus, tally.refused, args.rejects)
    return tally


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
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--input", nargs="+", action="extend", required=True, metavar="FILE",
                        help="JSON lines with a key text, also .gz, .bz2, .xz, .zst; globs")
    parser.add_argument("--against", nargs="+", action="extend", required=True, metavar="NAME=FILE",
                        help="JSON lines of an evaluation's items, and the name that reports have for it")
    parser.add_argument("--output", type=Path, required=True, metavar="FILE", help="the lines that are kept")
    parser.add_argument("--removed", type=Path, metavar="FILE",
                        help="a line {id, items: [{set, item, share}]} for each that is not")
    parser.add_argument("--rejects", type=Path, metavar="FILE", help="a line {file, line, reason} for each that is no document")
    parser.add_argument("--report", type=Path, metavar="FILE", help="counts by set and item, and samples, as JSON")
    parser.add_argument("--overwrite", action="store_true", help="replace these files where they are there")
    parser.add_argument("--workers", type=int, default=1, metavar="N", help="processes (%(default)s)")
    add_options(parser, ContaminationConfig)
    args = parser.parse_args(argv)
    if not 1 <= args.workers <= _MOST_WORKERS:
        parser.error(f"--workers {args.workers}: 1 to {_MOST_WORKERS:,} is meant")
    return args


if __name__ == "__main__":
    sys.exit(main())
