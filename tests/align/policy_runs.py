"""What the ranks of test_policy_layouts.py do: a batch of rollouts learnt from in several updates, by every policy loss."""

from dataclasses import replace
from typing import Any

import numpy as np
import torch

from megatron_qm.align.rl.experience import Experience, judged
from megatron_qm.align.rl.objective import PolicyObjective
from megatron_qm.align.rl.updates import add_logprobs, engine_gap, updates_of
from megatron_qm.align.rollouts.rollout import Rollout
from megatron_qm.config.data import DataConfig
from megatron_qm.config.model import ModelConfig
from megatron_qm.config.parallel import ParallelConfig
from megatron_qm.config.rl import PolicyLossConfig, RlConfig, RlRun, SamplingConfig
from megatron_qm.config.train import GuardConfig, OptimizerConfig, PrecisionConfig, TrainConfig
from megatron_qm.model.build import build_model
from megatron_qm.model.language_model import unwrap
from megatron_qm.model.parallel_groups import parallel_groups
from megatron_qm.platform.runtime import Platform, choose_platform, process_group, ranks_from_environment
from megatron_qm.rewards.items import Item
from megatron_qm.rewards.outcome import Scored, Unscored
from megatron_qm.train.guard import Guard
from megatron_qm.train.optimizer import build_optimizer, data_parallel, dismantle
from megatron_qm.train.step import Stepper

VOCAB, SAMPLES, PROMPTS, UPDATES = 250, 4, 6, 3
MODEL = ModelConfig(family="qwen3", layers=2, hidden_size=32, ffn_hidden_size=64, heads=4, kv_heads=2, head_dim=8,
                    vocab_size=VOCAB, tied_embeddings=True)
NAMES = ("policy_loss", "kl", "clipped", "ratio", "entropy")
ROW = ("loss", "grad_norm", *NAMES)


def learn(cases: dict[str, dict[str, Any]], parallel: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """{case: {rows: [ROW per update], gap: [mean, largest, ratio] of engine and trainer}}. A case holds keys of
    PolicyLossConfig, and `entropy`."""
    platform, layout = choose_platform("cpu"), ParallelConfig(**parallel)
    torch.set_num_threads(1)
    with process_group(platform, ranks_from_environment()), platform.scope(), parallel_groups(layout):
        return {name: _learn(platform, layout, dict(case)) for name, case in cases.items()}


def _learn(platform: Platform, parallel: ParallelConfig, case: dict[str, Any]) -> dict[str, Any]:
    exact = case.pop("entropy", False)
    rl = RlConfig(prompts=PROMPTS, samples=SAMPLES, sampling=SamplingConfig(max_new_tokens=28), loss=PolicyLossConfig(**case),
                  pack=False)
    config = RlRun(parallel=parallel, rl=rl, data=DataConfig(sequence_length=64),
                   train=TrainConfig(global_batch_size=PROMPTS * SAMPLES // UPDATES, micro_batch_size=2))
    platform.seed(1)
    precision, settings = PrecisionConfig(), OptimizerConfig()
    model = MODEL.resolved()
    wrapped = data_parallel(build_model(model, parallel, platform, precision, seed=1, entropy=exact), parallel, precision)
    reference = build_model(model, parallel, platform, precision, seed=2)
    stepper = Stepper(wrapped, build_optimizer(wrapped, settings, parallel), settings, 1, Guard(GuardConfig(), platform.device),
                      objective=PolicyObjective(rl.loss))
    try:
        updates = add_logprobs(updates_of(experience(rl), config, platform), "old_logp", unwrap(wrapped), lambda: None, 1.0)
        gap = engine_gap(updates[0], [batch.extra["old_logp"] for batch in updates[0]])
        if rl.loss.kl:
            updates = add_logprobs(updates, "reference_logp", reference, lambda: None, 1.0)
        results = [stepper.train(update, len(update), 3e-3) for update in updates]
        rows = [[result.losses.mean, result.grad_norm, *map(result.losses.mean_per_token, NAMES)] for result in results]
        return {"rows": rows, "gap": [gap.mean, gap.largest, gap.mean_ratio], "tokens": gap.tokens}
    finally:
        dismantle(wrapped)


def experience(rl: RlConfig) -> Experience:
    """The same for everybody: random responses of 1 to 28 tokens, one of which has no score."""
    draw = np.random.default_rng(5)
    asked = [Item(f"p{n}", "exam", ({"role": "user", "content": "?"},), "A") for n in range(PROMPTS) for _ in range(SAMPLES)]
    rollouts = []
    for n, item in enumerate(asked):
        prompt, tokens = (tuple(draw.integers(0, VOCAB, draw.integers(1, most)).tolist()) for most in (9, 29))
        logprobs = tuple((-np.log(VOCAB) + draw.normal(0, 0.3, len(tokens))).tolist())
        rollouts.append(Rollout(f"{item.key}#{n}", prompt, tokens, logprobs, None, "stop", 0, 0, "x"))
    outcomes = [Scored(float(value)) for value in draw.random(len(asked))]
    found = judged(asked, rollouts, [*outcomes[:5], Unscored("deadline"), *outcomes[6:]], None, rl)
    return replace(found, advantage_n=found.advantage_n * 2)
