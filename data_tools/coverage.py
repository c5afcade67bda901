#!/usr/bin/env python3
"""Which points of knowledge a corpus covers, which are missing, and probes of them for `megatron-qm evaluate`.

    python data_tools/coverage.py --corpus corpus/*.jsonl.zst --points points.jsonl --output coverage.json \\
        --missing todo.jsonl --probes probes.jsonl --html coverage.html

A point is a JSON line {id, kind: factual | conceptual | procedural, language, terms[, question, answer, relation]}; a term is a
phrase, or a list of phrases of which any will do.
"""

import argparse
import sys
from functools import partial
from pathlib import Path
from typing import Any

if __name__ == "__main__":  # as a script: the imports below are found from the repository, not from this folder
    sys.path[0] = str(Path(__file__).resolve().parents[1])

from data_tools.corpus.arguments import LINES, add_input, add_overwrite, add_workers, parsed, parser_of
from data_tools.corpus.coverage.probes import probes_of
from data_tools.corpus.coverage.run import count_rows, looked_through, render
from data_tools.corpus.places import STOPPED, check_outputs, exit_code
from data_tools.corpus.rows import corpus_of
from data_tools.stopping import StopRequest
from megatron_qm.files import write_json, write_json_lines

_MOST_WITHIN = 1_000_000


def main(argv: list[str] | None = None) -> int:
    args = _arguments(argv)
    return exit_code(lambda stop: _tell(args, coverage(args, stop)))


def _tell(args: argparse.Namespace, report: dict[str, Any]) -> None:
    for name, of in {"all": report["all"], **report["by kind"]}.items():
        if of["points"]:
            low, high = of["interval"]
            print(f"{name}: {of['covered']:,} of {of['points']:,} points, {of['share']:.1%} ({low:.1%} to {high:.1%})")
    print(f"{args.output}: {report['documents']:,} documents, {report['MB/s']} MB/s")


def coverage(args: argparse.Namespace, stop: StopRequest) -> dict[str, Any]:
    """Write all files, the report last, and return it."""
    corpus = corpus_of(args.corpus, between=partial(stop.check, STOPPED))
    outputs = {
        "--output": args.output,
        "--missing": args.missing,
        "--probes": args.probes,
        "--counts": args.counts,
        "--html": args.html,
    }
    check_outputs(outputs, [*(file.path for file in corpus.files), args.points], args.overwrite)
    points, tally, report, missing = looked_through(corpus, args.points, args.within, args.workers)
    probes = list(probes_of(points, args.seed)) if args.probes else []
    report["probes"] = {"written": len(probes), "points with a question": sum(bool(one.question) for one in points)}
    for path, rows in ((args.missing, missing), (args.probes, probes), (args.counts, count_rows(points, tally))):
        if path:
            write_json_lines(path, rows)
    if args.html:
        render(report, missing, args.html)
    write_json(args.output, report)
    return report


def _arguments(argv: list[str] | None) -> argparse.Namespace:
    parser = parser_of(__doc__)
    add_input(parser, LINES, "--corpus")
    parser.add_argument("--points", type=Path, required=True, metavar="FILE", help="JSON lines of points")
    parser.add_argument("--output", type=Path, required=True, metavar="FILE", help="shares by kind and language, as JSON")
    parser.add_argument("--missing", type=Path, metavar="FILE", help="the to-do list: JSON lines of points that are not covered")
    parser.add_argument("--probes", type=Path, metavar="FILE", help="questions for megatron-qm evaluate --probes")
    parser.add_argument("--counts", type=Path, metavar="FILE", help="a line {id, kind, language, documents} for each point")
    parser.add_argument("--html", type=Path, metavar="FILE", help="the report as a page")
    add_overwrite(parser)
    parser.add_argument(
        "--within", type=int, default=300, metavar="N", help="characters in which a point's terms stand (%(default)s)"
    )
    parser.add_argument("--seed", type=int, default=0, help="of the probes (%(default)s)")
    add_workers(parser)
    return parsed(parser, argv, within=_MOST_WITHIN)


if __name__ == "__main__":
    sys.exit(main())
