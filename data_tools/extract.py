#!/usr/bin/env python3
"""Documents of HTML, WARC, text, PDF, scans (PNG, JPEG, TIFF) and XML of drug inserts, as JSON lines.

    python data_tools/extract.py --input 'raw/**/*.pdf' pages.warc.gz --output documents.jsonl.zst --rejects bad.jsonl

A file's format is told by what it holds. What cannot be read is listed in --rejects with file, place and reason; the run goes on.
The output has the order of the input, and is there whole or not at all.
"""

import argparse
import glob
import json
import os
import shutil
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

if __name__ == "__main__":  # as a script: the imports below are found from the repository, not from this folder
    sys.path[0] = str(Path(__file__).resolve().parents[1])

from data_tools.corpus.arguments import add_input, add_overwrite, add_workers, parsed, parser_of
from data_tools.corpus.packed import check_name, packed_lines
from data_tools.corpus.places import STOPPED, check_outputs, exit_code, working_folder
from data_tools.corpus.readers.child import Job
from data_tools.corpus.readers.item import ReadLimits, Unread
from data_tools.corpus.readers.many import ReadCounts, Reading
from data_tools.corpus.report import rate
from data_tools.corpus.settings import add_options, from_options
from data_tools.progress import Progress
from data_tools.stopping import StopRequest
from megatron_qm.errors import UserError
from megatron_qm.files import atomic_write, publish, write_json

FORMAT = "megatron-qm corpus extract 1"


def main(argv: list[str] | None = None) -> int:
    args = _arguments(argv)
    return exit_code(lambda stop: extract(args, from_options(args, ReadLimits), stop))


def extract(args: argparse.Namespace, limits: ReadLimits, stop: StopRequest) -> None:
    """Raises UserError where nothing gave a document, or the user can mend something; then nothing is written."""
    check_name(args.output, f"--output {args.output}")
    paths = files_of(args.input)
    check_outputs({"--output": args.output, "--report": args.report, "--rejects": args.rejects}, paths, args.overwrite)
    began = time.monotonic()
    with working_folder(args.output, ".extract") as folder:
        output, rejects = folder / args.output.name, folder / "rejects"
        counts = _read(args, limits, paths, output, rejects, stop)
        if not counts.documents:
            raise UserError(f"--input {paths[0]}: no document in {len(paths):,} files: {_in_words(counts)}; nothing was written")
        if args.rejects:
            publish(rejects, args.rejects)
        if args.report:
            write_json(args.report, _report(limits, counts, time.monotonic() - began))
        publish(output, args.output)
    said = f"{counts.documents:,} documents of {counts.files:,} files; rejected: {_in_words(counts)}"
    print(f"{args.output}: {said}", file=sys.stderr)
    if counts.wrongly_named:
        first = counts.wrong_names[0]
        print(f"{counts.wrongly_named:,} files are not what their names say, such as {first['file']}, which is {first['is']}",
              file=sys.stderr)


def _read(
    args: argparse.Namespace, limits: ReadLimits, paths: Sequence[Path], output: Path, rejects: Path, stop: StopRequest
) -> ReadCounts:
    progress = Progress(len(paths))
    done = documents = size = 0
    with packed_lines(output) as lines, atomic_write(rejects) as bad:
        def reject(path: Path, unread: Unread) -> None:
            row = {"file": str(path), **unread.at, "reason": unread.reason, "detail": unread.detail}
            bad.write(json.dumps(row, ensure_ascii=False).encode(errors="backslashreplace") + b"\n")

        reading = Reading(limits, args.workers, output.parent, lambda part: shutil.copyfileobj(part, lines), reject)
        for done in reading.run([Job(path, _name(path)) for path in paths]):
            progress.add(reading.counts.documents - documents, 0, reading.counts.bytes - size, done)
            documents, size = reading.counts.documents, reading.counts.bytes
            stop.check(STOPPED)
        progress.close()
    return reading.counts


def files_of(patterns: Sequence[str]) -> list[Path]:
    """In the order given, the matches of a glob by name; one that is named twice is read once. Raises UserError."""
    found: dict[str, Path] = {}
    for pattern in patterns:
        matches = [pattern] if os.path.exists(pattern) else sorted(glob.glob(pattern, recursive=True))
        files = [match for match in matches if os.path.isfile(match)]
        if not files:
            what = "is a folder; name its files, for example with /**/*" if os.path.isdir(pattern) else "matches no file"
            raise UserError(f"--input {pattern}: {what}")
        for file in files:
            found.setdefault(os.path.realpath(file), Path(file))
    return list(found.values())


def _name(path: Path) -> str:
    """Of a file in an id. A name may hold bytes that are no text."""
    return os.fsencode(path).decode(errors="backslashreplace")


def _report(limits: ReadLimits, counts: ReadCounts, seconds: float) -> dict[str, object]:
    return {"format": FORMAT, "config": asdict(limits), "files": counts.files, "documents": counts.documents,
            "bytes": counts.bytes, "formats": dict(sorted(counts.formats.items())),
            "rejected": dict(sorted(counts.rejected.items())), "wrongly_named": counts.wrongly_named,
            "wrong_names": counts.wrong_names, "seconds": round(seconds, 3), "MB/s": rate(counts.bytes, seconds)}  # fmt: skip


def _in_words(counts: ReadCounts) -> str:
    return ", ".join(f"{count:,} {reason}" for reason, count in counts.rejected.most_common()) or "none"


def _arguments(argv: list[str] | None) -> argparse.Namespace:
    parser = parser_of(__doc__)
    add_input(parser, "files; globs, ** for folders")
    parser.add_argument("--output", type=Path, required=True, metavar="FILE", help="JSON lines, compressed as the name says")
    parser.add_argument("--rejects", type=Path, metavar="FILE", help="JSON lines: file, offset, page or line, reason and detail")
    parser.add_argument("--report", type=Path, metavar="FILE", help="counts and seconds as JSON")
    add_overwrite(parser)
    add_workers(parser, "processes that read")
    add_options(parser, ReadLimits)
    return parsed(parser, argv)


if __name__ == "__main__":
    sys.exit(main())
