"""A block: some whole lines (or rows) of one input, and where reading goes on after them."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import pyarrow

# Kinds of bad lines, as they stand under "reason" in the rejects file and in the manifest.
BROKEN_JSON = "broken JSON"
NOT_AN_OBJECT = "not a JSON object"
MISSING_KEY = "missing key"
NOT_A_STRING = "not a string"
EMPTY_LINE = "empty line"
EMPTY_TEXT = "empty text"
INVALID_UTF8 = "invalid UTF-8"
LONE_SURROGATE = "lone surrogate"
NUL_BYTE = "NUL byte"
TOO_LONG = "document too long"
DAMAGED = "damaged file"
NO_TOKENS = "no tokens"
NO_JSON = "value that JSON cannot hold"


class Position(NamedTuple):
    """The next thing to read: `offset` counts bytes (decompressed) or Parquet rows, `line` lines or rows before it.

    In a file that a shard enters in its middle, lines count from there.
    """

    input: int
    offset: int
    line: int


class Reject(NamedTuple):
    """A line that gave no document; `line` counts from 0 as in Position."""

    line: int
    reason: str
    detail: str


class Damage(NamedTuple):
    """Where an input cannot be read: `unread` bytes of the file, at `offset`; in Parquet both count rows.

    harmless: what the format's own tool passes over too.
    """

    offset: int
    unread: int
    reason: str
    harmless: bool = False
    unit: str = "byte"

    def __str__(self) -> str:
        return f"damaged at {self.unit} {self.offset:,}: {self.reason}; {self.unread:,} {self.unit}s of it were not read"


class Block(NamedTuple):
    """Lines [first_line, end.line) of an input, or (`fault` set) one line that cannot be read as text.

    `damage`: nothing can be read between this block and the next; its last line may be cut.
    """

    input: int
    first_line: int
    lines: int
    data: "bytes | list[pyarrow.Scalar]"  # bytes of whole lines, or of Parquet cells of a column or rows
    end: Position
    consumed: int  # bytes of the file on disk up to here
    fault: Reject | None = None
    starts_input: bool = False
    damage: Damage | None = None


class Parsed(NamedTuple):
    """The documents of a block, the line of each, and the lines that gave none."""

    texts: list[str]
    lines: Sequence[int]
    rejects: list[Reject]
    text_bytes: int
