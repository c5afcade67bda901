"""What goes into a step and what comes of it, to the document and to the byte of text."""

from collections import Counter
from dataclasses import dataclass, field
from typing import TypedDict


class Flow(TypedDict):
    """Of a step, as a report has it. `in` = `kept` + what was dropped and rejected; a line that was rejected holds no bytes of
    text. Of the kept, `changed` are those whose text is another than before. dropped, rejected: by reason."""

    documents: dict[str, "int | dict[str, int]"]
    bytes: dict[str, "int | dict[str, int]"]


@dataclass
class StepCounts:
    """Of one step. Bytes are those of UTF-8 text. seconds: of CPU time inside of the step, over all workers."""

    documents: int = 0  # that came in
    bytes: int = 0
    kept: int = 0
    kept_bytes: int = 0
    changed: int = 0
    changed_from: int = 0  # bytes that those had before
    changed_to: int = 0
    dropped: Counter[str] = field(default_factory=Counter)
    dropped_bytes: Counter[str] = field(default_factory=Counter)
    rejected: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0

    def add(self, other: "StepCounts") -> None:
        for name, value in vars(other).items():
            mine = getattr(self, name)
            if isinstance(value, Counter):
                mine.update(value)
            else:
                setattr(self, name, mine + value)

    def drop(self, reason: str, size: int) -> None:
        self.dropped[reason] += 1
        self.dropped_bytes[reason] += size

    def change(self, before: int, after: int) -> None:
        """A document of `before` bytes has `after`."""
        self.changed += 1
        self.changed_from += before
        self.changed_to += after

    def to_flow(self) -> Flow:
        """Documents and bytes for a report."""
        return {
            "documents": {"in": self.documents, "kept": self.kept, "changed": self.changed,
                          "dropped": _sorted(self.dropped), "rejected": _sorted(self.rejected)},
            "bytes": {"in": self.bytes, "kept": self.kept_bytes, "changed_from": self.changed_from,
                      "changed_to": self.changed_to, "dropped": _sorted(self.dropped_bytes)},
        }  # fmt: skip

    def to_json(self) -> dict[str, object]:
        """For a journal."""
        return {name: dict(value) if isinstance(value, Counter) else value for name, value in vars(self).items()}

    @classmethod
    def from_json(cls, values: dict[str, object]) -> "StepCounts":
        counts = cls()
        for name, value in values.items():
            setattr(counts, name, Counter(value) if isinstance(value, dict) else value)
        return counts


def _sorted(counts: Counter[str]) -> dict[str, int]:
    """By number, the most first; then by name: the same whatever the order they were counted in."""
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))
