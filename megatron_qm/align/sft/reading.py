"""Samples from files of JSON lines."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from megatron_qm.align.sft.conversations import UnusableError
from megatron_qm.align.sft.formats import Ignore
from megatron_qm.json_lines import parse_line, raw_lines

T = TypeVar("T")
Parse = Callable[[object, str, int, Ignore], T]  # a JSON value, its file and line, keys to ignore


@dataclass(frozen=True)
class Rejected:
    path: str
    line: int
    kind: str  # the same for all with this fault
    reason: str


def read_lines(path: Path, ignore: Ignore, parse: Parse[T]) -> Iterator[T | Rejected]:
    """Every line of `path` that is not blank, in order: what `parse` makes of it, or Rejected with the reason.

    Raises UserError where the file cannot be opened or read, or has a line that is no sample's (json_lines.LONGEST_LINE).
    """
    for number, raw in raw_lines(path):
        if raw.strip():
            yield _read(raw, str(path), number, ignore, parse)


def _read(raw: bytes, path: str, number: int, ignore: Ignore, parse: Parse[T]) -> T | Rejected:
    try:
        return parse(_line(raw), path, number, ignore)
    except UnusableError as error:
        return Rejected(path, number, error.kind, str(error))


def _line(raw: bytes) -> object:
    try:
        return parse_line(raw)
    except ValueError as error:
        raise UnusableError("no line of JSON", str(error)) from None
