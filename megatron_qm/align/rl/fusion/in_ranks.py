"""Reward models of rl.rewards in the ranks that train: each at the run's layout, frozen, without optimizer state."""

import logging
from collections.abc import Sequence
from pathlib import Path

from megatron_qm.align.frozen import frozen_model
from megatron_qm.align.reward_model.asked import longest_of, outcome_of_score, tokenizer_of
from megatron_qm.align.reward_model.scoring import RewardScorer
from megatron_qm.align.rl.fusion.components import Said
from megatron_qm.align.rl.fusion.reward_models import completed, place_of
from megatron_qm.align.rl.fusion.sources import Source, asks, source_of
from megatron_qm.chat import Messages
from megatron_qm.config.fusion import RewardConfig
from megatron_qm.config.rl import RlRun
from megatron_qm.config.train import PrecisionConfig
from megatron_qm.costs.parameters import parameter_count
from megatron_qm.errors import UserError
from megatron_qm.model.language_model import LanguageModel
from megatron_qm.rewards.items import Item
from megatron_qm.rewards.outcome import Outcome
from megatron_qm.training import Parts

logger = logging.getLogger(__name__)


class RewardModels:
    """All ranks make it and ask it together. Raises UserError for a checkpoint that cannot be read, or is not the one that the
    config was completed from."""

    def __init__(self, config: RlRun, parts: Parts) -> None:
        self._rewards = config.rl.rewards
        self._scorers: dict[Source, RewardScorer] = {}
        for number, reward in enumerate(config.rl.rewards):
            if reward.checkpoint is not None and source_of(reward) not in self._scorers:
                self._scorers[source_of(reward)] = _scorer(config, parts, completed(reward, number), number)

    def __bool__(self) -> bool:
        return bool(self._scorers)

    def said(self, items: Sequence[Item], texts: Sequence[str]) -> Said:
        """On every rank the same: of each model, by its source's label, what its rewards ask about."""
        return {source.label: self._outcomes(source, scorer, items, texts) for source, scorer in self._scorers.items()}

    def _outcomes(
        self, source: Source, scorer: RewardScorer, items: Sequence[Item], texts: Sequence[str]
    ) -> list[Outcome | None]:
        asked = [n for n, item in enumerate(items) if asks(self._rewards, source, item)]
        outcomes: list[Outcome | None] = [None] * len(items)
        for n, score in zip(asked, scorer([conversation(items[n], texts[n]) for n in asked]), strict=True):
            outcomes[n] = outcome_of_score(score)
        return outcomes


def conversation(item: Item, text: str) -> Messages:
    """What a reward model reads: all that was asked, and the response as verifiers see it, its thought included."""
    return [*item.messages, {"role": "assistant", "content": text}]


def _chunks(config: RlRun, parts: Parts, reward: RewardConfig, place: str) -> list[LanguageModel]:
    """This rank's chunks."""
    assert reward.model is not None, "the config was completed from its checkpoints"
    path, precision = Path(str(reward.checkpoint)), PrecisionConfig(params=reward.dtype or config.precision.params)
    try:
        return frozen_model(config, parts, path, reward.model, precision)
    except UserError as error:
        raise UserError(f"{place}: {error}") from None


def _scorer(config: RlRun, parts: Parts, reward: RewardConfig, number: int) -> RewardScorer:
    assert reward.model is not None, "the config was completed from its checkpoints"
    chunks = _chunks(config, parts, reward, place_of(reward, number))
    if parts.ranks.rank == 0:
        logger.info("rl.rewards: %s is scored by %s, %s, %s parameters, at the run's layout", reward.name,
                    source_of(reward).label, reward.checkpoint, f"{parameter_count(reward.model):,}")
    tokenizer = tokenizer_of(Path(str(reward.checkpoint)))
    return RewardScorer(chunks, tokenizer, longest_of(reward.model), config.train.micro_batch_size, parts.watchdog.move)
