"""The loop: plan, read, step, record, and now and then validate and save."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from torch import nn

from megatron_qm.checkpoint.local import LocalCopies
from megatron_qm.checkpoint.store import CheckpointStore
from megatron_qm.config.run import RunConfig
from megatron_qm.data.prefetch import Prefetcher
from megatron_qm.data.reader import BatchReader, StepPlan
from megatron_qm.platform.runtime import Platform
from megatron_qm.train.batches import MicroBatch, Place, micro_batches
from megatron_qm.train.guard import BadNumbers
from megatron_qm.train.optimizer import unwrap
from megatron_qm.train.recorder import Recorder, Score
from megatron_qm.train.schedule import learning_rate
from megatron_qm.train.step import Stepper, StepResult, this_place
from megatron_qm.train.stopping import StopRequest
from megatron_qm.train.stragglers import Stragglers
from megatron_qm.train.validation import Validation
from megatron_qm.train.watchdog import Watchdog


@dataclass
class Trainer:
    """A run in progress. `step` counts finished optimizer steps."""

    config: RunConfig
    platform: Platform
    stepper: Stepper
    reader: BatchReader
    validation: Validation
    store: CheckpointStore
    recorder: Recorder
    watchdog: Watchdog
    stop: StopRequest
    stragglers: Stragglers
    local: LocalCopies | None = None
    examine: Callable[[Sequence[nn.Module]], Sequence[Score]] | None = None  # such as knowledge probes
    step: int = 0
    saved: int = 0  # the step of the newest checkpoint that this process loaded or wrote
    _owed: bool = False
    place: Place = field(init=False)
    sequences: list[int] = field(init=False)  # of a step's batch, those that this rank reads, in its order
    _prefetcher: Prefetcher = field(init=False)

    def __post_init__(self) -> None:
        place, train = this_place(), self.config.train
        self.place = place
        self.sequences = sum(place.sequences(train.global_batch_size, train.micro_batch_size), [])
        self._prefetcher = Prefetcher(self.reader)

    def restore(self) -> None:
        """Go on from the newest good checkpoint of this run, else from the weights of `train.start_from`, else anew."""
        with self.watchdog.phase("load"):
            came_from = self._restore()
        self.recorder.begin(self.step, self.reader, came_from)

    def _restore(self) -> object | None:
        start_from = self.config.train.start_from
        resume = self.config.checkpoint.resume == "auto"
        newest = self.store.latest() if resume else None
        local = self.local.newest_complete(newest) if resume and self.local is not None else None
        if local is not None:
            self._go_on(self.local.load(local, unwrap(self.stepper.model), self.stepper.optimizer))
            return f"local copies of step {local} in {self.local.folder}"
        if newest is not None:
            self.load(newest, whole=True)
        elif start_from is not None:
            self.load(Path(start_from), whole=not self.config.train.init_model_only)
        return newest or start_from

    def load(self, folder: Path, whole: bool) -> None:
        """Weights; with `whole` also the optimizer, the step, the data cursors and the guard's memory."""
        chunks, optimizer = unwrap(self.stepper.model), self.stepper.optimizer
        if not whole:
            self.store.load_weights(folder, chunks, optimizer)
            return
        manifest = self.store.load(folder, chunks, optimizer)
        self._go_on({"step": manifest.step, "data": manifest.data, "guard": manifest.guard})
        self.saved = self.step

    def _go_on(self, progress: Mapping[str, Any]) -> None:
        self.step = progress["step"]
        self.reader.restore(progress["data"], self.config.data.allow_removed)
        self.stepper.guard.restore(progress["guard"])

    def run(self) -> bool:
        """Train until the recipe's last step, which is always saved. False if a signal ended the run earlier, saved."""
        total = self.config.total_steps
        try:
            if self.step == 0:
                self._examine()
            while self.step < total:
                if self.stop.anywhere(self.platform.device):
                    self._save_and_stop()
                    return False
                self.one_step()
                self._after_step(last=self.step == total)
            self.store.finish()
            return True
        finally:
            self._prefetcher.close()

    def one_step(self) -> StepResult:
        """Plan, read, train, record. A refused update still moves the cursors: its documents are not read again.

        Raises BadNumbers after too many refused updates in a row.
        """
        self.watchdog.enter("data", self.step + 1)
        train, total = self.config.train, self.config.total_steps
        began = time.perf_counter()
        plan, batches, count = self.next_batches()
        self.stragglers.add_data(time.perf_counter() - began)
        self._prefetch(plan, total)
        self.recorder.plan(self.step + 1, plan)
        rate = learning_rate(self.step, total, self.config.optimizer, self.config.schedule)
        result = self.stepper.train(batches, count, rate)
        self.watchdog.enter("between steps")
        self.reader.advance(plan)
        self.step += 1
        if result.refused is not None:
            self._note_refused(result)
        if self.step % train.log_every == 0 or self.step == total:
            self.recorder.phases(self.watchdog.take_seconds())
        self.recorder.step(self.step, result, rate, self.reader)
        return result

    def next_batches(self) -> tuple[StepPlan, Iterator[MicroBatch], int]:
        """The plan of the next step, and this rank's micro-batches of it with their number. Moves no cursor."""
        size = self.config.train.micro_batch_size
        plan = self.reader.plan_step(self.config.train.global_batch_size)
        batch = self._prefetcher.read(plan, self.sequences)
        packed = self.config.data.reset_at_document_ends
        batches = micro_batches(batch, size, self.place, self.platform.device, packed=packed)
        return plan, self._moving(batches), len(self.sequences) // size

    def _moving(self, batches: Iterator[MicroBatch]) -> Iterator[MicroBatch]:
        """A long step of many micro-batches is no hang."""
        for batch in batches:
            self.watchdog.move()
            yield batch

    def _prefetch(self, plan: StepPlan, total: int) -> None:
        if self.step + 1 < total:
            self._prefetcher.start(self.reader.plan_step(len(plan), after=plan), self.sequences)

    def _note_refused(self, result: StepResult) -> None:
        self.recorder.refused(self.step, result)
        guard = self.stepper.guard
        if guard.exhausted:
            run = self.config.output
            raise BadNumbers(
                f"step {self.step}: {result.refused}, and so it went for {guard.in_a_row} steps in a row "
                f"(guard.max_in_a_row): the run stops. Nothing after the newest checkpoint is kept. {run}/quarantine.jsonl "
                f"names the documents; `megatron-qm replay --run {run} --step {self.step}` looks at the step again; lower "
                f"optimizer.lr or leave the documents out"
            )

    def _after_step(self, last: bool) -> None:
        began = time.perf_counter()
        published = self.store.poll()
        if published is not None:
            self.recorder.event(self.step, "published", published.name, time.perf_counter() - began)
        self.recorder.stragglers(self.stragglers.compare(self.step))
        if last or _due(self.step, self.config.train.validate_every):
            with self.watchdog.phase("validation"):
                losses = self.validation.run(self.stepper)
            if losses is not None:
                self.recorder.validation(self.step, losses, self.validation.names, self.reader)
        if last:
            self._examine()
        self._owed = self._owed or _due(self.step, self.config.checkpoint.every)
        # While updates are refused the weights may be sick: a checkpoint that is due waits for one that is accepted.
        if last or (self._owed and not self.stepper.guard.in_a_row):
            self.save()
        elif _due(self.step, self.config.checkpoint.local_every):
            self._save_locally()
        self.recorder.pause()

    def _examine(self) -> None:
        if self.examine is not None:
            with self.watchdog.phase("examination"):
                self.recorder.scores(self.step, self.examine(unwrap(self.stepper.model)))
            self.recorder.pause()

    def _save_and_stop(self) -> None:
        asked = self.stop.name or "a signal to another rank"
        if self.step > self.saved:
            self.save()
        self.store.finish()
        self.recorder.event(self.step, "stop", f"{asked}; saved, to be gone on with")

    def save(self) -> None:
        """Write a checkpoint of this moment (in the background, if the recipe says so)."""
        began = time.perf_counter()
        with self.watchdog.phase("save"):
            self.recorder.sync()
            self.store.save(
                self.step,
                self.reader.consumed_tokens,
                unwrap(self.stepper.model),
                self.stepper.optimizer,
                self.reader.state(),
                self.config,
                self.stepper.guard.state(),
            )
        self.saved, self._owed = self.step, False
        self.recorder.event(self.step, "checkpoint", seconds=time.perf_counter() - began)

    def _save_locally(self) -> None:
        began = time.perf_counter()
        with self.watchdog.phase("local copy"):
            self.recorder.sync()
            progress = {"step": self.step, "data": self.reader.state(), "guard": self.stepper.guard.state()}
            self.local.save(unwrap(self.stepper.model), self.stepper.optimizer, progress, self.store.newest_name)
        self.recorder.event(self.step, "local copy", seconds=time.perf_counter() - began)


def _due(step: int, every: int | None) -> bool:
    return every is not None and step % every == 0
