"""A step of a run, again: its very batch on the weights that it met, with nothing learnt and nothing written."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from megatron_qm.checkpoint.folder import published, step_of
from megatron_qm.data.ledger import step_record
from megatron_qm.errors import UserError
from megatron_qm.train.batches import micro_batches
from megatron_qm.train.loop import Trainer
from megatron_qm.train.step import StepResult


@dataclass(frozen=True)
class Replayed:
    """result: of the whole step, no update made. loss_n: of each of its sequences, nats per token, in their order.
    began: the step from which the run was repeated. plan: the ledger's line of the step."""

    result: StepResult
    loss_n: list[float]
    began: int
    plan: dict


def replay_step(trainer: Trainer, step: int) -> Replayed:
    """Go on from the newest good checkpoint before `step`, repeat what lies between, and look at `step`. Collective.

    `trainer` must be one that writes nothing (`assemble(..., read_only=True)`). Raises UserError where the run's first
    steps are gone.
    """
    began = _restore_before(trainer, step)
    while trainer.step < step - 1:
        trainer.one_step()
    plan, batches, count = trainer.feed.look()
    result = trainer.stepper.look(trainer.moving(batches), count)
    losses = _by_sequence(trainer, len(plan))
    return Replayed(result, losses, began, step_record(step, plan))


def _restore_before(trainer: Trainer, step: int) -> int:
    if not 1 <= step <= trainer.config.total_steps:
        raise UserError(f"--step {step}: the run has steps 1 to {trainer.config.total_steps}")
    directory = Path(trainer.config.output) / "checkpoints"
    for folder in published(directory):
        if step_of(folder) < step and trainer.store.is_good(folder):
            trainer.load(folder, whole=True)
            return trainer.step
    start_from = trainer.config.train.start_from
    if start_from is not None:
        trainer.load(Path(start_from), whole=not trainer.config.train.init_model_only)
    return trainer.step  # from the beginning: the same seed gives the same weights


def _by_sequence(trainer: Trainer, sequences: int) -> list[float]:
    """Every sequence as if it were a source of its own; with the weights as they are."""
    size, config = trainer.config.train.micro_batch_size, trainer.config
    feed = trainer.feed
    batch = feed.reader.read(feed.reader.plan_step(config.train.global_batch_size), feed.sequences)
    batch = replace(batch, source_b=np.array(feed.sequences, batch.source_b.dtype))
    batches = micro_batches(batch, size, feed.place, trainer.platform.device, packed=config.data.reset_at_document_ends)
    losses = trainer.stepper.evaluate(batches, len(feed.sequences) // size, sequences)
    return [float("nan") if (mean := losses.mean_of(n)) is None else mean for n in range(sequences)]
