"""What a pair costs in direct preference optimisation. config/dpo.py says where each loss is from.

Axes: c comparisons, h_c the log-ratio of the better response less the other's, policy over reference.
"""

from torch import Tensor
from torch.nn.functional import logsigmoid, relu

from megatron_qm.config.dpo import DpoLossConfig


def pair_cost(h_c: Tensor, config: DpoLossConfig) -> Tensor:
    """[c]."""
    if config.kind == "ipo":
        return (h_c - 1 / (2 * config.beta)).square()
    if config.kind == "hinge":
        return relu(1 - config.beta * h_c)
    return -logsigmoid(config.beta * h_c)


def by_token(config: DpoLossConfig) -> bool:
    """Whether log-probabilities are means over the tokens of a response, and not their sums."""
    return config.per_token or config.kind == "ipo"
