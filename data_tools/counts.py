"""Counts per input: what the journal carries, the manifest states and --max-bad-fraction looks at."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from data_tools.records import Counts, DamageRecord
from data_tools.sources.blocks import DAMAGED, Damage


@dataclass
class InputCounts:
    """Of one input: `lines` read, of which `documents` gave `tokens`, and `rejects` by reason; `bytes` of text read.

    damage: where bytes of the file could not be read.
    """

    lines: int = 0
    documents: int = 0
    tokens: int = 0
    bytes: int = 0
    rejects: Counter[str] = field(default_factory=Counter)
    damage: list[Damage] = field(default_factory=list)

    @property
    def rejected(self) -> int:
        return self.rejects.total()

    @property
    def bad(self) -> int:
        """Rejected for what the line says, not for damage of the file that cut it."""
        return self.rejected - self.rejects[DAMAGED]

    def to_json(self) -> Counts:
        counts: Counts = {
            "lines": self.lines,
            "documents": self.documents,
            "tokens": self.tokens,
            "bytes": self.bytes,
            "rejects": dict(sorted(self.rejects.items())),
        }
        if self.damage:
            counts["damage"] = [DamageRecord(offset=at.offset, unread=at.unread, reason=at.reason, harmless=at.harmless,
                                             unit=at.unit) for at in self.damage]  # fmt: skip
        return counts

    @classmethod
    def from_json(cls, values: Counts) -> "InputCounts":
        rejects, damage = Counter(values["rejects"]), [Damage(**at) for at in values.get("damage", [])]
        return cls(values["lines"], values["documents"], values["tokens"], values["bytes"], rejects, damage)

    def add(self, other: "InputCounts") -> None:
        self.lines += other.lines
        self.documents += other.documents
        self.tokens += other.tokens
        self.bytes += other.bytes
        self.rejects.update(other.rejects)
        self.damage += other.damage


def total(counts: Mapping[int, InputCounts]) -> InputCounts:
    """The sum over all inputs."""
    result = InputCounts()
    for item in counts.values():
        result.add(item)
    return result
