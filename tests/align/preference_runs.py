"""What the ranks of test_preferences.py do: comparisons learnt from in a few steps, by every loss, at a layout."""

from pathlib import Path
from typing import Any

import torch

from megatron_qm.align.dpo.objective import DpoObjective
from megatron_qm.align.reward_model.objective import RewardObjective
from megatron_qm.config.dpo import DpoLossConfig
from megatron_qm.config.model import ModelConfig
from megatron_qm.config.parallel import ParallelConfig
from megatron_qm.config.reward_model import RewardLossConfig
from megatron_qm.config.train import GuardConfig, OptimizerConfig, PrecisionConfig
from megatron_qm.data.reader import BatchReader, SourceSpec
from megatron_qm.model.build import build_model
from megatron_qm.model.parallel_groups import parallel_groups
from megatron_qm.platform.runtime import Platform, choose_platform, process_group, ranks_from_environment
from megatron_qm.train.batches import micro_batches
from megatron_qm.train.guard import Guard
from megatron_qm.train.objective import Objective
from megatron_qm.train.optimizer import build_optimizer, data_parallel, dismantle
from megatron_qm.train.step import Stepper, this_place

LENGTH, ROWS, STEPS, VOCAB = 48, 8, 3, 250
MODEL = ModelConfig(family="qwen3", layers=2, hidden_size=32, ffn_hidden_size=64, heads=4, kv_heads=2, head_dim=8,
                    vocab_size=VOCAB, tied_embeddings=True)


def learn(prefix: str, cases: dict[str, dict[str, Any]], parallel: dict[str, Any]) -> dict[str, list[list[float]]]:
    """{case: [[loss, gradient norm, every other mean] of each step]}. A case: what, keys of its loss, and `prefix`, `rows`."""
    platform, layout = choose_platform("cpu"), ParallelConfig(**parallel)
    torch.set_num_threads(1)
    with process_group(platform, ranks_from_environment()), platform.scope(), parallel_groups(layout):
        return {name: _learn(Path(prefix), platform, layout, dict(case)) for name, case in cases.items()}


def _learn(prefix: Path, platform: Platform, parallel: ParallelConfig, case: dict[str, Any]) -> list[list[float]]:
    what, prefix, rows = case.pop("what"), Path(case.pop("prefix", prefix)), case.pop("rows", ROWS)
    scored = what == "reward-model"
    objective: Objective = RewardObjective(RewardLossConfig(**case)) if scored else DpoObjective(DpoLossConfig(**case))
    model = ModelConfig(**{**vars(MODEL), "head": "score" if scored else "vocabulary"}).resolved()
    platform.seed(1)
    precision, settings = PrecisionConfig(), OptimizerConfig()
    wrapped = data_parallel(build_model(model, parallel, platform, precision, seed=1), parallel, precision)
    stepper = Stepper(wrapped, build_optimizer(wrapped, settings, parallel), settings, 1, Guard(GuardConfig(), platform.device),
                      objective=objective)
    reader = BatchReader([SourceSpec("pairs", str(prefix))], LENGTH, LENGTH, 1, reset_at_document_ends=True,
                         mask_document_ends=True, vocab_size=VOCAB)
    found = []
    try:
        for _ in range(STEPS):
            plan, place = reader.plan_step(rows), this_place()
            mine = sum(place.sequences(rows, 2), [])
            batches = micro_batches(reader.read(plan, mine), 2, place, platform.device, packed=True)
            result = stepper.train(batches, len(mine) // 2, 3e-3)
            found.append([result.losses.mean, result.grad_norm, *(result.losses.other_means or {}).values()])
            reader.advance(plan)
        return found
    finally:
        dismantle(wrapped)
