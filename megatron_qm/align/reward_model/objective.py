"""The loss of a reward model, as an objective of the trainer's step.

A micro-batch brings in `extra`, [b, s] each, what data/responses.py says: end, value, group. A response's score is the model's at
its last token, which is the last of the conversation as the template writes it: where transformers' classifiers look.

Axes: b rows, s tokens, q responses of the micro-batch, c comparisons, g prompts.
"""

from collections.abc import Mapping

import torch
from torch import Tensor

from megatron_qm.align.preferences.compared import Compared, at_places, sums_by_response
from megatron_qm.align.reward_model.losses import pair_cost, tie_cost
from megatron_qm.config.reward_model import RewardLossConfig
from megatron_qm.train.batches import MicroBatch
from megatron_qm.train.objective import NATS, OTHERS, TOKENS, report

NAMES = ("prompts", "score", "pairs", "accuracy", "lead", "ties", "gap")


class RewardObjective:
    """Called by the step with the scores of all tokens [b, s]. Reported: how many prompts there are for each that has a loss; of
    each prompt the mean score of its responses, pairs and ties; of each pair accuracy, and lead (by how much the better one's
    score is higher); of each tie gap (how far apart the scores are)."""

    temperature = 1.0
    names: tuple[str, ...] = NAMES
    per: Mapping[str, str] = {"score": "prompts", "pairs": "prompts", "ties": "prompts", "accuracy": "pairs", "lead": "pairs",
                              "gap": "ties"}

    def __init__(self, config: RewardLossConfig) -> None:
        self._config = config

    def __call__(self, sources: int, batch: MicroBatch, output: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        compared = Compared.of(batch)
        score_q = output.reshape(-1)[compared.at_q].float()
        cost_g, at_g = self._cost(batch, compared, score_q)
        rows = _seen(batch, compared, score_q.detach())
        rows |= {NATS: at_places(batch, at_g, cost_g.detach()), TOKENS: at_places(batch, at_g, torch.ones_like(cost_g))}
        prompts = torch.tensor(len(cost_g), dtype=torch.int, device=cost_g.device)
        return cost_g.sum() + 0.0 * output.sum(), prompts, report(sources, batch, rows, len(NAMES))

    def _cost(self, batch: MicroBatch, compared: Compared, score_q: Tensor) -> tuple[Tensor, Tensor]:
        """(of each prompt, places), [g] each."""
        if self._config.kind == "regression":
            return compared.mean_by_prompt_of_responses((score_q - compared.value_q).square())
        counted = compared.only(~compared.tied_c) if self._config.ties == "ignore" else compared
        one_c, other_c = score_q[counted.one_c], score_q[counted.other_c]
        d_c = one_c - other_c
        if self._config.length:
            doublings_q = sums_by_response(batch, batch.loss_mask_bs)[1].log2().float()
            d_c = d_c + self._config.length * (doublings_q[counted.one_c] - doublings_q[counted.other_c])
        cost_c = torch.where(counted.tied_c, self._config.tie_weight * tie_cost(one_c - other_c, self._config),
                             pair_cost(d_c, counted.margin_c, self._config))
        return counted.mean_by_prompt(cost_c + self._config.centre * (one_c + other_c).square())


def _seen(batch: MicroBatch, compared: Compared, score_q: Tensor) -> dict[int, Tensor]:
    """Rows of the report by `NAMES`, [b, s] each."""
    lead_c, tied_c = score_q[compared.one_c] - score_q[compared.other_c], compared.tied_c.float()
    right_c = (lead_c > 0) + 0.5 * (lead_c == 0)
    at_c = compared.at_q[compared.one_c]
    mean_g, at_g = compared.mean_by_prompt_of_responses(score_q)
    by_pair = {"pairs": 1 - tied_c, "accuracy": right_c * (1 - tied_c), "lead": lead_c * (1 - tied_c),
               "ties": tied_c, "gap": lead_c.abs() * tied_c}
    rows = {"prompts": at_places(batch, at_g, torch.ones_like(mean_g)), "score": at_places(batch, at_g, mean_g)}
    rows |= {name: at_places(batch, at_c, value_c) for name, value_c in by_pair.items()}
    return {OTHERS + NAMES.index(name): value_bs for name, value_bs in rows.items()}
