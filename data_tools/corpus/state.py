"""How far a stage has come, as its journal tells it."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from data_tools.corpus.counts import StepCounts
from data_tools.corpus.samples import Sample, chosen
from data_tools.corpus.shards import Shard
from data_tools.sources.blocks import Position

Record = dict[str, Any]


@dataclass
class State:
    """Everything committed. counts, samples: of reading and of each step. found: documents by the name of the source."""

    position: Position = Position(0, 0, 0)
    shards: list[Shard] = field(default_factory=list)
    rejects_bytes: int = 0
    counts: list[StepCounts] = field(default_factory=list)
    samples: list[list[Sample]] = field(default_factory=list)
    found: dict[str, int] = field(default_factory=dict)
    seconds: float = 0.0
    finished: bool = False

    @classmethod
    def replay(cls, records: Iterable[Record], steps: int) -> "State":
        """The state after all records; each holds what changed since the one before."""
        state = cls(counts=[StepCounts() for _ in range(steps)], samples=[[] for _ in range(steps)])
        shards: dict[str, Shard] = {}
        for record in records:
            shards |= {item["name"]: Shard(**item) for item in record["shards"]}
            state.position = Position(*record["position"])
            state.rejects_bytes, state.seconds, state.finished = record["rejects"], record["seconds"], record["finished"]
            state.counts = [StepCounts.from_json(values) for values in record["counts"]]
            state.found = record["found"]
            for number, samples in record["samples"].items():
                state.samples[int(number)] = [Sample(*values) for values in samples]
        state.shards = list(shards.values())
        return state

    def add(self, other: "State") -> None:
        """What another slice of the same pass counted. Slices are made at once, so that the longest says how long it took."""
        for counts, more in zip(self.counts, other.counts, strict=True):
            counts.add(more)
        self.samples = [chosen([*one, *more]) for one, more in zip(self.samples, other.samples, strict=True)]
        for name, documents in other.found.items():
            self.found[name] = self.found.get(name, 0) + documents
        self.seconds = max(self.seconds, other.seconds)

    def record(self, shards: list[dict[str, object]], sampled: Iterable[int]) -> Record:
        """What the journal gets: `shards` and the samples of the steps `sampled` changed since the last record."""
        return {
            "position": list(self.position), "shards": shards, "rejects": self.rejects_bytes, "seconds": round(self.seconds, 3),
            "finished": self.finished, "counts": [counts.to_json() for counts in self.counts], "found": self.found,
            "samples": {str(number): [list(item) for item in self.samples[number]] for number in sorted(sampled)},
        }  # fmt: skip
