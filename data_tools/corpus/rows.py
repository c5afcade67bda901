"""Documents of JSON lines by their place, for steps that read a corpus more than once. A place is one number, of the file and the
byte at which the line begins: it rises in the order of the inputs, however these are shared out."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import orjson

from data_tools.corpus.document import Document, Dropped
from data_tools.corpus.reading import TEXT, document_of
from data_tools.corpus.samples import Sample, sample
from data_tools.sources.blocks import TOO_LONG, Position
from data_tools.sources.inputs import Input, Share, find_inputs, shares_of
from data_tools.sources.lines import first_line_start, lines_before, read_line_blocks
from data_tools.sources.parse import BOM, BadLine, json_object
from megatron_qm.errors import UserError
from megatron_qm.files import write_json_lines

_OFFSET_BITS = 44  # 16 TiB a file, unpacked
_MOST_FILES = 1 << 19  # a place stays below 2^63
_PIECE_BYTES = 1 << 20
_LONGEST_LINE = 32 << 20


class Piece(NamedTuple):
    """Some whole lines of a file, or one line that is too long to be read (`fault`). line counts from 1."""

    place: int
    line: int
    data: bytes
    fault: str = ""

    @property
    def end(self) -> int:
        """The place behind its last line."""
        return self.place + len(self.data)

    def line_at(self, place: int) -> bytes:
        """The line that begins there, with its end."""
        first = place - self.place
        return self.data[first : self.data.find(b"\n", first) + 1 or None]

    def document_at(self, place: int) -> Document:
        """Of a line that holds one."""
        return _document_of(self.line_at(place), self.line == 1 and place == self.place)


class Row(NamedTuple):
    """A line that holds a document; raw: the line as it came."""

    place: int
    line: int
    raw: bytes
    document: Document

    def sample(self, seed: int, why: Dropped) -> Sample:
        """What a report may show of it."""
        return sample(seed, Corpus.number_of(self.place), self.line - 1, self.document, self.document.text, why)


class Refused(NamedTuple):
    """A line that holds none, and why."""

    place: int
    line: int
    reason: str
    detail: str = ""


@dataclass(frozen=True)
class Corpus:
    """Files of JSON lines in their order. longest: bytes of a line that is read. between: called after each piece that is read;
    what it raises ends the reading."""

    files: Sequence[Input]
    longest: int = _LONGEST_LINE
    between: Callable[[], None] = lambda: None

    def check_unchanged(self) -> None:
        """Raises UserError for a file that was altered since."""
        for file in self.files:
            file.check_unchanged()

    def file_of(self, place: int) -> str:
        return str(self.files[self.number_of(place)].path)

    def name_of(self, place: int, line: int, id: object) -> object:
        """A document without an id is called FILE:LINE."""
        return id or f"{self.file_of(place)}:{line}"

    @staticmethod
    def number_of(place: int) -> int:
        """Of its file."""
        return place >> _OFFSET_BITS


def corpus_of(patterns: Sequence[str], longest: int = _LONGEST_LINE, between: Callable[[], None] = lambda: None) -> Corpus:
    """Raises UserError for a file that is not there, or holds no JSON lines."""
    files = find_inputs(patterns, None, "line")
    for file in files:
        if file.kind != "jsonl":
            raise UserError(f"{file.path}: JSON lines are meant (.jsonl, also .jsonl.gz, .bz2, .xz, .zst)")
    if len(files) > _MOST_FILES:
        raise UserError(f"--input: {len(files):,} files, of at most {_MOST_FILES:,}; join some")
    return Corpus(files, longest, between)


def pieces(corpus: Corpus, shard: int = 0, shards: int = 1) -> Iterator[Piece]:
    """One shard's part of all lines. Raises UserError where a file is damaged: half a corpus is not deduplicated as if it were
    whole."""
    for share in shares_of(corpus.files, shard, shards):
        for piece in _pieces_of(corpus.files[share.input], share, corpus.longest):
            yield piece
            corpus.between()


def _pieces_of(file: Input, share: Share, longest: int) -> Iterator[Piece]:
    offset = first_line_start(file, share.start) if share.start else 0
    line = 1 + (lines_before(file, offset) if offset else 0)
    for block in read_line_blocks(file, share, Position(share.input, 0, 0), _PIECE_BYTES, longest):
        assert isinstance(block.data, bytes)  # no Parquet
        fault = block.fault.detail if block.fault else ""
        yield Piece((share.input << _OFFSET_BITS) + offset, line, block.data, fault)
        if block.damage and not block.damage.harmless:
            raise UserError(f"{file.path}: {block.damage}; fetch it anew, or keep what can be read of it in a file of its own")
        offset, line = block.end.offset if not block.damage else offset, line + block.lines


def rows_of(piece: Piece) -> tuple[list[Row], list[Refused]]:
    """What the lines of a piece hold."""
    if piece.fault:
        return [], [Refused(piece.place, piece.line, TOO_LONG, piece.fault)]
    rows, refused = [], []
    for place, number, raw in lines_of(piece):
        try:
            rows.append(row_of(place, number, raw))
        except BadLine as error:
            refused.append(Refused(place, number, *error.args))
    return rows, refused


def lines_of(piece: Piece) -> Iterator[tuple[int, int, bytes]]:
    """(place, number, the line with its end) of each; of one that is too long nothing is there."""
    place = piece.place
    for number, raw in enumerate([b""] if piece.fault else _lines(piece.data), piece.line):
        yield place, number, raw
        place += len(raw)


def row_of(place: int, number: int, raw: bytes) -> Row:
    """Raises BadLine where the line holds no document."""
    return Row(place, number, raw, _document_of(raw, number == 1))


def ended(lines: bytes) -> bytes:
    """As they are, and ended where a file's last line is not."""
    return lines + b"\n" if lines and not lines.endswith(b"\n") else lines


def _document_of(raw: bytes, first: bool) -> Document:
    """first: of its file."""
    try:
        value = orjson.loads(raw)
    except ValueError:
        value = None
    if isinstance(value, dict) and isinstance(text := value.pop(TEXT, None), str) and text:  # and no half of a surrogate pair
        return Document(text, value)
    return document_of(json_object(raw.removeprefix(BOM) if first else raw))


def write_refused(corpus: Corpus, refused: Sequence[Refused], file: Path) -> None:
    """Lines of {file, line, reason, detail}, as preprocessing writes them."""
    write_json_lines(file, ({"file": corpus.file_of(one.place), "line": one.line, "reason": one.reason, "detail": one.detail}
                           for one in refused))


def _lines(data: bytes) -> list[bytes]:
    """With their ends."""
    lines = data.split(b"\n")
    return [line + b"\n" for line in lines[:-1]] + ([lines[-1]] if lines[-1] else [])
