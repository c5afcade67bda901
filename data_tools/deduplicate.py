#!/usr/bin/env python3
"""Remove exact and near-duplicate documents from JSON lines, and say of each which one is kept and how alike they are.

    python data_tools/deduplicate.py --input 'clean/*.jsonl' --output deduplicated.jsonl --removed removed.jsonl --best grade

Lines that are kept are written as they came. The same inputs in the same order give the same bytes, however many workers and
shards there are. Files appear whole or not at all.
"""

import argparse
import sys
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

if __name__ == "__main__":  # as a script: the imports below are found from the repository, not from this folder
    sys.path[0] = str(Path(__file__).resolve().parents[1])

from data_tools.corpus.arguments import LINES, add_input, add_overwrite, add_workers, parsed, parser_of
from data_tools.corpus.duplicates.config import DuplicatesConfig
from data_tools.corpus.duplicates.outcome import nearness, removed_rows, write_kept
from data_tools.corpus.duplicates.run import Found, find_duplicates
from data_tools.corpus.packed import check_name
from data_tools.corpus.places import STOPPED, check_outputs, exit_code, working_folder
from data_tools.corpus.report import sample_record
from data_tools.corpus.rows import Corpus, corpus_of, write_refused
from data_tools.corpus.settings import add_options, from_options
from data_tools.stopping import StopRequest
from megatron_qm.files import publish, write_json, write_json_lines

_MOST_SHARDS = 100_000


def main(argv: list[str] | None = None) -> int:
    args = _arguments(argv)
    return exit_code(lambda stop: _tell(args, deduplicate(args, from_options(args, DuplicatesConfig), stop)))


def _tell(args: argparse.Namespace, report: dict[str, Any]) -> None:
    print(f"{args.output}: {report['kept']:,} documents of {report['documents']:,}; gone as exact duplicates "
          f"{report['removed']['exact']:,}, as near ones {report['removed']['near']:,}; {report['refused']:,} lines held none")


def deduplicate(args: argparse.Namespace, config: DuplicatesConfig, stop: StopRequest) -> dict[str, Any]:
    """Write all files, the output last, and return the report. Raises UserError and Interrupted; then nothing is written."""
    check_name(args.output, f"--output {args.output}")
    outputs = {"--output": args.output, "--removed": args.removed, "--report": args.report, "--rejects": args.rejects}
    corpus = corpus_of(args.input, between=partial(stop.check, STOPPED))
    check_outputs(outputs, [file.path for file in corpus.files], args.overwrite)
    with working_folder(args.output, ".duplicates") as folder:
        found = find_duplicates(corpus, config, folder, args.workers, args.shards)
        return _write(args, config, corpus, found, folder)


def _write(args: argparse.Namespace, config: DuplicatesConfig, corpus: Corpus, found: Found, folder: Path) -> dict[str, Any]:
    removed, kept = folder / "removed.parquet", folder / f"kept{args.output.suffix}"
    written = write_kept(corpus, removed, found, kept)
    corpus.check_unchanged()
    report = {"config": asdict(config), **found.to_json(), "kept": written.counts.kept,
              "kept_bytes": written.counts.kept_bytes, "nearness": nearness(removed),
              "samples": [sample_record(one, corpus.files) for one in written.samples]}
    if args.removed:
        write_json_lines(args.removed, removed_rows(corpus, removed))
    if args.rejects:
        write_refused(corpus, found.refused, args.rejects)
    if args.report:
        write_json(args.report, report)
    publish(kept, args.output)
    return report


def _arguments(argv: list[str] | None) -> argparse.Namespace:
    parser = parser_of(__doc__)
    add_input(parser, f"{LINES}; of equals the first is kept")
    parser.add_argument("--output", type=Path, required=True, metavar="FILE", help="the lines that are kept")
    parser.add_argument("--removed", type=Path, metavar="FILE", help="a line {id, kept, jaccard, kind} for each that is not")
    parser.add_argument("--rejects", type=Path, metavar="FILE", help="a line {file, line, reason} for each that is no document")
    parser.add_argument("--report", type=Path, metavar="FILE", help="counts, seconds and samples as JSON")
    add_overwrite(parser)
    run = parser.add_argument_group("running")
    add_workers(run)
    run.add_argument("--shards", type=int, default=1, metavar="N", help="parts in which signatures are made (%(default)s)")
    add_options(parser, DuplicatesConfig)
    return parsed(parser, argv, shards=_MOST_SHARDS)


if __name__ == "__main__":
    sys.exit(main())
