"""What annotators say, as lines of a log that only grows, and what stands of it.

    {"kind": "begin", "pairs": "<digest>", "count": 200, "seed": 0, "second": 0.1, "time": ...}
    {"kind": "verdict", "id": "...", "annotator": "ann", "key": "dose-7", "reading": 1, "shown": ["b", "a"], "verdict": "a", ...}
    {"kind": "undo", "id": "...", "annotator": "ann", "of": "<id of a verdict>", "time": ...}

Nothing is taken back from the file: an undo is one line more. A line whose id was there before says nothing new, so that whoever
has heard no answer may say it again.
"""

import typing
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from megatron_qm.align.annotation.finite import finite_of
from megatron_qm.json_types import JsonObject, text_of, texts_of, whole_of

Side: TypeAlias = Literal["a", "b"]
Said: TypeAlias = Literal["a", "b", "tie", "bad", "skip"]  # bad: neither is fit to be chosen
SAID: tuple[Said, ...] = typing.get_args(Said)
ORDERS: tuple[tuple[Side, Side], ...] = (("a", "b"), ("b", "a"))


@dataclass(frozen=True)
class Begin:
    """What a log is of. pairs: Candidates.digest; second: share of the pairs that are read twice; seed: of all that is drawn."""

    pairs: str
    count: int
    seed: int
    second: float
    time: float = field(default=0.0, compare=False)

    def to_json(self) -> JsonObject:
        return {"kind": "begin", "pairs": self.pairs, "count": self.count, "seed": self.seed, "second": self.second,
                "time": self.time}


@dataclass(frozen=True)
class Verdict:
    """reading: 1, or 2 where the annotator reads the pair again. shown: the order of the responses on the page. seconds: from
    showing to verdict, None where the server was started in between. time: seconds since 1970."""

    id: str
    annotator: str
    key: str
    reading: int
    shown: tuple[Side, Side]
    said: Said
    time: float
    seconds: float | None = None
    note: str = ""

    @property
    def place(self) -> int | None:
        """Where what was chosen stood: 0 or 1; None where nothing was."""
        return self.shown.index(self.said) if self.said == "a" or self.said == "b" else None

    def to_json(self) -> JsonObject:
        note: JsonObject = {"note": self.note} if self.note else {}
        return {"kind": "verdict", "id": self.id, "annotator": self.annotator, "key": self.key, "reading": self.reading,
                "shown": list(self.shown), "verdict": self.said, "seconds": self.seconds, **note, "time": self.time}


@dataclass(frozen=True)
class Undo:
    """of: the id of the verdict that is withdrawn."""

    id: str
    annotator: str
    of: str
    time: float

    def to_json(self) -> JsonObject:
        return {"kind": "undo", "id": self.id, "annotator": self.annotator, "of": self.of, "time": self.time}


Entry: TypeAlias = Begin | Verdict | Undo


def entry_of(row: JsonObject) -> Entry:
    """A line of a log. Raises ValueError."""
    kind = text_of(row, "kind")
    if kind == "begin":
        return Begin(text_of(row, "pairs"), whole_of(row, "count"), whole_of(row, "seed"), finite_of(row, "second"),
                     finite_of(row, "time"))
    if kind == "verdict":
        return _verdict(row)
    if kind == "undo":
        return Undo(text_of(row, "id"), text_of(row, "annotator"), text_of(row, "of"), finite_of(row, "time"))
    raise ValueError(f"kind = {kind!r:.60} is none of begin, verdict, undo")


def said_of(word: object) -> Said:
    """Raises ValueError for what is no verdict."""
    for said in SAID:
        if word == said:
            return said
    raise ValueError(f"verdict = {word!r:.60} is none of {', '.join(SAID)}")


def check_reading(number: int) -> None:
    """Raises ValueError for what is no number of a reading."""
    if number not in (1, 2):
        raise ValueError(f"reading = {number!r:.60} is neither 1 nor 2: an annotator reads a pair once or twice")


def _verdict(row: JsonObject) -> Verdict:
    shown = tuple(texts_of(row, "shown"))
    order = next((order for order in ORDERS if order == shown), None)
    if order is None:
        raise ValueError(f"shown = {list(shown)!r:.60} is no order of a and b")
    check_reading(reading := whole_of(row, "reading"))
    seconds = None if row.get("seconds") is None else finite_of(row, "seconds")
    note = text_of(row, "note") if "note" in row else ""
    return Verdict(text_of(row, "id"), text_of(row, "annotator"), text_of(row, "key"), reading, order,
                   said_of(row.get("verdict")), finite_of(row, "time"), seconds, note)


class Standing:
    """What stands of a log, entry after entry. verdicts: by id, in their order, without those that were withdrawn."""

    def __init__(self, entries: Iterable[Entry] = ()) -> None:
        self.verdicts: dict[str, Verdict] = {}
        self.withdrawn: list[Verdict] = []
        self._seen: dict[str, Verdict | Undo] = {}
        for entry in entries:
            self.take(entry)

    def take(self, entry: Entry) -> None:
        """Raises ValueError for an undo of what does not stand, or of another's verdict; then nothing has changed."""
        if isinstance(entry, Begin) or entry.id in self._seen:
            return
        self.check(entry)
        if isinstance(entry, Undo):
            self.withdrawn.append(self.verdicts.pop(entry.of))
        else:
            self.verdicts[entry.id] = entry
        self._seen[entry.id] = entry

    def check(self, entry: Entry) -> None:
        """Raises ValueError for what cannot be taken."""
        if isinstance(entry, Undo) and entry.id not in self._seen:
            self._check(entry)

    def _check(self, undo: Undo) -> None:
        verdict = self.verdicts.get(undo.of)
        if verdict is None:
            raise ValueError(f"withdraws {undo.of!r:.60}, which does not stand")
        if verdict.annotator != undo.annotator:
            raise ValueError(f"{undo.annotator!r:.60} withdraws a verdict of {verdict.annotator!r:.60}")

    def seen(self, identity: str) -> Verdict | Undo | None:
        """The entry of this id, withdrawn or not; None where there was none."""
        return self._seen.get(identity)

    def last_of(self, annotator: str) -> Verdict | None:
        """Of an annotator's verdicts that stand, the newest."""
        return next((one for one in reversed(self.verdicts.values()) if one.annotator == annotator), None)
