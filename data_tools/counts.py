"""Counts per input: what the journal carries, the manifest states and --max-bad-fraction looks at."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from data_tools.records import Counts


@dataclass
class InputCounts:
    """Of one input: `lines` read, of which `documents` gave `tokens`, and `rejects` by reason; `bytes` of text read."""

    lines: int = 0
    documents: int = 0
    tokens: int = 0
    bytes: int = 0
    rejects: Counter[str] = field(default_factory=Counter)

    @property
    def rejected(self) -> int:
        return self.rejects.total()

    def to_json(self) -> Counts:
        return {
            "lines": self.lines,
            "documents": self.documents,
            "tokens": self.tokens,
            "bytes": self.bytes,
            "rejects": dict(sorted(self.rejects.items())),
        }

    @classmethod
    def from_json(cls, values: Counts) -> "InputCounts":
        rejects = Counter(values["rejects"])
        return cls(values["lines"], values["documents"], values["tokens"], values["bytes"], rejects)

    def add(self, other: "InputCounts") -> None:
        self.lines += other.lines
        self.documents += other.documents
        self.tokens += other.tokens
        self.bytes += other.bytes
        self.rejects.update(other.rejects)


def total(counts: Mapping[int, InputCounts]) -> InputCounts:
    """The sum over all inputs."""
    result = InputCounts()
    for item in counts.values():
        result.add(item)
    return result
