"""How a policy learns from rewards: advantages, the loss, and how its sum is normalised."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class AdvantageConfig:
    """What a response is worth against the others to the same prompt.

    `grpo`: (reward - mean) / std of the group (DeepSeekMath, arXiv 2402.03300, section 4.1). `dr_grpo`: without the division
    (arXiv 2503.20783). `rloo`: against the mean of the others (arXiv 2402.14740).
    """

    kind: Literal["grpo", "dr_grpo", "rloo"] = "grpo"
    epsilon: float = 1.0e-6  # added to the standard deviation


@dataclass(frozen=True)
class PolicyLossConfig:
    """Which surrogate is minimised.

    `ppo`: clipped ratio per token; clip_high above clip_low is DAPO's clip-higher (arXiv 2503.14476). `gspo`: one ratio per
    sequence (arXiv 2507.18071). `cispo`: the clipped ratio as a constant weight, no token loses its gradient (arXiv
    2506.13585). `reinforce`: no ratio at all.
    """

    kind: Literal["ppo", "gspo", "cispo", "reinforce"] = "ppo"
    clip_low: float = 0.2  # the ratio is clipped to [1 - clip_low, 1 + clip_high]
    clip_high: float = 0.2
    kl: float = 0.01  # weight of the k3 estimate of KL(policy || reference); 0 needs no reference
    # token: all tokens weigh the same (DAPO). sequence: all responses do (GRPO). constant: tokens divided by
    # responses x max_response_tokens (Dr.GRPO).
    normalise: Literal["token", "sequence", "constant"] = "sequence"
    importance_cap: float | None = None  # truncated importance sampling between the engine's log-probs and the trainer's
