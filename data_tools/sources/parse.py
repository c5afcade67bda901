"""From the lines of a block to texts: the fast way for clean blocks, line by line with reasons for the others."""

import json
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, TypeVar

import orjson

from data_tools.sources.blocks import (
    BROKEN_JSON,
    DAMAGED,
    EMPTY_LINE,
    EMPTY_TEXT,
    INVALID_UTF8,
    LONE_SURROGATE,
    MISSING_KEY,
    NOT_A_STRING,
    NOT_AN_OBJECT,
    NUL_BYTE,
    TOO_LONG,
    Block,
    Parsed,
    Reject,
)

if TYPE_CHECKING:
    import pyarrow

Item = TypeVar("Item")
Value = TypeVar("Value")

BOM = b"\xef\xbb\xbf"
_JSON_BLANKS = b" \t\r"


class BadLine(Exception):
    """(reason, detail) of a line that gives no document."""


def parse_block(block: Block, kind: str, text_key: str, limit: int) -> Parsed:
    """Texts of a block. `kind` is that of its input; `limit` is the longest document in bytes."""
    parsed = _parse(block, kind, text_key, limit)
    return parsed._replace(rejects=cut_by_damage(block, parsed.rejects))


def cut_by_damage(block: Block, rejects: list[Reject]) -> list[Reject]:
    """A line that ends where its file is damaged is not bad: it may be a document, or is a part of the damage."""
    if not block.damage or block.damage.harmless:
        return rejects
    return [Reject(line, DAMAGED, f"cut where the file is damaged ({reason})") for line, reason, _ in rejects]


def _parse(block: Block, kind: str, text_key: str, limit: int) -> Parsed:
    if block.fault:
        return Parsed([], [], [block.fault], 0)
    if not isinstance(block.data, bytes):
        return _parse_each(block, block.data, lambda cell: _cell(cell, limit))
    if kind == "file":
        return _parse_each(block, [without_mark(block)], plain)
    lines = lines_of(block)
    if len(block.data) > limit and max(map(len, lines), default=0) > limit:
        parse = _json if kind == "jsonl" else _plain_line
        return _parse_each(block, lines, lambda line: parse(short(line, limit), text_key))
    if kind == "text":
        return _parse_each(block, lines, lambda line: _plain_line(line, text_key))
    try:
        texts = [orjson.loads(line)[text_key] for line in lines]
        if all(texts) and set(map(type, texts)) == {str}:
            return Parsed(texts, range(block.first_line, block.first_line + len(texts)), [], len(block.data))
    except (ValueError, KeyError, TypeError, IndexError):
        pass  # some line is bad: the slow way below tells which, and why
    return _parse_each(block, lines, lambda line: _json(line, text_key))


def without_mark(block: Block) -> bytes:
    """Its bytes, without a byte order mark."""
    assert isinstance(block.data, bytes)
    return block.data.removeprefix(BOM) if block.starts_input else block.data


def lines_of(block: Block) -> list[bytes]:
    lines = without_mark(block).split(b"\n")
    if not lines[-1]:
        lines.pop()
    return lines


def _parse_each(block: Block, items: Iterable[Item], parse: Callable[[Item], str]) -> Parsed:
    texts, numbers, rejects = parse_each(block.first_line, items, parse)
    size = len(block.data) if isinstance(block.data, bytes) else sum(len(text.encode()) for text in texts)
    return Parsed(texts, numbers, rejects, size)


def parse_each(
    first_line: int, items: Iterable[Item], parse: Callable[[Item], Value]
) -> tuple[list[Value], list[int], list[Reject]]:
    """What `parse` makes of each line, its number, and the lines that it raised BadLine for."""
    values: list[Value] = []
    numbers: list[int] = []
    rejects: list[Reject] = []
    for number, item in enumerate(items, start=first_line):
        try:
            values.append(parse(item))
            numbers.append(number)
        except BadLine as error:
            rejects.append(Reject(number, *error.args))
    return values, numbers, rejects


def short(line: bytes, limit: int) -> bytes:
    """The line. Raises BadLine for one over `limit`."""
    if len(line) > limit:
        raise BadLine(TOO_LONG, f"{len(line)} bytes, over --max-document-bytes {limit}")
    return line


def _json(line: bytes, text_key: str) -> str:
    return checked_text(json_object(line), text_key)


def json_object(line: bytes) -> dict[str, object]:
    """The object that a line holds. Raises BadLine."""
    if not line.strip(_JSON_BLANKS):
        raise BadLine(EMPTY_LINE, "")
    try:
        value: object = orjson.loads(line)
    except ValueError:
        value = lenient_json(line)
    if not isinstance(value, dict):
        raise BadLine(NOT_AN_OBJECT, f"the line is a {type(value).__name__}")
    return value


def checked_text(row: dict[str, object], text_key: str) -> str:
    """Its text. Raises BadLine where there is none that can be tokenised."""
    if text_key not in row:
        keys = ", ".join(repr(key[:40]) for key in list(row)[:8])
        raise BadLine(MISSING_KEY, f"no {text_key!r} (--text-key); the line has {keys or 'no keys'}")
    return _text(row[text_key], text_key)


def lenient_json(line: bytes) -> object:
    """What Python's json accepts and orjson does not (NaN in another field, say), as Megatron's preprocessing does."""
    text = _decode(line)
    try:
        return json.loads(text)
    except RecursionError:
        raise BadLine(BROKEN_JSON, "nested too deeply") from None
    except ValueError as error:
        raise BadLine(BROKEN_JSON, str(error)) from None


def _text(value: object, text_key: str) -> str:
    if not isinstance(value, str):
        raise BadLine(NOT_A_STRING, f"{text_key!r} is {'null' if value is None else type(value).__name__}")
    if not value:
        raise BadLine(EMPTY_TEXT, "")
    try:
        value.encode()
    except UnicodeEncodeError as error:
        code = ord(value[error.start])
        raise BadLine(LONE_SURROGATE, f"\\u{code:04x} at character {error.start}") from None
    return value


def _decode(data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        place = f"byte 0x{data[error.start]:02x} at position {error.start}"
        raise BadLine(INVALID_UTF8, f"{place}: {error.reason}") from None


def _plain_line(line: bytes, _: str) -> str:
    line = line.removesuffix(b"\r")
    if not line.strip():
        raise BadLine(EMPTY_LINE, "")
    return plain(line)


def plain(data: bytes) -> str:
    """Text that is no JSON. Raises BadLine."""
    if not data.strip():
        raise BadLine(EMPTY_TEXT, "")
    if b"\0" in data:
        raise BadLine(NUL_BYTE, f"at position {data.index(0)}: binary, or not UTF-8")
    return _decode(data)


def _cell(cell: "pyarrow.StringScalar", limit: int) -> str:
    """A Parquet value: an Arrow string scalar, or None."""
    value = cell.as_buffer() if cell.is_valid else None
    if value is None:
        raise BadLine(NOT_A_STRING, "the value is null")
    if value.size > limit:
        raise BadLine(TOO_LONG, f"{value.size} bytes, over --max-document-bytes {limit}")
    if not value.size:
        raise BadLine(EMPTY_TEXT, "")
    data: bytes = value.to_pybytes()
    return _decode(data)
