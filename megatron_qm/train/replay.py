"""A step of a run, again: its very batch on the weights that it met, with nothing learnt and nothing written."""

from dataclasses import dataclass
from pathlib import Path

from megatron_qm.checkpoint.folder import published, step_of
from megatron_qm.errors import UserError
from megatron_qm.train.feed import Units
from megatron_qm.train.loop import Trainer
from megatron_qm.train.step import StepResult


@dataclass(frozen=True)
class Replayed:
    """result: of the whole step, no update made. units: what it learnt from; loss_n: the cross entropy of each, nats per token,
    in their order. began: the step from which the run was repeated."""

    result: StepResult
    units: Units
    loss_n: list[float]
    began: int


def replay_step(trainer: Trainer, step: int) -> Replayed:
    """Go on from the newest good checkpoint before `step`, repeat what lies between, and look at `step`. Collective.

    `trainer` must be one that writes nothing (`assemble(..., read_only=True)`). Raises UserError where the run's first
    steps are gone.
    """
    began = _restore_before(trainer, step)
    while trainer.step < step - 1:
        trainer.one_step()
    batches, count = trainer.feed.next(step)
    result = trainer.stepper.look(trainer.moving(batches), count)
    units = trainer.feed.units(step)
    losses = trainer.stepper.evaluate(units.batches, units.count, len(units.rows))
    loss_n = [float("nan") if (mean := losses.mean_of(n)) is None else mean for n in range(len(units.rows))]
    return Replayed(result, units, loss_n, began)


def _restore_before(trainer: Trainer, step: int) -> int:
    if not 1 <= step <= trainer.config.total_steps:
        raise UserError(f"--step {step}: the run has steps 1 to {trainer.config.total_steps}")
    directory = Path(trainer.config.output) / "checkpoints"
    for folder in published(directory):
        at = step_of(folder)
        if at is not None and at < step and trainer.store.is_good(folder):
            trainer.load(folder, whole=True)
            return trainer.step
    start_from = trainer.config.train.start_from
    if start_from is not None:
        trainer.load(Path(start_from), whole=not trainer.config.train.init_model_only)
    return trainer.step  # from the beginning: the same seed gives the same weights
