"""What a step learns from: a loss per token, and what is reported beside it. Each stage of training brings its own.

Axes: b sequences of a micro-batch, s tokens of this rank, k data sources, r rows of the report.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Protocol

import torch
from torch import Tensor

from megatron_qm.train.batches import MicroBatch

NATS, Z, TOKENS, READ, PAIRS = range(5)  # the first rows of every report
OTHERS = 5  # where a stage's own begin


class Objective(Protocol):
    @property
    def names(self) -> tuple[str, ...]:
        """Of the sums that the report holds from row `OTHERS` on, after cross entropy in nats, z-loss, tokens that count, and the
        work: tokens that are read, and pairs of attention."""
        ...

    @property
    def per(self) -> Mapping[str, str]:
        """Of `names`, those whose sums are to be divided by another's, which is named, and not by the tokens that count."""
        ...

    @property
    def temperature(self) -> float:
        """The model's logits are divided by it before `output` is made of them."""
        ...

    def __call__(self, sources: int, batch: MicroBatch, output: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """(sum to be minimised, what it is to be divided by over the global batch, report [OTHERS + len(names), k]).

        `output` is the model's: cross entropy [b, s] of the batch's labels, or [r, b, s] with a z-loss and the entropy in
        the second and third row.
        """
        ...


class CrossEntropy:
    """The mean over all tokens of the global batch that count: pretraining and SFT. entropy: report the third row."""

    temperature = 1.0
    per: Mapping[str, str] = MappingProxyType({})

    def __init__(self, *, entropy: bool = False) -> None:
        self.names: tuple[str, ...] = ("entropy",) if entropy else ()

    def __call__(self, sources: int, batch: MicroBatch, output: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        mask_bs = batch.loss_mask_bs
        parts = (output if output.dim() == 3 else output[None]).float() * mask_bs
        rows = {row: part for row, part in zip((NATS, Z, OTHERS), parts.detach(), strict=False)}
        sums_rk = report(sources, batch, rows | {TOKENS: mask_bs}, len(self.names))
        return parts[:2].sum(), mask_bs.sum().to(torch.int), sums_rk


def report(sources: int, batch: MicroBatch, rows: dict[int, Tensor], others: int) -> Tensor:
    """[OTHERS + others, k]: each row's values [b, s] summed by the source of their token, and the work; rows not given are 0."""
    source = batch.source_bs.reshape(-1)
    sums_rk = torch.zeros(OTHERS + others, sources, device=batch.source_bs.device)
    # Positions start anew where attention does: a token sees as many as its position says, and itself.
    work = {READ: batch.real_bs, PAIRS: batch.real_bs * (batch.position_ids_bs + 1)}
    for row, values_bs in (rows | work).items():
        sums_rk[row].index_add_(0, source, values_bs.detach().reshape(-1).float())
    return sums_rk
