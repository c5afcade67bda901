"""A step over documents as a command of its own on JSON lines.

    if __name__ == "__main__":
        sys.exit(step_command("clean", __doc__, CleanConfig, cleaner))
"""

import argparse
import logging
import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, is_dataclass
from itertools import accumulate
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeVar

from data_tools.corpus.arguments import add_workers
from data_tools.corpus.counts import StepCounts
from data_tools.corpus.document import Step
from data_tools.corpus.packed import check_name, packed_lines
from data_tools.corpus.places import check_outputs, exit_code
from data_tools.corpus.reading import TEXT, ReadAs
from data_tools.corpus.report import step_report
from data_tools.corpus.samples import Sample, chosen
from data_tools.corpus.settings import add_options, from_options
from data_tools.corpus.steps import Pass, StepOf
from data_tools.corpus.workers import outcomes
from data_tools.options import check_texts, check_workers
from data_tools.progress import Progress
from data_tools.rejects import RejectsFile
from data_tools.sources.blocks import Position
from data_tools.sources.inputs import Input, find_inputs, shares_of
from data_tools.sources.parquet import check_parquet
from data_tools.sources.read import read_blocks
from data_tools.stopping import StopRequest
from megatron_qm.errors import UserError
from megatron_qm.files import publish, write_json

log = logging.getLogger(__name__)

Config = TypeVar("Config")
_BLOCK_BYTES = 1 << 20
LONGEST_DOCUMENT = 32 << 20


def step_command(
    name: str, doc: str, kind: type[Config], maker: Callable[[Config], Step], argv: Sequence[str] | None = None,
    beside: Mapping[str, Path | None] | None = None,
) -> int:
    """Run the command line of the step `name`, whose config is of class `kind`. doc: what --help says first.
    beside: what the caller writes besides, by option: asked for as the step's own outputs are.

    The exit code is 2 for what the user can mend, 128 + signal after a clean stop.
    """
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    args = step_parser(name, doc, kind).parse_args(argv)
    return exit_code(lambda stop: run_step(StepOf(name, maker, from_options(args, kind)), files_of(args), stop, beside or {}))


def step_parser(name: str, doc: str, kind: type) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=f"{name}.py", description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    _add_files(parser)
    add_options(parser, kind)
    return parser


@dataclass(frozen=True)
class Files:
    """See `_add_files`."""

    input: list[str]
    output: Path
    overwrite: bool = False
    report: Path | None = None
    rejects: Path | None = None
    workers: int = 1
    text_key: str = TEXT
    max_document_bytes: int = LONGEST_DOCUMENT

    def __post_init__(self) -> None:
        """Raises UserError for values out of range."""
        check_workers(self.workers)
        check_texts(self.text_key, self.max_document_bytes)
        check_name(self.output, f"--output {self.output}")


def _add_files(parser: argparse.ArgumentParser) -> None:
    files = parser.add_argument_group("what goes in and out")
    files.add_argument("--input", nargs="+", action="extend", required=True, metavar="FILE",
                       help="JSON lines (also .gz, .bz2, .xz or .zst), Parquet, or text, a document per file; globs")
    files.add_argument("--output", type=Path, required=True, metavar="FILE",
                       help="JSON lines in the order of the input, compressed as the name says")
    files.add_argument("--overwrite", action="store_true", help="replace files that are there")
    files.add_argument("--report", type=Path, metavar="FILE", help="JSON of counts, times and samples of what was dropped")
    files.add_argument("--rejects", type=Path, metavar="FILE", help="JSON lines: file, line and reason of what could not be read")
    files.add_argument("--text-key", default=TEXT, metavar="KEY", help="field or column with the text (%(default)s)")
    files.add_argument("--max-document-bytes", type=int, default=LONGEST_DOCUMENT, metavar="N",
                       help="longer lines are rejected (%(default)s)")
    add_workers(files, "processes; the output does not depend on it")


def files_of(args: argparse.Namespace) -> Files:
    """Of parsed arguments. Raises UserError as Files does."""
    return Files(**{name: getattr(args, name) for name in Files.__dataclass_fields__})


def run_step(step: StepOf, files: Files, stop: StopRequest, beside: Mapping[str, Path | None] = MappingProxyType({})) -> None:
    """Raises UserError for what the user can mend and Interrupted when `stop` was requested; then nothing is written."""
    inputs = find_inputs(files.input, None, "file")
    for item in inputs:
        if item.kind == "parquet":
            check_parquet(item, files.text_key)
    outputs = {"--output": files.output, "--report": files.report, "--rejects": files.rejects, **beside}
    check_outputs(outputs, [*(item.path for item in inputs), *_files_named(step.config)], files.overwrite)
    run = _Run(step, files, inputs)
    rejects = _aside(files.rejects or files.output.with_name(f"{files.output.name}.rejects"))
    try:
        with packed_lines(_aside(files.output)) as output:
            run.write(output.write, rejects, stop)
        _publish(files, rejects, run.report())
    finally:
        for path in (rejects, _aside(files.output)):
            path.unlink(missing_ok=True)
    log.info("%s", run.in_words())


def _files_named(config: object) -> Iterator[Path]:
    """What a step reads besides, such as a key or rules: every file that a value of its config names."""
    for value in vars(config).values():
        if is_dataclass(value):
            yield from _files_named(value)
        elif isinstance(value, str) and os.path.isfile(value):
            yield Path(value)


class _Run:
    def __init__(self, step: StepOf, files: Files, inputs: Sequence[Input]) -> None:
        self._step, self._files, self._inputs = step, files, inputs
        self._counts = [StepCounts(), StepCounts()]  # of reading and of the step
        self._samples: list[Sample] = []
        self._began = time.monotonic()

    def write(self, write: Callable[[bytes], Any], rejects_path: Path, stop: StopRequest) -> None:
        shares = shares_of(self._inputs, 0, 1)
        work = Pass([ReadAs(item, self._files.text_key, self._files.text_key) for item in self._inputs], [self._step],
                    self._files.max_document_bytes)  # fmt: skip
        blocks = read_blocks(self._inputs, shares, Position(0, 0, 0), None, _BLOCK_BYTES, work.limit)
        rejects = RejectsFile(rejects_path, self._inputs, {share.input: share for share in shares})
        before = list(accumulate((item.size for item in self._inputs), initial=0))
        progress = Progress(before[-1])
        results = outcomes(work, blocks, self._files.workers)
        try:
            for outcome in results:
                write(outcome.data)
                rejects.append(outcome.input, outcome.rejects)
                for counts, more in zip(self._counts, outcome.counts, strict=True):
                    counts.add(more)
                self._samples = chosen([*self._samples, *outcome.samples[1]])
                progress.add(outcome.counts[0].documents, 0, outcome.counts[0].bytes, before[outcome.input] + outcome.consumed)
                stop.check("stopped; nothing was written")
            rejects.sync()
        finally:
            results.close()
            progress.close()
            rejects.close()
        self._judge()

    def report(self) -> dict[str, object]:
        return step_report(self._step, self._inputs, self._counts, self._samples, time.monotonic() - self._began)

    def in_words(self) -> str:
        read, step = self._counts
        dropped = ", ".join(f"{count:,} {reason}" for reason, count in step.dropped.most_common())
        rejected = ", ".join(f"{count:,} {reason}" for reason, count in read.rejected.most_common())
        parts = [f"{self._files.output}: {step.kept:,} of {read.documents:,} documents kept, {step.changed:,} of them changed"]
        parts += [f"dropped: {dropped}"] if dropped else []
        parts += [f"rejected: {rejected}"] if rejected else []
        return "; ".join(parts)

    def _judge(self) -> None:
        """Raises UserError where no line gave a document."""
        for item in self._inputs:
            item.check_unchanged()
        read = self._counts[0]
        if not read.kept:
            reasons = ", ".join(f"{count:,} {reason}" for reason, count in read.rejected.most_common()) or "it is empty"
            raise UserError(f"--input {self._inputs[0].path}: holds no document: {reasons}; nothing was written")


def _aside(path: Path) -> Path:
    """Where it is written; ends as it does, so that it is compressed alike."""
    return path.with_name(f".{os.getpid()}.{path.name}")


def _publish(files: Files, rejects: Path, report: dict[str, object]) -> None:
    """The output last: where it is, what tells of it is there, too."""
    if files.overwrite:
        files.output.unlink(missing_ok=True)
    if files.rejects:
        publish(rejects, files.rejects)
    if files.report:
        write_json(files.report, report)
    publish(_aside(files.output), files.output)
