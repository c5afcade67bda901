"""A whole run in one object."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Literal, TypeVar

from megatron_qm.config.data import DataConfig
from megatron_qm.config.hooks import HooksConfig
from megatron_qm.config.lora import LoraConfig
from megatron_qm.config.model import Head, ModelConfig
from megatron_qm.config.parallel import ParallelConfig
from megatron_qm.config.sources import SourceConfig
from megatron_qm.config.train import (
    CheckpointConfig,
    GuardConfig,
    ObserveConfig,
    OptimizerConfig,
    PrecisionConfig,
    RecomputeConfig,
    ScheduleConfig,
    TrainConfig,
    WatchdogConfig,
)
from megatron_qm.errors import UserError

R = TypeVar("R", bound="RunConfig")


@dataclass(frozen=True)
class Rollouts:
    """responses: for an update. tokens: of a response at most. at_once: responses that a model replica generates together."""

    responses: int
    tokens: int
    at_once: int


@dataclass(frozen=True)
class OtherModel:
    """key: what names it, and as what. model: resolved. dtype: of its parameters (None: the run's)."""

    key: str
    model: ModelConfig
    dtype: Literal["fp32", "bf16"] | None = None


@dataclass(frozen=True)
class RunConfig:
    """Everything a pretraining run is made of, and what every later stage shares with it.

    `output` is the run's folder (metrics, checkpoints, report)."""

    stage: str = "pretrain"  # which stage of a model's life this is: pretrain, sft, reward-model, dpo, rl
    output: str = "runs/pretrain"  # the run's folder: metrics, checkpoints, ledger, report
    device: Literal["auto", "cpu", "a100", "h100", "h200", "b200"] = "auto"  # what the recipe is meant for
    model: ModelConfig = field(default_factory=ModelConfig)
    parallel: ParallelConfig = field(default_factory=ParallelConfig)
    data: DataConfig = field(default_factory=DataConfig)
    train: TrainConfig = field(default_factory=TrainConfig)
    optimizer: OptimizerConfig = field(default_factory=OptimizerConfig)
    schedule: ScheduleConfig = field(default_factory=ScheduleConfig)
    precision: PrecisionConfig = field(default_factory=PrecisionConfig)
    recompute: RecomputeConfig = field(default_factory=RecomputeConfig)
    checkpoint: CheckpointConfig = field(default_factory=CheckpointConfig)
    guard: GuardConfig = field(default_factory=GuardConfig)
    watchdog: WatchdogConfig = field(default_factory=WatchdogConfig)
    observe: ObserveConfig = field(default_factory=ObserveConfig)
    hooks: HooksConfig = field(default_factory=HooksConfig)
    lora: LoraConfig | None = None  # train adapters on frozen weights; null: train all weights

    @property
    def tokens_per_step(self) -> int:
        return self.train.global_batch_size * self.data.sequence_length

    @property
    def total_steps(self) -> int:
        """Raises UserError where it follows from epochs of data that were not counted yet."""
        if self.train.steps is not None:
            return self.train.steps
        if self.train.tokens is not None:
            return math.ceil(self.train.tokens / self.tokens_per_step)
        raise UserError(f"the length of the run follows from {self.epochs_key} = {self.epochs} once its data are counted")

    def with_steps_of(self: R, per_epoch: float) -> R:
        """With the steps that its epochs make. Raises UserError where the recipe gives its length in another way too, and that
        is not the same; a config that was resolved before has both."""
        steps = math.ceil((self.epochs or 0) * per_epoch)
        given = self.train.steps if self.train.tokens is None else self.total_steps
        if given not in (None, steps):
            key = self.epochs_key
            raise UserError(f"set one of {key}, train.steps and train.tokens: {key} = {self.epochs} of these data make {steps} "
                            f"steps, not {given}")
        return replace(self, train=replace(self.train, steps=steps, tokens=None))

    @property
    def length_known(self) -> bool:
        return self.train.steps is not None or self.train.tokens is not None

    # What a later stage says otherwise.

    @property
    def head(self) -> Head:
        """What the last layer of the model says."""
        return "vocabulary"

    @property
    def epochs(self) -> float | None:
        """Passes over the data of the stage, where the recipe gives its length so."""
        return None

    @property
    def epochs_key(self) -> str:
        return f"{self.stage}.epochs"

    @property
    def tokens_planned(self) -> bool:
        """Whether a step reads tokens_per_step tokens, or as many as the policy writes."""
        return True

    @property
    def frozen_models(self) -> int:
        """How many models of the same shape stand beside the one that is trained."""
        return 0

    @property
    def other_models(self) -> Sequence[OtherModel]:
        """Frozen models of other shapes that every rank has its share of, each once."""
        return ()

    @property
    def scored(self) -> int:
        """Forward passes over what is learnt from, beside those of learning."""
        return 0

    @property
    def rollouts(self) -> Rollouts | None:
        """What the trainer's own model generates for an update."""
        return None

    @property
    def datasets(self) -> dict[str, list[SourceConfig]]:
        """All that the run reads tokens from, by the keys that name them."""
        return {"data.sources": self.data.sources, "data.validation": self.data.validation}

    @property
    def packing(self) -> str | None:
        """The key by which several documents with attention of their own share a row, where one does."""
        return "data.reset_at_document_ends" if self.data.reset_at_document_ends else None
