"""Triples of CSV and TSV with a header."""

import csv
import json
from collections.abc import Iterable, Iterator, Mapping

from megatron_qm.errors import UserError
from megatron_qm.json_types import JsonObject

_PARTS = ("subject", "predicate", "object")
COLUMNS = (*_PARTS, "negated", "qualifiers", "source", "licence", "language")
QUALIFIER = "qualifier:"  # what the name of a qualifier's column begins with
_TRUE, _FALSE = {"true", "1", "yes", "y", "是", "否定"}, {"false", "0", "no", "n", "否", "肯定", ""}


def read_table(
    lines: Iterable[tuple[int, bytes | str]], file: str, delimiter: str, columns: Mapping[str, str]
) -> Iterator[tuple[int, JsonObject | str]]:
    """Rows by the line at which they end. Raises UserError where there is no column for a part of a triple."""
    feed = _Feed(lines)
    rows = csv.reader(feed, delimiter=delimiter, strict=True)
    places: dict[str, int] | None = None
    while True:
        try:
            row = next(rows)
        except StopIteration:
            break
        except csv.Error as error:
            yield feed.line, f"no row of a table: {error}"
            rows = csv.reader(feed, delimiter=delimiter, strict=True)
            continue
        yield from feed.faults()
        if places is None:
            places, width = _places(row, file, columns), len(row)
        elif len(row) != width:
            yield feed.line, f"has {len(row)} fields, and the header {width}"
        else:
            yield feed.line, _record(row, places)
    yield from feed.faults()
    if places is None:
        raise UserError(f"{file}: is empty; a table with a header is meant")


class _Feed:
    """Lines as text, for csv; keeps the number of the last, and what could not be read."""

    def __init__(self, lines: Iterable[tuple[int, bytes | str]]) -> None:
        self._lines = iter(lines)
        self._faults: list[tuple[int, str]] = []
        self.line = 0

    def __iter__(self) -> "_Feed":
        return self

    def __next__(self) -> str:
        for number, line in self._lines:
            self.line = number
            if isinstance(line, str):
                self._faults.append((self.line, line))
                continue
            try:
                return line.decode("utf-8-sig" if self.line == 1 else "utf-8") + "\n"
            except UnicodeDecodeError as error:
                self._faults.append((self.line, f"invalid UTF-8: byte 0x{error.object[error.start]:02x} at {error.start}"))
        raise StopIteration

    def faults(self) -> Iterator[tuple[int, str]]:
        found, self._faults = self._faults, []
        yield from found


def _places(header: list[str], file: str, columns: Mapping[str, str]) -> dict[str, int]:
    names = [name.strip() for name in header]
    places = {}
    for key in COLUMNS:
        name = columns.get(key, key)
        if name in names:
            places[key] = names.index(name)
        elif key in columns or key in _PARTS:
            raise UserError(
                f"{file}:1: has no column {name!r} for the {key}; its columns are {', '.join(names)[:300]}: name one "
                f"with --columns {key}=COLUMN"
            )
    return places | {name: place for place, name in enumerate(names) if name.startswith(QUALIFIER)}


def _record(row: list[str], places: Mapping[str, int]) -> JsonObject | str:
    found: JsonObject = {}
    qualifiers: JsonObject = {}
    for key, place in places.items():
        value = row[place].strip()
        if key == "negated":
            if value.casefold() not in _TRUE | _FALSE:
                return f"negated = {value!r:.60} is neither true nor false"
            found[key] = value.casefold() in _TRUE
        elif key == "qualifiers" and value:
            try:
                qualifiers |= json.loads(value)
            except (ValueError, TypeError, RecursionError):
                return f"qualifiers = {value!r:.60} is no JSON object"
        elif key.startswith(QUALIFIER) and value:
            qualifiers[key.removeprefix(QUALIFIER)] = value
        elif value or key in _PARTS:
            found[key] = value
    return found | {"qualifiers": qualifiers} if qualifiers else found
