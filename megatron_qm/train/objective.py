"""What a step learns from: a loss per token, and what is reported beside it. Each stage of training brings its own.

Axes: b sequences of a micro-batch, s tokens of this rank, k data sources, r rows of the report.
"""

from typing import Protocol

import torch
from torch import Tensor

from megatron_qm.train.batches import MicroBatch

NATS, Z, TOKENS = 0, 1, 2  # the first rows of every report


class Objective(Protocol):
    @property
    def names(self) -> tuple[str, ...]:
        """Of the sums that the report holds after cross entropy in nats, z-loss, and tokens that count."""
        ...

    @property
    def temperature(self) -> float:
        """The model's logits are divided by it before `output` is made of them."""
        ...

    def __call__(self, sources: int, batch: MicroBatch, output: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """(sum to be minimised, what it is to be divided by over the global batch, report [3 + len(names), k]).

        `output` is the model's: cross entropy [b, s] of the batch's labels, or [r, b, s] with a z-loss and the entropy in
        the second and third row.
        """
        ...


class CrossEntropy:
    """The mean over all tokens of the global batch that count: pretraining and SFT. entropy: report the third row."""

    temperature = 1.0

    def __init__(self, *, entropy: bool = False) -> None:
        self.names: tuple[str, ...] = ("entropy",) if entropy else ()

    def __call__(self, sources: int, batch: MicroBatch, output: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        mask_bs = batch.loss_mask_bs
        parts = (output if output.dim() == 3 else output[None]).float() * mask_bs
        rows = {row: part for row, part in zip((NATS, Z, 3), parts.detach(), strict=False)}
        sums_rk = report(sources, batch, rows | {TOKENS: mask_bs}, 3 + len(self.names))
        return parts[:2].sum(), mask_bs.sum().to(torch.int), sums_rk


def report(sources: int, batch: MicroBatch, rows: dict[int, Tensor], count: int) -> Tensor:
    """[count, k]: each row's values [b, s] summed by the source of their token; rows not given are 0."""
    source = batch.source_bs.reshape(-1)
    sums_rk = torch.zeros(count, sources, device=batch.source_bs.device)
    for row, values_bs in rows.items():
        sums_rk[row].index_add_(0, source, values_bs.detach().reshape(-1).float())
    return sums_rk
