"""What the ranks of test_policy_temperature.py do: rollouts of the model itself at a temperature, and an update on them."""

from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from megatron_qm.align.rl.experience import Experience, judged
from megatron_qm.align.rl.objective import PolicyObjective
from megatron_qm.align.rl.policy import Policy
from megatron_qm.align.rl.updates import Update, engine_gap, updates_of
from megatron_qm.align.rollouts.engine import MegatronEngine
from megatron_qm.config.data import DataConfig
from megatron_qm.config.parallel import ParallelConfig
from megatron_qm.config.rl import PolicyLossConfig, RlConfig, RlRun, SamplingConfig
from megatron_qm.config.train import GuardConfig, OptimizerConfig, PrecisionConfig, TrainConfig
from megatron_qm.model.build import build_model
from megatron_qm.model.generation.request import Request, Sampling
from megatron_qm.model.language_model import LanguageModel
from megatron_qm.model.parallel_groups import parallel_groups
from megatron_qm.platform.runtime import Platform, choose_platform, process_group, ranks_from_environment
from megatron_qm.rewards.items import Item
from megatron_qm.rewards.outcome import Scored
from megatron_qm.train.guard import Guard
from megatron_qm.train.optimizer import build_optimizer, data_parallel, dismantle
from megatron_qm.train.step import Stepper
from tests.align.policy_runs import MODEL, NAMES, SAMPLES, VOCAB

PROMPTS = 3
SHARPER = 8.0  # times the initial output weights: a policy that is nearly uniform is the same at every temperature
KL = 0.1


def learn(cases: dict[str, dict[str, Any]], parallel: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """{case: {row: [loss, grad_norm, *NAMES], gap: largest of engine and trainer, and from one process "by torch": [loss,
    grad_norm, kl, entropy] of the reference}}. A case holds keys of SamplingConfig."""
    platform, layout = choose_platform("cpu"), ParallelConfig(**parallel)
    torch.set_num_threads(1)
    with process_group(platform, ranks_from_environment()), platform.scope(), parallel_groups(layout):
        return {name: _learn(platform, layout, SamplingConfig(max_new_tokens=12, **case)) for name, case in cases.items()}


def _learn(platform: Platform, parallel: ParallelConfig, sampling: SamplingConfig) -> dict[str, Any]:
    loss = PolicyLossConfig(kl=KL, normalise="token")
    rl = RlConfig(prompts=PROMPTS, samples=SAMPLES, sampling=sampling, loss=loss, pack=False)
    config = RlRun(parallel=parallel, rl=rl, data=DataConfig(sequence_length=64),
                   train=TrainConfig(global_batch_size=PROMPTS * SAMPLES, micro_batch_size=2))
    platform.seed(1)
    chunks, reference = (_sharp(build_model(MODEL.resolved(), parallel, platform, PrecisionConfig(), seed=seed, entropy=True))
                         for seed in (1, 2))
    wrapped = data_parallel(chunks, parallel, PrecisionConfig())
    settings = OptimizerConfig()
    stepper = Stepper(wrapped, build_optimizer(wrapped, settings, parallel), settings, 1, Guard(GuardConfig(), platform.device),
                      objective=PolicyObjective(rl.loss, sampling.temperature))
    policy = Policy(wrapped, MegatronEngine(chunks), reference, lambda: None, sampling.temperature)
    try:
        [update] = policy.with_reference(policy.with_own(updates_of(experience(policy, rl), config, platform)))
        gap = engine_gap(update, [batch.extra["old_logp"] for batch in update])
        assert gap is not None
        seen = stepper.look(update, len(update))
        found = {"row": [_total(seen.losses), seen.grad_norm, *map(seen.losses.mean_per_token, NAMES)], "gap": gap.largest}
        return found if parallel.tp > 1 else found | {"by torch": by_torch(chunks[0], reference[0], update, sampling)}
    finally:
        dismantle(wrapped)


def _sharp(chunks: list[LanguageModel]) -> list[LanguageModel]:
    with torch.no_grad():
        for chunk in chunks:
            chunk.embedding.word_embeddings.weight.mul_(SHARPER)
    return chunks


def _total(losses: Any) -> float:
    return losses.mean_per_token("policy_loss") + KL * losses.mean_per_token("kl")


def experience(policy: Policy, rl: RlConfig) -> Experience:
    """Of the policy's own rollouts; rewards by the number of the response."""
    asked = [Item(f"p{n}", "exam", ({"role": "user", "content": "?"},), "A") for n in range(PROMPTS) for _ in range(SAMPLES)]
    drawn = Sampling(temperature=rl.sampling.temperature, top_p=rl.sampling.top_p, top_k=rl.sampling.top_k, max_new_tokens=12)
    requests = [Request(f"{item.key}#{n}", (n // SAMPLES + 1, 7, 9), drawn, seed=3) for n, item in enumerate(asked)]
    rollouts = policy.engine.generate(requests)
    found = judged(asked, rollouts, [Scored(n * n % 7 / 6) for n in range(len(asked))], None, rl)
    return replace(found, advantage_n=found.advantage_n * 2)


def by_torch(chunk: LanguageModel, reference: LanguageModel, update: Update, sampling: SamplingConfig) -> list[float]:
    """[loss, grad_norm, kl, entropy]: TRL's `_get_per_token_logps_and_entropies` (logits over temperature, then selective
    log-softmax) and `_compute_loss` of "bnpo" (PPO's clip per token, k3 times beta, mean over tokens), written out on logits."""
    chunk.zero_grad()
    loss, kl, entropy, tokens = (torch.zeros(()) for _ in range(4))
    for batch in update:
        mask_bs = batch.loss_mask_bs
        logps_bsv = _logits(chunk, batch).div(sampling.temperature).log_softmax(-1)
        per_token_bs = logps_bsv.gather(-1, batch.labels_bs[..., None])[..., 0]
        with torch.no_grad():
            ref_bsv = _logits(reference, batch).div(sampling.temperature).log_softmax(-1)
            ref_bs = ref_bsv.gather(-1, batch.labels_bs[..., None])[..., 0]
        coef_1 = torch.exp(per_token_bs - per_token_bs.detach())
        coef_2 = torch.clamp(coef_1, 1 - 0.2, 1 + 0.2)
        advantages = batch.extra["advantage"]
        kl_bs = torch.exp(ref_bs - per_token_bs) - (ref_bs - per_token_bs) - 1
        loss = loss + ((-torch.min(coef_1 * advantages, coef_2 * advantages) + KL * kl_bs) * mask_bs).sum()
        kl, tokens = kl + (kl_bs.detach() * mask_bs).sum(), tokens + mask_bs.sum()
        entropy = entropy - ((logps_bsv.exp() * logps_bsv).sum(-1).detach() * mask_bs).sum()
    gradients = torch.autograd.grad(loss / tokens, list(chunk.parameters()))
    norm = torch.stack([gradient.square().sum() for gradient in gradients]).sum().sqrt()
    return [float(loss.detach() / tokens), float(norm), float(kl / tokens), float(entropy / tokens)]


def _logits(chunk: LanguageModel, batch: Any) -> Tensor:
    """[b, s, v] of the real vocabulary."""
    found: Tensor = chunk(batch.tokens_bs, batch.position_ids_bs, None)[..., :VOCAB]
    return found
