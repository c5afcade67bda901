"""Checkpoints of reward models that rl.rewards names: what they say of themselves, before a rank is started. Imports no torch."""

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from megatron_qm.align.reward_model.asked import tokenizer_of
from megatron_qm.checkpoint.manifest import MANIFEST, Manifest, read_manifest, reward_model_of
from megatron_qm.config.fusion import RewardConfig
from megatron_qm.config.model import ModelConfig, other_shape
from megatron_qm.config.require import BrokenRuleError
from megatron_qm.config.rl import RlConfig, RlRun, shape_of_reward_model
from megatron_qm.errors import UserError
from megatron_qm.files import sha256


def with_reward_models(config: RlRun) -> RlRun:
    """With shape and digest of each reward model that is there. Raises UserError for what is no reward model, for one of another
    shape or digest than the recipe states, and for one that is not there where the recipe states no shape."""
    rewards = list(config.rl.rewards)
    for number, reward in _named(config.rl):
        rewards[number] = completed(reward, number)
    return replace(config, rl=replace(config.rl, rewards=rewards))


def check_reward_models(config: RlConfig) -> None:
    """Raises UserError for a reward model that no run can ask: it is not there, or has no chat template."""
    for number, reward in _named(config):
        checkpoint = _manifest(reward, number)[0]
        try:
            chats = tokenizer_of(checkpoint).chats
        except UserError as error:
            raise UserError(f"{place_of(reward, number)}: {error}") from None
        if not chats:
            raise UserError(f"{place_of(reward, number)}: its tokenizer has no chat template, through which it reads a "
                            "conversation")


def place_of(reward: RewardConfig, number: int) -> str:
    """What names the checkpoint of a reward, for messages."""
    return f"rl.rewards.{number}.checkpoint = {reward.checkpoint}"


def _named(config: RlConfig) -> Iterator[tuple[int, RewardConfig]]:
    return ((number, reward) for number, reward in enumerate(config.rewards) if reward.checkpoint)


def completed(reward: RewardConfig, number: int) -> RewardConfig:
    """With what its checkpoint says. Raises UserError likewise."""
    if reward.model is not None and not os.path.exists(Path(str(reward.checkpoint)) / MANIFEST):
        return reward  # a plan for one that is still to be trained
    place, (checkpoint, manifest) = place_of(reward, number), _manifest(reward, number)
    model, digest = reward_model_of(manifest, place), sha256(checkpoint / MANIFEST)
    if reward.model is not None:
        _check_shape(shape_of_reward_model(reward.model, number), model, place, f"rl.rewards.{number}.model")
    if reward.digest not in (None, digest):
        key = f"rl.rewards.{number}.digest"
        raise BrokenRuleError(f"{place}: the sha256 of its {MANIFEST} is {digest}, and {key} = {reward.digest}: bring that one "
                              "back, or leave the digest out", key)
    return replace(reward, model=model, digest=digest)


def _manifest(reward: RewardConfig, number: int) -> tuple[Path, Manifest]:
    checkpoint = Path(str(reward.checkpoint))
    try:
        return checkpoint, read_manifest(checkpoint)
    except (UserError, OSError) as error:
        raise BrokenRuleError(f"rl.rewards.{number}.checkpoint: {error}", f"rl.rewards.{number}.checkpoint") from None


def _check_shape(stated: ModelConfig, model: ModelConfig, place: str, key: str) -> None:
    other = other_shape(stated, model)
    if other is not None:
        raise BrokenRuleError(f"{place}: holds a reward model with {other} = {getattr(model, other)}, and {key}.{other} = "
                              f"{getattr(stated, other)}; leave {key} out", key)
