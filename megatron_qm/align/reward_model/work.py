"""The stage that learns to score answers: comparisons become datasets, and the model's last layer a score."""

from __future__ import annotations

from typing import TYPE_CHECKING

from megatron_qm.align.preferences.work import PreferenceWork
from megatron_qm.config.reward_model import RewardModelRun
from megatron_qm.errors import UserError

if TYPE_CHECKING:
    from megatron_qm.training import Learning


class RewardModelling(PreferenceWork[RewardModelRun]):
    epilog = """\
  megatron-qm reward-model --config reward-model-tiny-cpu train.start_from=runs/sft/checkpoints/step-00000072 \\
      'reward_model.sources=[{name: pairs, path: pairs.jsonl}]'
Model and tokenizer are those of train.start_from where the recipe names none. A sample is a JSON line with prompt (or messages),
chosen and rejected, and margin or tie; or with responses and scores; TRL's and NeMo-RL's formats are read too
(docs/reward-models.md). --show 20 shows them.
"""

    def check(self, config: RewardModelRun) -> None:
        super().check(config)
        loss = config.reward_model.loss
        if loss.ties == "rao-kupper" and loss.kind != "bradley-terry":
            raise UserError(f"reward_model.loss.ties = rao-kupper is a model of wins and ties together: kind = {loss.kind} has "
                            "wins of its own; set kind=bradley-terry, or ties=closeness")
        if loss.kind == "regression" and loss.ties != "ignore":
            raise UserError(f"reward_model.loss: kind = regression learns each response's own value and compares none: leave out "
                            f"ties = {loss.ties}")
        if loss.kind == "regression" and loss.length:
            raise UserError(f"reward_model.loss: kind = regression compares no lengths: leave out length = {loss.length:g}")
        if loss.kind == "regression" and loss.centre:
            raise UserError(f"reward_model.loss: kind = regression has a zero of its own: leave out centre = {loss.centre:g}")

    def learning(self, config: RewardModelRun) -> Learning:
        from megatron_qm.align.reward_model.objective import RewardObjective
        from megatron_qm.training import on_datasets

        return on_datasets(config, RewardObjective(config.reward_model.loss))
