"""Lines of JSON from somebody else's file."""

import itertools
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from megatron_qm.errors import UserError
from megatron_qm.json_types import JsonObject, parse_json

LONGEST_LINE = 64 << 20  # bytes: a file without line ends, or a device that has none, is not read until memory is full


def raw_lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """(number, bytes with the line's end) of all lines, blank ones too. Raises UserError with the file for what cannot be read,
    and with the line for one over LONGEST_LINE."""
    try:
        with open(path, "rb") as file:
            for number in itertools.count(1):
                line = file.readline(LONGEST_LINE + 1)
                if not line:
                    return
                if len(line) > LONGEST_LINE:
                    raise UserError(f"{path}:{number}: the line has more than {LONGEST_LINE:,} bytes, and none of JSON lines is "
                                    "meant to: is it the right file, with an object on each line?")
                yield number, line
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror}") from None


def json_rows(path: Path) -> Iterator[tuple[int, JsonObject]]:
    """(number of the line, object) of all lines that are not blank. Raises UserError with file and line."""
    for number, line in raw_lines(path):
        if line.strip():
            try:
                row = parse_line(line)
            except (ValueError, RecursionError) as error:
                raise UserError(f"{path}:{number}: is no JSON: {str(error)[:300]}") from None
            if not isinstance(row, dict):
                raise UserError(f"{path}:{number}: is not a JSON object")
            yield number, row


@contextmanager
def told_with_line(path: Path, number: int) -> Iterator[None]:
    """What is wrong with a row (ValueError, or nested too deep to be shown) becomes a UserError with file and line."""
    try:
        yield
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path}:{number}: {str(error)[:300]}") from None


def parse_line(line: bytes) -> object:
    """The value of a line in UTF-8, with or without a byte order mark. Raises ValueError in words for a user; a key that is given
    twice, and half a surrogate pair, which JSON can write and no tokenizer reads, are refused too."""
    value: object = parse_json(line.decode("utf-8-sig"), _once)
    if b"\\ud" in line.lower():
        try:
            json.dumps(value, ensure_ascii=False).encode("utf-8")
        except UnicodeEncodeError as error:
            raise ValueError(f"holds half a surrogate pair, {ascii(error.object[error.start])}: no text") from None
    return value


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) < len(pairs):
        keys = [key for key, _ in pairs]
        raise ValueError(f"the key {next(key for key in keys if keys.count(key) > 1)!r:.60} is given twice")
    return found
