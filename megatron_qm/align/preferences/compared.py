"""The responses of a micro-batch, and which of them are to be compared: what reward models and DPO learn from.

Axes: q responses of the micro-batch, c comparisons, g prompts of which something is compared; b rows, s tokens.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from megatron_qm.train.batches import MicroBatch


@dataclass(frozen=True)
class Compared:
    """at_q: each response's last token, in the flattened rows. value_q: what it is worth. group_q numbers the prompts. one_c,
    other_c: the two responses of each comparison, the better one first; margin_c: what it is worth beyond the other, 0 of a tie.
    """

    at_q: Tensor
    value_q: Tensor
    group_q: Tensor
    one_c: Tensor
    other_c: Tensor
    margin_c: Tensor

    @classmethod
    def of(cls, batch: MicroBatch) -> "Compared":
        """All pairs of responses to the same prompt."""
        at_q = batch.extra["end"].reshape(-1).nonzero()[:, 0]
        value_q = batch.extra["value"].reshape(-1)[at_q]
        names_q2 = torch.stack([batch.source_bs.reshape(-1)[at_q], batch.extra["group"].reshape(-1)[at_q]], 1)
        group_q = names_q2.unique(dim=0, return_inverse=True)[1] if len(at_q) else at_q
        one, other = torch.triu_indices(len(at_q), len(at_q), 1, device=at_q.device)
        same = group_q[one] == group_q[other]
        one, other = one[same], other[same]
        swapped = value_q[other] > value_q[one]
        one, other = torch.where(swapped, other, one), torch.where(swapped, one, other)
        return cls(at_q, value_q, group_q, one, other, value_q[one] - value_q[other])

    def only(self, kept_c: Tensor) -> "Compared":
        """Without the comparisons that are not kept."""
        return Compared(self.at_q, self.value_q, self.group_q, self.one_c[kept_c], self.other_c[kept_c], self.margin_c[kept_c])

    @property
    def tied_c(self) -> Tensor:
        return self.margin_c == 0

    def mean_by_prompt(self, cost_c: Tensor) -> tuple[Tensor, Tensor]:
        """(mean cost of each prompt's comparisons, a place of each in the flattened rows), [g] each, of prompts that have any."""
        return _mean_by(self.group_q[self.one_c], cost_c, self.at_q[self.one_c])

    def mean_by_prompt_of_responses(self, cost_q: Tensor) -> tuple[Tensor, Tensor]:
        """As `mean_by_prompt`, of what each response costs by itself."""
        return _mean_by(self.group_q, cost_q, self.at_q)


def _mean_by(group_n: Tensor, cost_n: Tensor, at_n: Tensor) -> tuple[Tensor, Tensor]:
    names, number_n = group_n.unique(return_inverse=True)
    zeros_g = cost_n.new_zeros(len(names))
    sums_g = zeros_g.index_add(0, number_n, cost_n)
    count_g = zeros_g.index_add(0, number_n, torch.ones_like(cost_n))
    at_g = at_n.new_zeros(len(names))
    at_g[number_n] = at_n  # any of them: they are all of one source
    return sums_g / count_g, at_g


def sums_by_response(batch: MicroBatch, value_bs: Tensor) -> tuple[Tensor, Tensor]:
    """(sums of `value_bs` over the learnt tokens of each response, how many those are), [q] each in FP64, in the order of their
    ends in the flattened rows."""
    end = batch.extra["end"].reshape(-1) > 0
    mask = batch.loss_mask_bs.reshape(-1).double()
    response = end.cumsum(0) - end.long()  # of each token how many have ended before it
    learnt = mask > 0
    zeros_q = torch.zeros(int(end.sum()), device=mask.device, dtype=mask.dtype)
    sums_q = zeros_q.index_add(0, response[learnt], (value_bs.reshape(-1).double() * mask)[learnt])
    return sums_q, zeros_q.index_add(0, response[learnt], mask[learnt])


def at_places(batch: MicroBatch, at_n: Tensor, value_n: Tensor) -> Tensor:
    """[b, s]: the values at the places `at_n` of the flattened rows (those at one place added up), 0 elsewhere."""
    flat = torch.zeros(batch.tokens_bs.numel(), device=value_n.device, dtype=value_n.dtype)
    return flat.index_add(0, at_n, value_n).view_as(batch.tokens_bs)
