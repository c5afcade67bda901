"""Lines of JSON from somebody else's file."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from megatron_qm.errors import UserError
from megatron_qm.json_types import JsonObject, parse_json


def json_rows(path: Path) -> Iterator[tuple[int, JsonObject]]:
    """(number of the line, object) of all lines that are not blank. Raises UserError with file and line."""
    try:
        lines = Path(path).read_bytes().split(b"\n")
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror}") from None
    for number, line in enumerate(lines, start=1):
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
