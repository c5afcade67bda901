"""What a stage does where stages differ. Its name, config and help stand in config/stages.py; whatever is not said here is
the same for all: ranks, steps, checkpoints, guard, watchdog, records. Imports no torch before `learning`."""

from __future__ import annotations

import importlib
from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Generic, TextIO, TypeVar

from megatron_qm.config.run import RunConfig
from megatron_qm.config.stages import Stage
from megatron_qm.errors import UserError
from megatron_qm.evals.examination import check_examination
from megatron_qm.identities import check_named

if TYPE_CHECKING:
    from megatron_qm.training import Learning

R = TypeVar("R", bound=RunConfig)


class Work(ABC, Generic[R]):
    """One object without state a stage. Every method raises UserError for what the user can mend."""

    epilog: ClassVar[str] = ""  # of the verb's help: examples, and what the data look like

    def completed(self, config: R) -> R:
        """With what the recipe does not say of other checkpoints than train.start_from, and they do."""
        return config

    def need(self, config: R) -> None:
        """What a run, unlike a plan, cannot go without: raises UserError for the first that the recipe does not name."""

    def check(self, config: R) -> None:
        """The stage's own rules on its keys, beyond those of config/rules.py."""

    def counted(self, config: R) -> R:
        """As `prepare`, with nothing written: for plans and dry runs."""
        return config

    def prepare(self, config: R, rank: int, check: Callable[[R], None]) -> R:
        """Makes what the run reads, where it is not there yet: rank 0 makes, the others wait. check: is asked before anything
        in the run's folder changes."""
        check(config)
        return config

    def ready(self, config: R) -> None:
        """Asked of a start and of a dry run, once what the run needs is named: raises UserError for what its ranks would refuse,
        as far as that can be told with nothing written."""
        check_examination(config)
        if config.train.start_from is not None:
            check_named("train.start_from", config.train.start_from)

    @abstractmethod
    def data_plan(self, config: R) -> str:
        """What the run will read, for people."""

    def show(self, config: R, count: int, stream: TextIO) -> None:
        """The first `count` samples to `stream`, for people, with what is learnt of them marked. Writes no file."""
        raise UserError("--show: this stage has no samples of which a part is learnt")

    @abstractmethod
    def read_in(self, run: Path, step: int) -> str:
        """What a step of the run in `run` has read, for people."""

    @abstractmethod
    def learning(self, config: R) -> Learning:
        """What the trainer is fed with, and learns from it."""

    def looking(self, config: R, aside: Path) -> Learning:
        """As `learning`, for a run that is looked at and not touched; `aside` is a folder to write to instead."""
        return self.learning(config)

    def drill(self, config: R, folder: Path) -> list[str]:
        """Overrides that make the recipe one for a drill of a few steps; `folder` may hold data for it."""
        return []

    def heard(self, undisturbed: Path, killed: Path) -> None:
        """Of a drill, before the run that is killed begins: what the other one has heard from outside, such as the verdicts of a
        judge that samples, this one is to hear too."""


def work_of(stage: Stage) -> Work[RunConfig]:
    """The stage's room is imported now."""
    module, _, name = stage.work.partition(":")
    work: Work[RunConfig] = getattr(importlib.import_module(module), name)()
    return work
