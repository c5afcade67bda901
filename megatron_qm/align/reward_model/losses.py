"""What a comparison costs a reward model, and what a tie does. config/reward_model.py says where each loss is from.

Axes: c comparisons, d_c the score of the better response less the other's.
"""

import math

from torch import Tensor
from torch.nn.functional import logsigmoid

from megatron_qm.config.reward_model import RewardLossConfig


def pair_cost(d_c: Tensor, margin_c: Tensor, config: RewardLossConfig) -> Tensor:
    """[c], of pairs of which one response is better by `margin_c`."""
    if config.kind == "margin":
        return -logsigmoid(d_c - margin_c)
    if config.kind == "scaled":
        return -margin_c * logsigmoid(d_c)
    return -logsigmoid(d_c - _lead(config))


def tie_cost(d_c: Tensor, config: RewardLossConfig) -> Tensor:
    """[c], of pairs of equal worth; least at d = 0. That -log sigmoid(|d|) would be largest there, and drive ties apart."""
    if config.ties == "rao-kupper":
        lead = _lead(config)
        return -math.log(config.theta**2 - 1) - logsigmoid(d_c - lead) - logsigmoid(-d_c - lead)
    return -logsigmoid(-d_c.abs())


def _lead(config: RewardLossConfig) -> float:
    return math.log(config.theta) if config.ties == "rao-kupper" else 0.0
