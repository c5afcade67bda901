"""What a reward model has in the place of the vocabulary: one number a token, a score of all that stands up to it.

Axes: s tokens (of this rank, under sequence parallelism), b sequences, h hidden size.
"""

import torch
import torch.nn.functional as F
from megatron.core import tensor_parallel
from megatron.core.transformer.transformer_config import TransformerConfig
from torch import Tensor, nn

from megatron_qm.model.norm import mark_as_replicated


class ScoreHead(nn.Module):
    """Stands in for Megatron's output layer. Its row `score` [1, h] is whole on every TP rank, and multiplied in FP32: BF16 would
    leave 128 different scores between 1 and 2."""

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__()
        self.score = nn.Parameter(torch.zeros(1, config.hidden_size, dtype=config.params_dtype))
        self._sequence_parallel = config.sequence_parallel
        mark_as_replicated(self.score, config.sequence_parallel)

    def forward(self, hidden_sbh: Tensor, **_: object) -> tuple[Tensor, None]:
        """(scores [s, b, 1] of all tokens, no bias)."""
        score_sb1: Tensor = F.linear(hidden_sbh.float(), self.score.float())
        if self._sequence_parallel:  # each rank goes on alone with the same numbers: its own tokens' gradients are its own
            score_sb1 = tensor_parallel.gather_from_sequence_parallel_region(score_sb1, tensor_parallel_output_grad=False)
        return score_sb1, None


def is_score_head(name: str) -> bool:
    """Whether a parameter of this name, with whatever stands before it, is a score head's."""
    return name.endswith("output_layer.score")
