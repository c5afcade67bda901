"""A whole run in one object."""

import math
from dataclasses import dataclass, field
from typing import Literal

from megatron_qm.config.data import DataConfig
from megatron_qm.config.lora import LoraConfig
from megatron_qm.config.model import ModelConfig
from megatron_qm.config.parallel import ParallelConfig
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


@dataclass(frozen=True)
class RunConfig:
    """Everything a pretraining run is made of, and what every later stage shares with it.

    `output` is the run's folder (metrics, checkpoints, report)."""

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
    lora: LoraConfig | None = None  # train adapters on frozen weights; null: train all weights

    @property
    def tokens_per_step(self) -> int:
        return self.train.global_batch_size * self.data.sequence_length

    @property
    def total_steps(self) -> int:
        if self.train.steps is not None:
            return self.train.steps
        return math.ceil(self.train.tokens / self.tokens_per_step)
