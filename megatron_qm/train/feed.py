"""Where a trainer's micro-batches come from: datasets here, rollouts in reinforcement learning."""

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

import numpy as np

from megatron_qm.config.run import RunConfig
from megatron_qm.data.batch import Batch
from megatron_qm.data.ledger import LedgerWriter, recorded_step, sequences_of_step, step_record
from megatron_qm.data.prefetch import Prefetcher
from megatron_qm.data.quarantine import quarantine_step, truncate_quarantine
from megatron_qm.data.reader import BatchReader, SourceProgress, StepPlan
from megatron_qm.json_types import JsonObject
from megatron_qm.platform.runtime import Platform
from megatron_qm.train.batches import MicroBatch, micro_batches
from megatron_qm.train.step import this_place


@dataclass(frozen=True)
class Units:
    """What a step learns from, told apart: this rank's micro-batches, `count` of them, with every sequence (or response) as a
    source of its own. rows: what each of them is, under `header`. note: how the batch compares with what the run recorded."""

    batches: Iterator[MicroBatch]
    count: int
    header: Sequence[str]
    rows: Sequence[Sequence[str]]
    note: str


class Feed(Protocol):
    """One on every rank; all ranks call each method together. A step is `next`, the update, `advance`."""

    @property
    def names(self) -> Sequence[str]:
        """Of the sources that losses are told apart by."""
        ...

    @property
    def settled(self) -> bool:
        """Whether `state` says all there is to say: a checkpoint is due to wait until it does."""
        ...

    @property
    def seconds(self) -> float:
        """That the last `next` spent on this rank's own work."""
        ...

    def begin(self, step: int) -> None:
        """The run starts, or goes on, after `step` finished steps; what later steps had written is cut off."""
        ...

    def next(self, step: int) -> tuple[Iterator[MicroBatch], int]:
        """This rank's micro-batches of `step`, and how many there are; the same again until `advance`."""
        ...

    def units(self, step: int) -> Units:
        """Of the step that `next` gives: for looking at it."""
        ...

    def advance(self) -> None:
        """The step is done, with or without an update: its batch does not come again."""
        ...

    def recorded(self, step: int) -> None:
        """The records of `step` are written."""
        ...

    def quarantine(self, step: int, reason: str, measured: Mapping[str, object]) -> str:
        """Keep what a refused step was made of for people to look at; says where. On the rank that writes."""
        ...

    @property
    def tokens(self) -> int:
        """Read so far."""
        ...

    def progress(self) -> Mapping[str, SourceProgress]: ...

    def state(self) -> JsonObject:
        """What a checkpoint keeps, ready for JSON."""
        ...

    def restore(self, state: Mapping[str, object]) -> None: ...

    def sync(self) -> None:
        """What was written about the steps so far survives a power cut."""
        ...

    def close(self) -> None: ...


class DatasetFeed:
    """Sequences of indexed datasets by token cursors, read one step ahead; every step's plan goes into the ledger."""

    settled = True

    def __init__(self, config: RunConfig, platform: Platform, *, writes: bool) -> None:
        """writes: whether this rank keeps the ledger."""
        self.reader = BatchReader.from_config(config.data, config.model.vocab_size)
        self.names = [source.name for source in self.reader.sources]
        self._place, self.seconds = this_place(), 0.0
        size = config.train.micro_batch_size
        # of a step's batch, those sequences that this rank reads, in its order
        self._sequences: list[int] = sum(self._place.sequences(config.train.global_batch_size, size), [])
        self._config, self._platform, self._writes = config, platform, writes
        self._prefetcher = Prefetcher(self.reader)
        self._ledger: LedgerWriter | None = None
        self._plan: StepPlan | None = None

    def begin(self, step: int) -> None:
        if self._writes:
            truncate_quarantine(Path(self._config.output), step)
            self._ledger = LedgerWriter(Path(self._config.output), self.reader, step + 1)

    def next(self, step: int) -> tuple[Iterator[MicroBatch], int]:
        began = time.perf_counter()
        self._plan = self.reader.plan_step(self._config.train.global_batch_size)
        batch = self._prefetcher.read(self._plan, self._sequences)
        self.seconds = time.perf_counter() - began
        if step < self._config.total_steps:
            self._prefetcher.start(self.reader.plan_step(len(self._plan), after=self._plan), self._sequences)
        if self._ledger is not None:
            self._ledger.append(step, self._plan)
        return self._cut(batch)

    def units(self, step: int) -> Units:
        plan = self.reader.plan_step(self._config.train.global_batch_size)
        batch = self.reader.read(plan, self._sequences)
        batches, count = self._cut(replace(batch, source_b=np.array(self._sequences, batch.source_b.dtype)))
        run = Path(self._config.output)
        rows = sequences_of_step(run, step)
        same = recorded_step(run, step)[1] == step_record(step, plan)
        note = "the one that the ledger records" if same else "NOT the one that the ledger records"
        return Units(batches, count, ("source", "documents"), rows, note)

    def _cut(self, batch: Batch) -> tuple[Iterator[MicroBatch], int]:
        size, packed = self._config.train.micro_batch_size, self._config.data.reset_at_document_ends
        batches = micro_batches(batch, size, self._place, self._platform.device, packed=packed)
        return batches, len(self._sequences) // size

    def advance(self) -> None:
        assert self._plan is not None, "advance follows next"
        self.reader.advance(self._plan)

    def recorded(self, step: int) -> None:
        """The ledger has said all."""

    def quarantine(self, step: int, reason: str, measured: Mapping[str, object]) -> str:
        documents = quarantine_step(Path(self._config.output), step, reason, dict(measured))
        return f"its {documents} documents are in quarantine.jsonl"

    @property
    def tokens(self) -> int:
        return self.reader.consumed_tokens

    def progress(self) -> Mapping[str, SourceProgress]:
        return self.reader.progress()

    def state(self) -> JsonObject:
        return self.reader.state()

    def restore(self, state: Mapping[str, object]) -> None:
        self.reader.restore(dict(state), self._config.data.allow_removed)

    def sync(self) -> None:
        if self._ledger is not None:
            self._ledger.sync()

    def close(self) -> None:
        self._prefetcher.close()
        if self._ledger is not None:
            self._ledger.close()
