"""The policy's loss, as an objective of the trainer's step.

Axes: b rows, s tokens of a row (several responses may share a row; under context parallelism this rank's share of each), q
responses of a micro-batch.
A micro-batch brings, beside its labels and mask (1 on response tokens), in `extra`, [b, s] each, log-probabilities at the
temperature of the sampling:
  old_logp        of the policy that the update starts from (the trainer's own, before the first update on this batch);
                  left out where that is the very policy that is updated: then the ratio is 1 and has its gradient
  reference_logp  of the frozen reference (where kl > 0)
  behaviour_logp  of the engine that sampled (where importance_cap is set)
  advantage       of the response that the token belongs to
  weight          what the token's loss counts, from `token_weights`
  replay          what the token's cross entropy counts, of text that is learnt beside the responses (rl.replay)
  response        which response of the update the token belongs to (gspo); a rank may have some tokens of it, or none
"""

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np
import torch
import torch.distributed as dist
from megatron.core import parallel_state
from megatron.core.tensor_parallel.mappings import (
    copy_to_tensor_model_parallel_region,
    reduce_from_tensor_model_parallel_region,
)
from torch import Tensor

from megatron_qm.align.rl.exponents import bounded_exp
from megatron_qm.config.rl import PolicyLossConfig
from megatron_qm.train.batches import MicroBatch
from megatron_qm.train.objective import NATS, OTHERS, TOKENS, report

NAMES = ("policy_loss", "kl", "clipped", "ratio", "entropy")


class PolicyObjective:
    """Called by the step with the model's cross entropy [b, s], which is minus the policy's log-probability, or [r, b, s] with
    the exact entropy in the third row (the second, of a z-loss, is not learnt from); without it "entropy" is its estimate from
    the sampled tokens. All of the policy at `temperature`, over the whole vocabulary."""

    per: Mapping[str, str] = MappingProxyType({})

    def __init__(self, config: PolicyLossConfig, temperature: float = 1.0, *, replay: bool = False) -> None:
        """temperature: at which the responses are sampled. replay: report what `extra["replay"]` adds to the loss, too."""
        self._config, self.temperature = config, temperature
        self.names: tuple[str, ...] = (*NAMES, "replay") if replay else NAMES

    def __call__(self, sources: int, batch: MicroBatch, output: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        extra, mask_bs = batch.extra, batch.loss_mask_bs
        logp_bs = -(output[0] if output.dim() == 3 else output).float()
        entropy_bs = output[2].detach() if output.dim() == 3 and len(output) > 2 else -logp_bs
        # Where nothing counts the log-probabilities are of other things, and their ratio may overflow.
        old_bs = torch.where(mask_bs > 0, extra.get("old_logp", logp_bs.detach()), logp_bs.detach())
        context = parallel_state.get_context_parallel_group(check_initialized=False)
        loss_bs, ratio_bs, clipped_bs = policy_loss(logp_bs, old_bs, extra["advantage"], mask_bs, self._config,
                                                    extra.get("response"), context)
        if self._config.importance_cap is not None:
            behaviour_bs = torch.where(mask_bs > 0, extra["behaviour_logp"], old_bs)
            loss_bs = loss_bs * bounded_exp(old_bs - behaviour_bs).clamp(max=self._config.importance_cap)
        kl_bs = torch.zeros_like(loss_bs)
        if self._config.kl:
            reference_bs = torch.where(mask_bs > 0, extra["reference_logp"], logp_bs.detach())
            kl_bs = k3(logp_bs, reference_bs)
        total_bs = (loss_bs + self._config.kl * kl_bs) * extra["weight"] * mask_bs
        rows = {NATS: -logp_bs * mask_bs, TOKENS: mask_bs}
        others = (loss_bs, kl_bs, clipped_bs, ratio_bs, entropy_bs)
        rows |= {OTHERS + at: values_bs * mask_bs for at, values_bs in enumerate(others)}
        if "replay" in extra:
            rows[OTHERS + len(others)] = replay_bs = -logp_bs * extra["replay"]
            total_bs = total_bs + replay_bs
        return total_bs.sum(), mask_bs.sum().to(torch.int), report(sources, batch, rows, len(self.names))


def policy_loss(
    logp_bs: Tensor, old_bs: Tensor, advantage_bs: Tensor, mask_bs: Tensor, config: PolicyLossConfig,
    response_bs: Tensor | None, context: dist.ProcessGroup | None = None,
) -> tuple[Tensor, Tensor, Tensor]:
    """(loss, ratio, 1 where clipping took the gradient), [b, s] each; ratio and clipped carry no gradient. context: the ranks
    that hold the other tokens of these rows."""
    if config.kind == "reinforce":
        return -advantage_bs * logp_bs, bounded_exp(logp_bs - old_bs).detach(), torch.zeros_like(logp_bs)
    log_ratio_bs = logp_bs - old_bs
    if config.kind == "gspo":
        if response_bs is None:
            raise ValueError("gspo needs to know which response a token belongs to")
        log_ratio_bs = mean_over_responses(log_ratio_bs, mask_bs, response_bs, context)
    ratio_bs = bounded_exp(log_ratio_bs)
    bounded_bs = ratio_bs.clamp(1 - config.clip_low, 1 + config.clip_high)
    if config.kind == "cispo":
        outside_bs = (ratio_bs != bounded_bs).float()
        return -bounded_bs.detach() * advantage_bs * logp_bs, ratio_bs.detach(), outside_bs
    gain_bs, clipped_bs = _clipped_gain(ratio_bs, bounded_bs, advantage_bs, config.dual_clip)
    return -gain_bs, ratio_bs.detach(), clipped_bs.float()


def _clipped_gain(ratio_bs: Tensor, bounded_bs: Tensor, advantage_bs: Tensor, dual_clip: float | None) -> tuple[Tensor, Tensor]:
    """(PPO's lower bound of ratio x advantage, where that takes the gradient), [b, s] each. With `dual_clip` a negative advantage
    gains no less than dual_clip x advantage (dual clip: Ye et al. 2020, arXiv 1912.09729)."""
    free_bs, held_bs = ratio_bs * advantage_bs, bounded_bs * advantage_bs
    gain_bs, clipped_bs = torch.minimum(free_bs, held_bs), held_bs < free_bs
    if dual_clip is None:
        return gain_bs, clipped_bs
    floor_bs = torch.where(advantage_bs < 0, dual_clip * advantage_bs, -torch.inf)
    return torch.maximum(gain_bs, floor_bs), clipped_bs | (gain_bs < floor_bs)


def mean_over_responses(
    values_bs: Tensor, mask_bs: Tensor, response_bs: Tensor, context: dist.ProcessGroup | None = None
) -> Tensor:
    """[b, s]: at each token the mean of `values_bs` over the counting tokens of its response, wherever in `context` they are."""
    response, mask = response_bs.reshape(-1).long(), mask_bs.reshape(-1)
    count = response.max() + 1
    spread = context if context is not None and context.size() > 1 else None
    if spread is not None:
        dist.all_reduce(count, op=dist.ReduceOp.MAX, group=spread)
    zeros_q = torch.zeros(int(count), device=mask.device)
    sums_q, tokens_q = zeros_q.index_add(0, response, values_bs.reshape(-1) * mask), zeros_q.index_add(0, response, mask)
    if spread is not None:
        sums_q = _sum_over(spread, sums_q)
        dist.all_reduce(tokens_q, group=spread)
    return (sums_q / tokens_q.clamp(min=1))[response].view_as(values_bs)


def _sum_over(group: dist.ProcessGroup, sums_q: Tensor) -> Tensor:
    """The same on every rank. A rank's loss is one part of the step's, so its gradient is summed over the ranks as well; two
    of Megatron's mappings, each of which sums in one direction."""
    summed_q: Tensor = copy_to_tensor_model_parallel_region(reduce_from_tensor_model_parallel_region(sums_q, group), group)
    return summed_q


def k3(logp_bs: Tensor, reference_bs: Tensor) -> Tensor:
    """An unbiased, never negative estimate of KL(policy || reference) from samples of the policy (Schulman 2020)."""
    difference_bs = reference_bs - logp_bs
    return bounded_exp(difference_bs) - difference_bs - 1


def token_weights(mask_bs: np.ndarray, response_bs: np.ndarray, normalise: str, longest: int) -> np.ndarray:
    """float32 [b, s], of the whole global batch: the step divides its sum by the counting tokens T, so that
    sum(weight * loss) / T is the mean over tokens, the mean over responses of their means, or the sum over
    responses x `longest`. response_bs numbers the responses of the global batch, -1 outside of them."""
    tokens = float(mask_bs.sum())
    counting = (mask_bs > 0) & (response_bs >= 0)
    lengths_q = np.bincount(response_bs[counting])
    responses = int((lengths_q > 0).sum())
    weight_bs = np.zeros(mask_bs.shape, np.float32)
    if not responses:
        return weight_bs
    if normalise == "token":
        weight_bs[counting] = 1.0
    elif normalise == "sequence":
        weight_bs[counting] = tokens / responses / lengths_q[response_bs[counting]]
    else:
        weight_bs[counting] = tokens / (responses * longest)
    return weight_bs
