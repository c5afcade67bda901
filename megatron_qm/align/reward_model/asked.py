"""A checkpoint of a reward model as those who ask it see it, behind a door or in the ranks of a run: its tokenizer, its longest
conversation, and what its score is worth. Imports no torch."""

import math
from collections.abc import Mapping
from pathlib import Path

from megatron_qm.checkpoint.manifest import read_manifest
from megatron_qm.config.fusion_rules import SCORE
from megatron_qm.config.model import ModelConfig
from megatron_qm.json_types import object_of
from megatron_qm.rewards.outcome import Outcome, Scored, Unscored
from megatron_qm.tokenizer import TextTokenizer

_LONGEST = 8192  # tokens of a conversation, and of a row that is read at once


def longest_of(model: ModelConfig) -> int:
    """Tokens of the longest conversation that it is asked about."""
    return min(model.max_positions, _LONGEST)


def tokenizer_of(checkpoint: Path, instead: Path | None = None, arguments: Mapping[str, object] | None = None) -> TextTokenizer:
    """Its own, or `instead`, with the arguments of the chat template that it was trained with, and `arguments` over them. Raises
    UserError where its template reads no such arguments."""
    config = read_manifest(checkpoint).config
    data = object_of(config, "data") if config.get("data") else {}
    trained = object_of(data, "template_arguments") if data.get("template_arguments") else {}
    return TextTokenizer.of_model(checkpoint, instead, {**trained, **(arguments or {})})


def outcome_of_score(score: float | Unscored) -> Outcome:
    """The value is the sigmoid of the score, the part `score` the score itself."""
    if isinstance(score, Unscored):
        return Unscored(f"reward model: {score.reason}")
    if not math.isfinite(score):
        return Unscored(f"reward model: its score is {score}")
    return Scored(1 / (1 + math.exp(-max(-700.0, min(700.0, score)))), {SCORE: score})
