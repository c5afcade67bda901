"""From a block of lines or rows to documents with all their keys, or a reason for each that is none."""

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson

from data_tools.corpus.document import Document
from data_tools.sources.blocks import DAMAGED, INVALID_UTF8, LONE_SURROGATE, NO_JSON, TOO_LONG, Block, Reject
from data_tools.sources.inputs import Input
from data_tools.sources.parse import (
    BadLine,
    checked_text,
    cut_by_damage,
    json_object,
    lenient_json,
    lines_of,
    parse_each,
    plain,
    short,
    without_mark,
)
from megatron_qm.json_types import JsonObject

if TYPE_CHECKING:
    import pyarrow

TEXT = "text"
NAME_TAKEN = "name taken"
NO_NAME = "no name"
_NAMES = ("language", "licence", "kind", "type")  # by which documents are told apart and graded: 3 and "3" would be one
_LONG_NUMBER = re.compile(rb"[0-9]{19}")  # whole numbers that orjson would round


@dataclass(frozen=True)
class ReadAs:
    """How the documents of one input are read. known: fields of them all, over those of a line. trace: whether each gets `origin`
    (file and line), and an `id` where it has none. name: of the source, in such an id."""

    input: Input
    text_key: str = TEXT
    output_key: str = TEXT  # of the text afterwards
    known: JsonObject = field(default_factory=dict)
    trace: bool = False
    name: str = ""


class Read(NamedTuple):
    """The documents of a block, the line of each (from 0), and the lines that gave none."""

    documents: list[Document]
    lines: list[int]
    rejects: list[Reject]


def read_block(block: Block, read_as: ReadAs, limit: int) -> Read:
    """limit: bytes of the longest line."""
    documents, lines, rejects = parse_each(block.first_line, *_items(block, read_as, limit))
    if block.fault:
        rejects = [block.fault]
    rejects = cut_by_damage(block, rejects)
    if block.damage and not block.damage.harmless:
        rejects.append(Reject(block.first_line + block.lines, DAMAGED, str(block.damage)))
    if read_as.known or read_as.trace:
        for document, line in zip(documents, lines, strict=True):
            _label(document, line, read_as)
    return Read(documents, lines, rejects)


def document_of(row: JsonObject, text_key: str = TEXT) -> Document:
    """Takes over the object of a line. Raises BadLine where it holds no text."""
    text = checked_text(row, text_key)
    del row[text_key]
    return Document(text, row)


def line_of(document: Document, output_key: str = TEXT) -> bytes:
    """The document as a JSON line, its text last. Raises BadLine where a value of its keys can be no JSON."""
    row = {**document.known, output_key: document.text}
    try:
        return orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE)
    except TypeError:
        pass  # a number beyond 64 bits, half a surrogate pair, deep nesting, or no JSON at all
    try:
        return json.dumps(row, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode() + b"\n"
    except UnicodeEncodeError as error:
        raise BadLine(LONE_SURROGATE, f"\\u{ord(error.object[error.start]):04x} in a key or value beside the text") from None
    except (TypeError, ValueError, RecursionError) as error:
        raise BadLine(NO_JSON, str(error)[:200]) from None


def _items(block: Block, read_as: ReadAs, limit: int) -> tuple[Sequence[Any], Callable[[Any], Document]]:
    """What the block holds, and what makes a document of each."""
    if block.fault:
        return [], _of_text
    if not isinstance(block.data, bytes):
        return block.data, lambda row: _of_row(row, read_as, limit)
    if read_as.input.kind == "file":
        return [without_mark(block)], _of_text
    if read_as.input.kind == "text":
        return lines_of(block), lambda line: _of_text(short(line, limit).removesuffix(b"\r"))
    parse = _exact_object if _LONG_NUMBER.search(block.data) else json_object
    return lines_of(block), lambda line: _of_object(parse(short(line, limit)), read_as)


def _exact_object(line: bytes) -> JsonObject:
    """As json_object, but whole numbers are kept however long."""
    value = lenient_json(line) if _LONG_NUMBER.search(line) else None
    return value if isinstance(value, dict) else json_object(line)


def _of_text(data: bytes) -> Document:
    return Document(plain(data))


def _of_object(row: JsonObject, read_as: ReadAs) -> Document:
    document = document_of(row, read_as.text_key)
    if read_as.output_key in document.known:
        raise BadLine(NAME_TAKEN, f"the line has {read_as.output_key!r} beside {read_as.text_key!r}, which becomes it")
    for name in _NAMES:
        if not isinstance(value := document.known.get(name), str | None):
            raise BadLine(NO_NAME, f"{name} = {value!r:.60}: text is meant")
    return document


def _of_row(row: "pyarrow.StructScalar", read_as: ReadAs, limit: int) -> Document:
    try:
        document = _of_object(row.as_py(), read_as)
    except UnicodeDecodeError as error:
        raise BadLine(INVALID_UTF8, f"byte 0x{error.object[error.start]:02x} at position {error.start}") from None
    except (ValueError, OverflowError) as error:  # a time that Python has no number for
        raise BadLine(NO_JSON, str(error)[:200]) from None
    size = len(document.text.encode())
    if size > limit:
        raise BadLine(TOO_LONG, f"{size} bytes, over --max-document-bytes {limit}")
    return document


def _label(document: Document, line: int, read_as: ReadAs) -> None:
    """A line's own fields win, but for `source`, by which the corpus is counted: its own is kept under `origin`."""
    own = document.known
    document.known = known = {**read_as.known, **own}
    if read_as.trace:
        origin: JsonObject = {"file": str(read_as.input.path), "line": line + 1}
        if "source" in own:
            origin["source"] = own["source"]
        if "origin" in own:
            origin["origin"] = own["origin"]  # where what read the file says that it comes from
        known["source"] = read_as.name
        known["origin"] = origin
        if known.get("id") in (None, ""):
            known["id"] = f"{read_as.name}:{read_as.input.path}:{line + 1}"
