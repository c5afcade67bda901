"""What readers give, and how far they go."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple, Protocol, TypeAlias, TypeVar

from data_tools.corpus.document import Document, Dropped
from megatron_qm.errors import UserError
from megatron_qm.json_types import JsonObject

EMPTY, TOO_LARGE, DAMAGED, ENCRYPTED = "no text", "too large", "damaged", "encrypted"
MEMORY, FAILED, UNREADABLE, NESTED = "memory", "failed", "cannot be read", "nested too deep"
TIME, CRASHED, CUT, ILLEGIBLE = "time", "crashed", "cut", "illegible"


@dataclass(frozen=True, slots=True)
class Unread(Dropped):
    """What gave no document, and where: {} is the whole file, else {"offset": byte}, {"page": from 1} or {"line": from 1}."""

    at: Mapping[str, object] = field(default_factory=dict)


class At(NamedTuple):
    """Told before anything that may take long: what is read next. The time limit is of what lies between two items."""

    kind: str  # offset or page
    number: int

    def where(self) -> JsonObject:
        return {self.kind: self.number}


Item: TypeAlias = Document | Unread | At
Made = TypeVar("Made")


@dataclass(frozen=True)
class ReadLimits:
    """How much time and memory a file may cost, and what is done about pages without text."""

    seconds: float = 120.0  # a page of a PDF or scan, a record of a WARC, a file of anything else
    memory_gb: float = 4.0  # address space of a process that reads
    max_bytes: int = 32 << 20  # of a text, a page of HTML, a record, an XML file; unpacked
    max_pixels: int = 100_000_000  # of an image or a page as it is drawn
    ocr: bool = True  # recognise pages without a text layer; otherwise they are rejected
    dpi: int = 150  # at which a page of a PDF is drawn for recognition
    min_confidence: float = 0.6  # mean over the characters of a page, under which what was recognised is rejected

    def __post_init__(self) -> None:
        _check("seconds", self.seconds, 1, 3600)
        _check("memory_gb", self.memory_gb, 1, 1024)
        _check("max_bytes", self.max_bytes, 1, 1 << 30)
        _check("max_pixels", self.max_pixels, 10_000, 1_000_000_000)
        _check("dpi", self.dpi, 50, 600)
        _check("min_confidence", self.min_confidence, 0, 1)


def _check(name: str, value: float, least: float, most: float) -> None:
    if not least <= value <= most:
        raise UserError(f"{name} = {value:g}: {least:g} to {most:g} is meant")


class Read(Protocol):
    """Reads one file. What it raises is the end of that file."""

    def __call__(self, path: Path, limits: ReadLimits) -> Iterator[Item]: ...


def tried(make: Callable[[], Made | Unread], at: Mapping[str, object]) -> Made | Unread:
    """What `make` makes of one part of a file; an error in it costs that part only. UserError goes on: it is of the run."""
    try:
        return make()
    except UserError:
        raise
    except Exception as error:  # noqa: BLE001  no parser of ours says all that it raises on bad input
        return why(error, at)


def why(error: Exception, at: Mapping[str, object]) -> Unread:
    if isinstance(error, MemoryError):
        return Unread(MEMORY, "more memory was asked for than --memory-gb", at)
    if isinstance(error, RecursionError):
        return Unread(NESTED, "", at)
    if isinstance(error, OSError) and error.strerror:
        return Unread(UNREADABLE, error.strerror, at)
    return Unread(FAILED, f"{type(error).__name__}: {str(error)[:200]}", at)


def small_file(path: Path, limits: ReadLimits) -> bytes | Unread:
    """All of it, if it is not larger than a text may be."""
    size = path.stat().st_size
    if size > limits.max_bytes:
        return Unread(TOO_LARGE, f"{size:,} bytes, over --max-bytes {limits.max_bytes:,}", {"offset": limits.max_bytes})
    return path.read_bytes()
