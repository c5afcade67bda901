"""A whole run in one object, and the way from a recipe's name to it."""

import difflib
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal, TypeVar

from megatron_qm.config.data import DataConfig
from megatron_qm.config.hooks import HooksConfig
from megatron_qm.config.load import load
from megatron_qm.config.lora import LoraConfig
from megatron_qm.config.model import ModelConfig
from megatron_qm.config.parallel import ParallelConfig
from megatron_qm.config.rules import check
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

RECIPES = Path(__file__).parents[1] / "recipes"


@dataclass(frozen=True)
class RunConfig:
    """Everything a pretraining run is made of, and what every later stage shares with it.

    `output` is the run's folder (metrics, checkpoints, report)."""

    output: str = "runs/pretrain"
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
        if self.train.steps is not None:
            return self.train.steps
        return math.ceil(self.train.tokens / self.tokens_per_step)


def find_recipe(name: str) -> Path:
    """A path to a YAML file, or the name of a recipe that ships with the package. Raises UserError otherwise."""
    path = Path(name)
    if path.suffix in (".yaml", ".yml") or path.exists():
        if not path.is_file():
            raise UserError(f"{name}: no such recipe file")
        return path
    shipped = {recipe.stem: recipe for recipe in sorted(RECIPES.glob("*.yaml"))}
    if name in shipped:
        return shipped[name]
    near = difflib.get_close_matches(name, shipped, n=1)
    hint = f"did you mean {near[0]!r}?" if near else "give a .yaml file"
    raise UserError(f"no recipe named {name!r}; {hint} Shipped recipes: {', '.join(shipped)}")


def load_run(recipe: str | Path, overrides: Sequence[str] = (), kind: type[R] = RunConfig,
             complete: Callable[[R], R] = lambda config: config) -> R:
    """The resolved and checked config of a run; `complete` may fill it in before it is checked.

    Raises UserError with the key, the value and the rule broken."""
    path = find_recipe(str(recipe))
    config = load(kind, path, overrides)
    try:
        config = complete(config)
        config = replace(config, model=config.model.resolved())
        check(config)
    except UserError as error:
        raise UserError(f"{path}: {error}") from None
    return config
