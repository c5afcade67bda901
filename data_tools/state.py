"""How far a run has come, as its journal tells it."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from data_tools.counts import InputCounts
from data_tools.records import Committed
from data_tools.sources.blocks import Position


@dataclass
class State:
    """Everything committed: where reading goes on, how long each file is, and the counts per input so far."""

    position: Position = Position(0, 0, 0)
    bin_bytes: int = 0
    sequences: int = 0
    rejects_bytes: int = 0
    finished: bool = False  # reading
    counts: dict[int, InputCounts] = field(default_factory=dict)

    @classmethod
    def replay(cls, records: Iterable[Committed]) -> "State":
        """The state after all records of a journal; each holds the counts that changed since the one before."""
        state = cls()
        for record in records:
            state.position = Position(*record["position"])
            state.bin_bytes = record["bin"]
            state.sequences = record["sequences"]
            state.rejects_bytes = record["rejects"]
            state.finished = record["finished"]
            for number, values in record["counts"].items():
                state.counts[int(number)] = InputCounts.from_json(values)
        return state

    def record(self, changed: Iterable[int]) -> Committed:
        """What the journal gets: totals, and the counts of the inputs `changed` since the last record."""
        return {
            "position": list(self.position),
            "bin": self.bin_bytes,
            "sequences": self.sequences,
            "rejects": self.rejects_bytes,
            "finished": self.finished,
            "counts": {str(number): self.counts[number].to_json() for number in sorted(changed)},
        }
