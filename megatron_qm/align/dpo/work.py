"""The stage that learns from comparisons which answers to give: direct preference optimisation."""

from __future__ import annotations

from typing import TYPE_CHECKING

from megatron_qm.align.preferences.work import PreferenceWork
from megatron_qm.config.dpo import DpoRun
from megatron_qm.errors import UserError

if TYPE_CHECKING:
    from megatron_qm.train.feed import Feed
    from megatron_qm.training import Learning, Parts


class PreferenceOptimisation(PreferenceWork[DpoRun]):
    epilog = """\
  megatron-qm dpo --config dpo-tiny-cpu train.start_from=runs/sft/checkpoints/step-00000072 \\
      'dpo.sources=[{name: pairs, path: pairs.jsonl}]'
Model and tokenizer are those of train.start_from where the recipe names none; it is the frozen reference too, unless
dpo.reference names another. Samples are those of reward-model (docs/reward-models.md); ties teach nothing.
"""

    def need(self, config: DpoRun) -> None:
        if config.train.start_from is None:
            raise UserError("train.start_from is not set: the policy starts from a checkpoint, such as sft's last")
        super().need(config)

    def begins_from(self, config: DpoRun) -> list[tuple[str, str | None]]:
        return [*super().begins_from(config), ("dpo.reference", config.dpo.reference)]

    def learning(self, config: DpoRun) -> Learning:
        from megatron_qm.align.dpo.objective import DpoObjective
        from megatron_qm.align.dpo.reference import ensure_reference
        from megatron_qm.train.feed import DatasetFeed
        from megatron_qm.training import Learning

        def feed(parts: Parts) -> Feed:
            ensure_reference(config, parts)
            return DatasetFeed(config, parts.platform, writes=parts.writes)

        objective = DpoObjective(config.dpo.loss)
        return Learning(objective, len(config.data.sources), feed, validation=objective)
