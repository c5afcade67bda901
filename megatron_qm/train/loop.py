"""The loop: plan, read, step, record, and now and then validate and save."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from torch import nn

from megatron_qm.checkpoint.store import CheckpointStore
from megatron_qm.config.run import RunConfig
from megatron_qm.data.prefetch import Prefetcher
from megatron_qm.data.reader import BatchReader, StepPlan
from megatron_qm.errors import UserError
from megatron_qm.platform.runtime import Platform
from megatron_qm.train.batches import micro_batches
from megatron_qm.train.optimizer import unwrap
from megatron_qm.train.recorder import Recorder, Score
from megatron_qm.train.schedule import learning_rate
from megatron_qm.train.step import Stepper, StepResult, this_place
from megatron_qm.train.validation import Validation


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
    examine: Callable[[Sequence[nn.Module]], Sequence[Score]] | None = None  # such as knowledge probes
    step: int = 0
    _prefetcher: Prefetcher = field(init=False)

    def __post_init__(self) -> None:
        place, train = this_place(), self.config.train
        self._place = place
        self._mine = sum(place.sequences(train.global_batch_size, train.micro_batch_size), [])
        self._prefetcher = Prefetcher(self.reader)

    def restore(self) -> None:
        """Go on from the newest good checkpoint of this run, else from the weights of `train.start_from`, else anew."""
        resume, start_from = self.config.checkpoint.resume == "auto", self.config.train.start_from
        newest = self.store.latest() if resume else None
        if newest is not None:
            self._load(newest, whole=True)
        elif start_from is not None:
            self._load(Path(start_from), whole=not self.config.train.init_model_only)
        self.recorder.begin(self.step, self.reader, newest or start_from)

    def _load(self, folder: Path, whole: bool) -> None:
        """Weights; with `whole` also the optimizer, the step and the data cursors."""
        chunks, optimizer = unwrap(self.stepper.model), self.stepper.optimizer
        if not whole:
            self.store.load_weights(folder, chunks, optimizer)
            return
        manifest = self.store.load(folder, chunks, optimizer)
        self.step = manifest.step
        self.reader.restore(manifest.data)

    def run(self) -> None:
        """Train until the recipe's last step; the last step is always saved."""
        total = self.config.total_steps
        try:
            if self.step == 0:
                self._examine()
            while self.step < total:
                self.one_step()
                self._after_step(last=self.step == total)
            self.store.finish()
        finally:
            self._prefetcher.close()

    def one_step(self) -> StepResult:
        """Plan, read, train, record. Raises UserError if the loss or the gradient is not finite."""
        train, total = self.config.train, self.config.total_steps
        plan = self.reader.plan_step(train.global_batch_size)
        batch = self._prefetcher.read(plan, self._mine)
        self._prefetch(plan, total)
        self.recorder.plan(self.step + 1, plan)
        rate = learning_rate(self.step, total, self.config.optimizer, self.config.schedule)
        packed = self.config.data.reset_at_document_ends
        batches = micro_batches(batch, train.micro_batch_size, self._place, self.platform.device, packed=packed)
        result = self.stepper.train(batches, len(self._mine) // train.micro_batch_size, rate)
        self._require_finite(result)
        self.reader.advance(plan)
        self.step += 1
        self.recorder.step(self.step, result, rate, self.reader)
        return result

    def _prefetch(self, plan: StepPlan, total: int) -> None:
        if self.step + 1 < total:
            self._prefetcher.start(self.reader.plan_step(len(plan), after=plan), self._mine)

    def _require_finite(self, result: StepResult) -> None:
        if math.isfinite(result.losses.mean) and math.isfinite(result.grad_norm):
            return
        raise UserError(
            f"step {self.step + 1}: the loss is {result.losses.mean} and the gradient norm {result.grad_norm}; the run "
            f"stops here, and nothing of this step is saved. `megatron-qm data ledger --run {self.config.output} "
            f"--step {self.step + 1}` names its documents; lower optimizer.lr, or leave them out"
        )

    def _after_step(self, last: bool) -> None:
        self.store.poll()
        if last or _due(self.step, self.config.train.validate_every):
            losses = self.validation.run(self.stepper)
            if losses is not None:
                self.recorder.validation(self.step, losses, self.validation.names, self.reader)
        if last:
            self._examine()
        if last or _due(self.step, self.config.checkpoint.every):
            self.save()
        self.recorder.pause()

    def _examine(self) -> None:
        if self.examine is not None:
            self.recorder.scores(self.step, self.examine(unwrap(self.stepper.model)))
            self.recorder.pause()

    def save(self) -> None:
        """Write a checkpoint of this moment (in the background, if the recipe says so)."""
        self.recorder.sync()
        self.store.save(
            self.step,
            self.reader.consumed_tokens,
            unwrap(self.stepper.model),
            self.stepper.optimizer,
            self.reader.state(),
            self.config,
        )
        self.recorder.event(self.step, "checkpoint")


def _due(step: int, every: int | None) -> bool:
    return every is not None and step % every == 0
