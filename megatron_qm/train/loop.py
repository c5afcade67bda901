"""The loop of every stage: a batch, a step, a record, and now and then validation and a checkpoint."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from torch import nn

from megatron_qm.checkpoint.local import LocalCopies
from megatron_qm.checkpoint.store import CheckpointStore
from megatron_qm.config.run import RunConfig
from megatron_qm.json_types import object_of, whole_of
from megatron_qm.model.language_model import unwrap
from megatron_qm.platform.runtime import Platform
from megatron_qm.train.batches import MicroBatch
from megatron_qm.train.feed import Feed
from megatron_qm.train.guard import BadNumbers
from megatron_qm.train.hooks import Hooks
from megatron_qm.train.recorder import Recorder, Score
from megatron_qm.train.schedule import learning_rate
from megatron_qm.train.step import Stepper, StepResult
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
    feed: Feed
    validation: Validation
    store: CheckpointStore
    recorder: Recorder
    watchdog: Watchdog
    stop: StopRequest
    stragglers: Stragglers
    hooks: Hooks
    local: LocalCopies | None = None
    examine: Callable[[Sequence[nn.Module]], Sequence[Score]] | None = None  # such as knowledge probes
    step: int = 0
    saved: int = 0  # the step of the newest checkpoint that this process loaded or wrote
    _owed: bool = False

    def restore(self) -> None:
        """Go on from the newest good checkpoint of this run, else from the weights of `train.start_from`, else anew."""
        with self.watchdog.phase("load"):
            came_from = self._restore()
        self.store.begin()
        self.recorder.begin(self.step, came_from)
        self.feed.begin(self.step)

    def _restore(self) -> object | None:
        start_from = self.config.train.start_from
        resume = self.config.checkpoint.resume == "auto"
        newest = self.store.latest() if resume else None
        local = self.local if resume else None
        copied = local.newest_complete(newest) if local is not None else None
        if local is not None and copied is not None:
            self._go_on(local.load(copied, unwrap(self.stepper.model), self.stepper.optimizer))
            return f"local copies of step {copied} in {local.folder}"
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

    def _go_on(self, progress: Mapping[str, object]) -> None:
        self.step = whole_of(progress, "step")
        self.feed.restore(object_of(progress, "data"))
        self.stepper.guard.restore(object_of(progress, "guard"))

    def run(self) -> bool:
        """Train until the recipe's last step, which is always saved. False if a signal ended the run earlier, saved."""
        total = self.config.total_steps
        try:
            if self.step == 0:
                self._examine()
            while self.step < total:
                if self.feed.settled and self.stop.anywhere(self.platform.device):
                    self._save_and_stop()
                    return False
                result = self.one_step()
                self.hooks.after_step(self.step, result, self.feed.tokens)
                self._after_step(last=self.step == total)
            self.store.finish()
            return True
        finally:
            self.feed.close()

    def one_step(self) -> StepResult:
        """Read, train, record. A refused update still moves on: its batch does not come again.

        Raises BadNumbers after too many refused updates in a row.
        """
        self.watchdog.enter("data", self.step + 1)
        train, total = self.config.train, self.config.total_steps
        batches, count = self.feed.next(self.step + 1)
        self.stragglers.add_data(self.feed.seconds)
        rate = learning_rate(self.step, total, self.config.optimizer, self.config.schedule)
        result = self.stepper.train(self.moving(batches), count, rate)
        self.watchdog.enter("between steps")
        self.feed.advance()
        self.step += 1
        if result.refused is not None:
            self._note_refused(result)
        if self.step % train.log_every == 0 or self.step == total:
            self.recorder.phases(self.watchdog.take_seconds())
        self.recorder.step(self.step, result, rate, self.feed)
        self.feed.recorded(self.step)
        return result

    def moving(self, batches: Iterator[MicroBatch]) -> Iterator[MicroBatch]:
        """A long step of many micro-batches is no hang."""
        for batch in batches:
            self.watchdog.move()
            yield batch

    def _note_refused(self, result: StepResult) -> None:
        self.recorder.refused(self.step, result, self.feed)
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
                self.recorder.validation(self.step, losses, self.validation.names, self.feed.tokens)
        if last or _due(self.step, self.config.observe.examine_every):
            self._examine()
        self._owed = self._owed or _due(self.step, self.config.checkpoint.every)
        # While updates are refused the weights may be sick: a checkpoint that is due waits for one that is accepted.
        if last or (self._owed and self.feed.settled and not self.stepper.guard.in_a_row):
            self.save()
        elif self.local is not None and self.feed.settled and _due(self.step, self.config.checkpoint.local_every):
            self._save_locally(self.local)
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
            self.feed.sync()
            self.store.save(
                self.step,
                self.feed.tokens,
                unwrap(self.stepper.model),
                self.stepper.optimizer,
                self.feed.state(),
                self.config,
                self.stepper.guard.state(),
            )
        self.saved, self._owed = self.step, False
        self.recorder.event(self.step, "checkpoint", seconds=time.perf_counter() - began)

    def _save_locally(self, local: LocalCopies) -> None:
        began = time.perf_counter()
        with self.watchdog.phase("local copy"):
            self.recorder.sync()
            self.feed.sync()
            progress = {"step": self.step, "data": self.feed.state(), "guard": self.stepper.guard.state()}
            local.save(unwrap(self.stepper.model), self.stepper.optimizer, progress, self.store.newest_name)
        self.recorder.event(self.step, "local copy", seconds=time.perf_counter() - began)


def _due(step: int, every: int | None) -> bool:
    return every is not None and step % every == 0
