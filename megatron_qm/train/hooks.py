"""Functions of the user that a run calls after its steps and its checkpoints (`hooks` of the recipe)."""

import logging
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from megatron_qm import user_code
from megatron_qm.checkpoint.together import first_problem
from megatron_qm.config.run import RunConfig
from megatron_qm.errors import UserError
from megatron_qm.platform.runtime import Ranks
from megatron_qm.train.schedule import learning_rate
from megatron_qm.train.step import StepResult

Named = tuple[str, Callable[..., object]]

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class StepDone:
    """What `after_step` is told: numbers of the whole job, the same on every rank, and which rank this is.

    loss: mean over the tokens that are learnt. grad_norm: before clipping. tokens: read since the run began. refused: why
    there was no update, None if there was one. others: means that the stage's objective reports. output: the run's folder.
    """

    step: int
    loss: float
    grad_norm: float
    lr: float
    tokens: int
    refused: str | None
    others: Mapping[str, float]
    output: Path
    rank: int
    world_size: int


@dataclass(frozen=True)
class Saved:
    """What `after_save` is told: a checkpoint that is whole, under its final name. output: the run's folder."""

    step: int
    path: Path
    output: Path


class Hooks:
    """The functions of `config`, loaded. All ranks call each method together: a hook that raises on one ends all of them
    with the same UserError, after that rank has logged the traceback."""

    def __init__(self, config: RunConfig, ranks: Ranks, phase: Callable[[str], AbstractContextManager[None]]) -> None:
        """phase: entered while hooks run, so that a hang in one is told as such. Raises UserError for a wrong name."""
        self._after_step = _loaded(config.hooks.after_step, "hooks.after_step")
        self._after_save = _loaded(config.hooks.after_save, "hooks.after_save")
        self._config, self._ranks, self._phase = config, ranks, phase

    def after_step(self, step: int, result: StepResult, tokens: int) -> None:
        config, losses = self._config, result.losses
        self._call(self._after_step, f"after step {step}", lambda: StepDone(
            step, losses.mean, result.grad_norm, learning_rate(step - 1, config.total_steps, config.optimizer, config.schedule),
            tokens, result.refused, losses.other_means or {}, Path(config.output),
            self._ranks.rank, self._ranks.world_size,
        ))

    def after_save(self, path: Path, step: int) -> None:
        self._call(self._after_save, f"after checkpoint {path.name}", lambda: Saved(step, path, Path(self._config.output)),
                   here=self._ranks.rank == 0)

    def _call(self, hooks: Sequence[Named], when: str, told: Callable[[], StepDone | Saved], *, here: bool = True) -> None:
        if not hooks:
            return
        with self._phase("hook"):
            problem = first_problem(self._problem(hooks, when, told()) if here else None)
        if problem is not None:
            raise UserError(problem)

    def _problem(self, hooks: Sequence[Named], when: str, told: StepDone | Saved) -> str | None:
        for name, hook in hooks:
            try:
                hook(told)
            except (Exception, SystemExit) as error:  # whatever a user's function raises
                logger.error("hook %s, %s, rank %d:", name, when, self._ranks.rank, exc_info=error)
                return (f"hook {name} failed {when} on rank {self._ranks.rank}, {user_code.failed(error)}; the run ends here: "
                        "mend the hook or leave it out, and start again to go on from the newest checkpoint")
        return None


def _loaded(names: Sequence[str], where: str) -> list[Named]:
    return [(name, user_code.load(name, where)) for name in names]
