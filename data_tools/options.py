"""What the command line of preprocessing can say, and which of it contradicts itself."""

import argparse
import math
import os
from dataclasses import dataclass
from pathlib import Path

from data_tools.sources.inputs import FORMATS
from megatron_qm.errors import UserError

_MIB = 1 << 20
MOST_WORKERS = 4096
_MOST_SHARDS = 1_000_000


@dataclass(frozen=True)
class Options:
    """See `add_arguments` for the meaning of each."""

    input: list[str]
    output_prefix: str
    tokenizer: str
    text_key: str = "text"
    format: str | None = None
    text_documents: str = "line"
    append_eod: bool = False
    eod_token: str | None = None
    add_special_tokens: bool = False
    split_special_tokens: bool = False
    engine: str = "auto"
    max_document_bytes: int = 32 * _MIB
    max_bad_fraction: float = 0.01
    allow_damaged: bool = False
    rejects: str | None = None
    shard_index: int | None = None
    shard_count: int | None = None
    workers: int = 1
    commit_seconds: float = 10.0
    resume: bool = False
    overwrite: bool = False
    verify: bool = False
    block_bytes: int = _MIB  # read at once; has no effect on what is written

    def __post_init__(self) -> None:
        """Raises UserError for values out of range and for options that contradict each other."""
        check_prefix(self.output_prefix)
        _check_shard(self.shard_index, self.shard_count)
        if self.eod_token is not None and not self.append_eod:
            raise UserError("--eod-token without --append-eod: say both, or neither")
        if self.add_special_tokens and self.split_special_tokens:
            raise UserError("--add-special-tokens and --split-special-tokens contradict each other")
        if self.resume and self.overwrite:
            raise UserError("--resume continues an unfinished run and --overwrite throws it away: choose one")
        if not 0 <= self.max_bad_fraction <= 1 or math.isnan(self.max_bad_fraction):
            raise UserError(f"--max-bad-fraction {self.max_bad_fraction}: a fraction between 0 and 1 is meant")
        check_workers(self.workers)
        check_texts(self.text_key, self.max_document_bytes)
        if self.commit_seconds < 0 or not math.isfinite(self.commit_seconds):
            raise UserError(f"--commit-seconds {self.commit_seconds}: 0 or more is meant")
        for flag, value in (("--text-key", self.text_key), ("--eod-token", self.eod_token or "")):
            if value != value.encode(errors="replace").decode():
                raise UserError(f"{flag} {value!r}: is not UTF-8, as every text is")

    @property
    def shard(self) -> tuple[int, int]:
        """(index, count); (0, 1) for a run that is no shard."""
        return (self.shard_index or 0, self.shard_count or 1)

    def that_shape_the_data(self) -> dict[str, object]:
        """The options that decide which bytes are written."""
        names = ("text_key", "format", "text_documents", "append_eod", "eod_token", "add_special_tokens",
                 "split_special_tokens", "max_document_bytes")  # fmt: skip
        return {name: getattr(self, name) for name in names}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    need = parser.add_argument_group("what goes in and out")
    need.add_argument("--input", nargs="+", action="extend", required=True, metavar="FILE",
                      help="JSON lines, plain text (each also .gz, .bz2, .xz or .zst) or Parquet; globs; may be repeated")
    need.add_argument("--output-prefix", required=True, metavar="PREFIX",
                      help="PREFIX.bin, PREFIX.idx, PREFIX.json (manifest) and PREFIX.rejects are written")
    need.add_argument("--tokenizer", required=True, metavar="PATH", help="a folder with tokenizer.json, or that file")
    text = parser.add_argument_group("reading")
    text.add_argument("--text-key", default="text", metavar="KEY", help="field or column with the text (%(default)s)")
    text.add_argument("--format", choices=FORMATS, help="of all inputs, whatever their names say")
    text.add_argument("--text-documents", choices=("line", "file"), default="line",
                      help="plain text: one document per line, or per file (%(default)s)")
    text.add_argument("--max-document-bytes", type=int, default=Options.max_document_bytes, metavar="N",
                      help="longer lines are rejected (%(default)s)")
    text.add_argument("--max-bad-fraction", type=float, default=Options.max_bad_fraction, metavar="F",
                      help="stop when more of the lines than this are rejected (%(default)s)")
    text.add_argument("--allow-damaged", action="store_true",
                      help="go on where a file is cut or corrupt: keep what can be read of it, and say what cannot")
    text.add_argument("--rejects", metavar="FILE", help="where rejected lines are listed (PREFIX.rejects); a file "
                      "that is there is replaced with --overwrite only, and if it is such a list")
    tokens = parser.add_argument_group("tokenising")
    tokens.add_argument("--append-eod", action="store_true", help="end every document with the end-of-document token")
    tokens.add_argument("--eod-token", metavar="TOKEN", help="that token, where it is not the tokenizer's eos_token")
    tokens.add_argument("--add-special-tokens", action="store_true", help="add BOS and the like as the tokenizer would")
    tokens.add_argument("--split-special-tokens", action="store_true",
                        help="read '<|endoftext|>' and the like in the data as plain text, not as special tokens")
    tokens.add_argument("--engine", choices=("auto", "hf"), default="auto",
                        help="auto: fastokens where it supports the tokenizer; hf: HF tokenizers (slow)")
    run = parser.add_argument_group("running")
    run.add_argument("--workers", type=int, default=_cores(), metavar="N",
                     help="threads that tokenise; the output does not depend on it (%(default)s: all cores)")
    run.add_argument("--shard-index", type=int, metavar="I", help="do part I (from 0) of --shard-count only")
    run.add_argument("--shard-count", type=int, metavar="N", help="into how many parts the inputs are cut")
    run.add_argument("--resume", action="store_true", help="continue an unfinished run; start one if there is none")
    run.add_argument("--overwrite", action="store_true", help="replace PREFIX.* and throw an unfinished run away")
    run.add_argument("--commit-seconds", type=float, default=Options.commit_seconds, metavar="S",
                     help="how much work a kill may cost (%(default)s)")
    run.add_argument("--verify", action="store_true",
                     help="then (or of a dataset that is there already) check sums and index, and tokenise all again")


def from_arguments(args: argparse.Namespace) -> Options:
    """Options of parsed arguments. Raises UserError as Options does."""
    names = Options.__dataclass_fields__.keys() & vars(args).keys()
    return Options(**{name: getattr(args, name) for name in names})


def check_prefix(prefix: str) -> None:
    """Raise UserError for a prefix that cannot be one."""
    if prefix.endswith((".bin", ".idx", ".json")):
        raise UserError(f"--output-prefix {prefix}: give it without {Path(prefix).suffix}")
    if not prefix or prefix.endswith("/") or os.path.isdir(prefix):
        name = os.path.join(prefix, "medical")
        raise UserError(f"--output-prefix {prefix!r}: is a folder; add a name for the dataset, as in {name}")


def check_workers(workers: int) -> None:
    """Raise UserError for a number out of range."""
    if not 1 <= workers <= MOST_WORKERS:
        raise UserError(f"--workers {workers}: 1 to {MOST_WORKERS} is meant")


def check_texts(text_key: str, max_document_bytes: int) -> None:
    """Raise UserError for texts that could not be read."""
    if not 1 <= max_document_bytes <= 1 << 30:
        raise UserError(f"--max-document-bytes {max_document_bytes}: between 1 and {1 << 30} (1 GiB) is meant")
    if not text_key:
        raise UserError("--text-key is empty: it names the field that holds the text")


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _check_shard(index: int | None, count: int | None) -> None:
    if (index is None) != (count is None):
        raise UserError("--shard-index and --shard-count belong together: give both, or neither")
    if count is not None and not 1 <= count <= _MOST_SHARDS:
        raise UserError(f"--shard-count {count}: 1 to {_MOST_SHARDS:,} is meant")
    if count is not None and index is not None and not 0 <= index < count:
        raise UserError(f"--shard-index {index}: with --shard-count {count} it is 0 to {count - 1}")
