"""What the rank of test_reward_in_ranks.py does: a reward model asked beside a policy that has an optimizer."""

from pathlib import Path
from types import SimpleNamespace

import torch

from megatron_qm.align.rl.fusion.in_ranks import RewardModels
from megatron_qm.align.rl.fusion.reward_models import with_reward_models
from megatron_qm.checkpoint.manifest import model_of, read_manifest
from megatron_qm.checkpoint.store import CheckpointStore
from megatron_qm.config.fusion import RewardConfig
from megatron_qm.config.parallel import ParallelConfig
from megatron_qm.config.rl import RlConfig, RlRun
from megatron_qm.config.train import CheckpointConfig, OptimizerConfig, PrecisionConfig
from megatron_qm.model.build import build_model
from megatron_qm.model.parallel_groups import parallel_groups
from megatron_qm.platform.runtime import choose_platform, process_group, ranks_from_environment
from megatron_qm.rewards.items import Item
from megatron_qm.train.optimizer import build_optimizer, data_parallel, dismantle


def frozen(judge: Path, policy: Path) -> dict[str, object]:
    platform, ranks, parallel = choose_platform("cpu"), ranks_from_environment(), ParallelConfig()
    torch.set_num_threads(1)
    with process_group(platform, ranks), platform.scope(), parallel_groups(parallel):
        chunks = build_model(model_of(read_manifest(policy)), parallel, platform, PrecisionConfig(), seed=1)
        model = data_parallel(chunks, parallel, PrecisionConfig())
        optimizer = build_optimizer(model, OptimizerConfig(), parallel)
        store = CheckpointStore(judge.parent, CheckpointConfig(), platform, read_only=True)
        parts = SimpleNamespace(platform=platform, ranks=ranks, store=store, watchdog=SimpleNamespace(move=lambda: None))
        config = with_reward_models(RlRun(rl=RlConfig(rewards=[RewardConfig("a", checkpoint=str(judge))])))
        try:
            return _found(RewardModels(config, parts), chunks, optimizer)
        finally:
            dismantle(model)


def _found(models: RewardModels, chunks: list, optimizer: object) -> dict[str, object]:
    item = Item("a", "exam", ({"role": "user", "content": "Code of illness a1?"},), "A")
    (said,) = models.said([item, item], ["it is b1", "It is A1."]).values()
    (scorer,) = models._scorers.values()
    held = [parameter for chunk in scorer._chunks for parameter in chunk.parameters()]
    stepped = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    return {
        "parameters": sum(parameter.numel() for parameter in held),
        "parameters_of_the_policy": sum(parameter.numel() for chunk in chunks for parameter in chunk.parameters()),
        "want_gradients": sum(parameter.requires_grad for parameter in held),
        "have_gradients": sum(parameter.grad is not None or hasattr(parameter, "main_grad") for parameter in held),
        "in_optimizer": sum(any(parameter is other for other in stepped) for parameter in held),
        "moments": sum(parameter.numel() for parameter in stepped),
        "scores": [getattr(outcome, "parts", {}).get("score") for outcome in said],
    }
