"""RMSNorm that works under sequence parallelism without Transformer Engine."""

import torch
from megatron.core.transformer.transformer_config import TransformerConfig


class RMSNorm(torch.nn.RMSNorm):
    """torch's RMSNorm, its weight marked so that Megatron sums its gradient over the TP ranks (each saw its own tokens)."""

    def __init__(self, config: TransformerConfig, hidden_size: int, eps: float = 1e-5, **_: object) -> None:
        super().__init__(hidden_size, eps=eps, dtype=config.params_dtype)
        mark_as_replicated(self.weight, config.sequence_parallel)


def mark_as_replicated(parameter: torch.nn.Parameter, sequence_parallel: bool) -> None:
    """Say whether each TP rank sees its own tokens' gradient alone of a parameter that all of them hold whole."""
    parameter.sequence_parallel = sequence_parallel  # type: ignore[attr-defined]  # where Megatron looks for it
