"""The loss of direct preference optimisation, as an objective of the trainer's step.

A micro-batch brings in `extra`, [b, s] each, what data/responses.py says: end, value, group, reference.

Axes: b rows, s tokens, q responses of the micro-batch, c comparisons, g prompts.
"""

from collections.abc import Mapping

import torch
from torch import Tensor

from megatron_qm.align.dpo.losses import by_token, pair_cost
from megatron_qm.align.preferences.compared import Compared, at_places, sums_by_response
from megatron_qm.config.dpo import DpoLossConfig
from megatron_qm.train.batches import MicroBatch
from megatron_qm.train.objective import NATS, OTHERS, TOKENS, report

NAMES = ("pairs", "accuracy", "lead", "better", "worse", "sft")


class DpoObjective:
    """Called by the step with the model's cross entropy [b, s]. Reported, of each pair: accuracy and lead of the implicit rewards
    (beta times the log-ratio to the reference), both rewards, and the cross entropy per token of the better response. Ties teach
    nothing."""

    temperature = 1.0
    names: tuple[str, ...] = NAMES
    per: Mapping[str, str] = {name: "pairs" for name in NAMES[1:]}

    def __init__(self, config: DpoLossConfig) -> None:
        self._config = config

    def __call__(self, sources: int, batch: MicroBatch, output: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        nats_bs = output[0] if output.dim() == 3 else output
        found = Compared.of(batch)
        compared = found.only(~found.tied_c)
        logp_q, tokens_q = sums_by_response(batch, -nats_bs)
        ratio_q = logp_q - batch.extra["reference"].reshape(-1)[compared.at_q]
        if by_token(self._config):
            ratio_q = ratio_q / tokens_q
        one_c, other_c = ratio_q[compared.one_c], ratio_q[compared.other_c]
        sft_c = -(logp_q / tokens_q)[compared.one_c]
        cost_c = pair_cost(one_c - other_c, self._config) + self._config.sft * sft_c
        cost_g, at_g = compared.mean_by_prompt(cost_c)
        rows = {NATS: at_places(batch, at_g, cost_g.detach()), TOKENS: at_places(batch, at_g, torch.ones_like(cost_g))}
        rows |= self._seen(batch, compared, one_c.detach(), other_c.detach(), sft_c.detach())
        prompts = torch.tensor(len(cost_g), dtype=torch.int, device=cost_g.device)
        return cost_g.sum().float() + 0.0 * output.sum(), prompts, report(sources, batch, rows, len(NAMES))

    def _seen(self, batch: MicroBatch, compared: Compared, one_c: Tensor, other_c: Tensor, sft_c: Tensor) -> dict[int, Tensor]:
        """Rows of the report by `NAMES`, [b, s] each."""
        beta, lead_c = self._config.beta, one_c - other_c
        by_name = {"pairs": torch.ones_like(lead_c), "accuracy": (lead_c > 0) + 0.5 * (lead_c == 0), "lead": beta * lead_c,
                   "better": beta * one_c, "worse": beta * other_c, "sft": sft_c}
        at_c = compared.at_q[compared.one_c]
        return {OTHERS + NAMES.index(name): at_places(batch, at_c, value_c.double()) for name, value_c in by_name.items()}
