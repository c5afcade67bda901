"""What training reads: batches cut from several sources by token cursors.

    plan = reader.plan_step(global_batch_size)   # the same on every rank: which source, and where, for each sequence
    batch = reader.read(plan, indices)           # the sequences of this rank and micro-batch
    reader.advance(plan)                         # once the step is done
    reader.state()                               # into the checkpoint

The whole state is one integer per source, so a run may go on with another number of ranks, batch size, sequence length
or other weights without reading a token twice or leaving one out.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from megatron_qm.data import reader_state
from megatron_qm.data.batch import Assembly, Batch
from megatron_qm.data.blend import Anchor, Mixture, Weight, draw
from megatron_qm.data.indexed import IndexedDataset
from megatron_qm.data.reader_state import ReaderState, SourceState
from megatron_qm.data.stream import SourceStream
from megatron_qm.errors import UserError
from megatron_qm.json_types import JsonObject


@dataclass(frozen=True)
class SourceSpec:
    """One indexed dataset. `weight` is a share of the tokens, or a schedule [(consumed tokens, weight), ...]."""

    name: str
    prefix: str
    weight: Weight = 1.0


class Source(Protocol):
    """What is asked of a source: `SourceSpec`, or `megatron_qm.config.sources.SourceConfig` without importing it."""

    @property
    def name(self) -> str: ...

    @property
    def prefix(self) -> str: ...

    @property
    def weight(self) -> Weight: ...


class ReaderConfig(Protocol):
    """What a reader wants to know: `megatron_qm.config.data.DataConfig` without importing it."""

    @property
    def sources(self) -> Sequence[Source]: ...

    @property
    def sequence_length(self) -> int: ...

    @property
    def block_size(self) -> int: ...

    @property
    def seed(self) -> int: ...

    @property
    def reset_at_document_ends(self) -> bool: ...

    @property
    def mask_document_ends(self) -> bool: ...

    @property
    def verify_checksums(self) -> bool: ...


@dataclass(frozen=True, eq=False)
class StepPlan:
    """The sequences of one step, each `sequence_length` tokens from `start_b` on of the stream of source `source_b`."""

    sequence_length: int
    source_b: np.ndarray  # int64
    start_b: np.ndarray  # int64, tokens of the source's stream
    before: tuple[int, ...]  # cursor of each source before the step, tokens
    after: tuple[int, ...]

    def __len__(self) -> int:
        """Sequences: the global batch size."""
        return len(self.source_b)


@dataclass(frozen=True)
class SourceProgress:
    """What a run has read of one source."""

    tokens: int
    epochs: float


class BatchReader:
    """Reads `sources`. See the module's docstring.

    `block_size` (tokens) is the unit that is shuffled: `sequence_length` shuffles single sequences, more reads the disk
    in larger pieces. `verify` reads every dataset through first and compares it with the checksums in its manifest.
    Raises UserError for a dataset or a weight that cannot be used.
    """

    def __init__(
        self,
        sources: Sequence[Source],
        sequence_length: int,
        block_size: int,
        seed: int,
        *,
        reset_at_document_ends: bool = False,
        mask_document_ends: bool = False,
        vocab_size: int | None = None,
        verify: bool = False,
    ) -> None:
        if sequence_length < 1 or block_size < 1:
            raise UserError(
                f"data.sequence_length = {sequence_length}, data.block_size = {block_size}: must be 1 or more"
            )
        self.sources = tuple(sources)
        self.sequence_length = sequence_length
        self.block_size = block_size
        self.seed = seed
        self.mixture = Mixture(_weights_by_name(self.sources))
        self.datasets = tuple(open_source(source, verify) for source in self.sources)
        self.streams = tuple(
            SourceStream(source.name, dataset.tokens, block_size, seed)
            for source, dataset in zip(self.sources, self.datasets, strict=True)
        )
        self.positions = (0,) * len(self.sources)
        self.retired: dict[str, SourceState] = {}  # sources that were read earlier and are no longer in the run
        self.anchor = Anchor(0, self.positions)
        self._assembly = Assembly(sequence_length, reset_at_document_ends, mask_document_ends, vocab_size,
                                  responses=any(dataset.responses for dataset in self.datasets))
        self.fingerprints = tuple(dataset.fingerprint() for dataset in self.datasets)

    @classmethod
    def from_config(cls, config: "ReaderConfig", vocab_size: int | None = None) -> "BatchReader":
        """The reader that the `data` section of a recipe asks for."""
        return cls(
            config.sources,
            config.sequence_length,
            config.block_size,
            config.seed,
            reset_at_document_ends=config.reset_at_document_ends,
            mask_document_ends=config.mask_document_ends,
            vocab_size=vocab_size,
            verify=config.verify_checksums,
        )

    @property
    def consumed_tokens(self) -> int:
        """Tokens read so far, of all sources: the clock of weight schedules."""
        return sum(self.positions) + sum(source["position"] for source in self.retired.values())

    def plan_step(self, global_batch_size: int, after: StepPlan | None = None) -> StepPlan:
        """The next `global_batch_size` sequences, or those that follow the plan `after`. Moves no cursor.

        Takes O(sequences x sources), depends on the state alone, and so needs no word between ranks.
        """
        before = self.positions if after is None else after.after
        total = self.consumed_tokens - sum(self.positions) + sum(before)
        length = self.sequence_length
        chosen = draw(self.mixture, self.anchor, before, total, length, global_batch_size)
        cursors = list(before)
        starts = []
        for source in chosen:
            starts.append(cursors[source])
            cursors[source] += length
        return StepPlan(length, np.array(chosen, np.int64), np.array(starts, np.int64), before, tuple(cursors))

    def read(self, plan: StepPlan, indices: Sequence[int] | np.ndarray | None = None) -> Batch:
        """The sequences `indices` of `plan` (default: all), in this order. Raises UserError if a file fails."""
        rows = range(len(plan)) if indices is None else indices
        parts = []
        for row in rows:
            source, start = int(plan.source_b[row]), int(plan.start_b[row])
            parts.append((source, self.datasets[source], self.streams[source].spans(start, plan.sequence_length)))
        return self._assembly.batch(parts)

    def advance(self, plan: StepPlan) -> None:
        """Move the cursors past `plan`, which must start at them."""
        if plan.before != self.positions:
            raise ValueError(f"the plan starts at {plan.before}, the reader stands at {self.positions}")
        self.positions = plan.after

    def progress(self) -> dict[str, SourceProgress]:
        """Tokens and epochs read, by source."""
        rows = zip(self.sources, self.streams, self.positions, strict=True)
        return {source.name: SourceProgress(at, at / stream.tokens) for source, stream, at in rows}

    def state(self) -> JsonObject:
        """What a checkpoint keeps, ready for JSON; its size depends on the number of sources alone."""
        return dict(self._state())

    def _state(self) -> ReaderState:
        sources: dict[str, SourceState] = {}
        for number, (source, dataset) in enumerate(zip(self.sources, self.datasets, strict=True)):
            sources[source.name] = {
                "position": self.positions[number],
                "anchor": self.anchor.positions[number],
                "weight": reader_state.plain_weight(source.weight),
                "tokens": dataset.tokens,
                "fingerprint": self.fingerprints[number],
                "checksum": dataset.manifest.checksums["bin"] if dataset.manifest else None,
            }
        return {
            "version": reader_state.VERSION,
            "seed": self.seed,
            "block_size": self.block_size,
            "consumed_tokens": self.consumed_tokens,
            "anchor_tokens": self.anchor.total,
            "sources": sources,
            "retired": self.retired,
        }

    def restore(self, state: JsonObject, allow_removed: Collection[str] = ()) -> None:
        """Go on from `state`. Weights that differ, and sources that are new, hold from here on.

        A source of the state that is missing here is refused, unless its name is in `allow_removed`: its cursor is then
        carried along for the day it comes back. Raises UserError, before anything changes, if the order of tokens would
        differ: another seed, block size or dataset.
        """
        saved, mine = reader_state.from_json(state), self._state()
        reader_state.check_compatible(saved, mine, {source.name: source.prefix for source in self.sources})
        reader_state.check_removed(saved, mine, allow_removed)
        known = {**saved["retired"], **saved["sources"]}
        names = [source.name for source in self.sources]
        self.positions = tuple(known[name]["position"] if name in known else 0 for name in names)
        self.retired = {name: entry for name, entry in known.items() if name not in names}
        if reader_state.same_blend(saved, mine):
            self.anchor = Anchor(saved["anchor_tokens"], tuple(saved["sources"][name]["anchor"] for name in names))
        else:
            self.anchor = Anchor(self.consumed_tokens, self.positions)


def open_source(source: Source, verify: bool = False) -> IndexedDataset:
    """The dataset of `source`. Raises UserError, with the source's name, if it is unusable or nothing can be learnt of it."""
    try:
        dataset = IndexedDataset.open(source.prefix, verify)
        if dataset.tokens < 2:  # each token is predicted from those before it
            held = "one token, which nothing comes before" if dataset.tokens else "no tokens"
            raise UserError(f"{source.prefix}.bin: holds {held}; leave the source out")
    except UserError as error:
        raise UserError(f"source {source.name!r}: {error}") from None
    return dataset


def _weights_by_name(sources: Sequence[Source]) -> dict[str, Weight]:
    names = [source.name for source in sources]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise UserError(f"the source name {', '.join(map(repr, twice))} is given twice: names tell the cursors apart")
    return {source.name: source.weight for source in sources}
