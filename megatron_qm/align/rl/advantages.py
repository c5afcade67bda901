"""Rewards of a group of responses to the same prompt -> advantages. Plain numpy; n responses."""

from collections.abc import Sequence

import numpy as np

from megatron_qm.config.rl import AdvantageConfig


def advantages(reward_n: Sequence[float | None], group_n: Sequence[int], config: AdvantageConfig) -> np.ndarray:
    """float64 [n]. None stands for a response that could not be scored: it takes no part in its group's statistics, and its
    own advantage is 0 (the caller masks its tokens). A group with fewer than two scored responses teaches nothing: 0.
    """
    groups = np.asarray(group_n)
    scored = np.array([reward is not None for reward in reward_n], bool)
    rewards = np.array([0.0 if reward is None else reward for reward in reward_n], np.float64)
    if not np.isfinite(rewards).all():
        raise ValueError("a reward is not finite: a verifier's NaN is Unscored, not a number")
    result_n = np.zeros(len(rewards))
    for group in np.unique(groups):
        members = np.flatnonzero((groups == group) & scored)
        if len(members) > 1:
            result_n[members] = _of_group(rewards[members], config)
    return result_n


def _of_group(reward_g: np.ndarray, config: AdvantageConfig) -> np.ndarray:
    advantage_g: np.ndarray = reward_g - reward_g.mean()
    if config.kind == "rloo":  # r_i - mean of the others = (r_i - mean) * g / (g - 1)
        advantage_g = advantage_g * len(reward_g) / (len(reward_g) - 1)
    elif config.kind != "dr_grpo":
        advantage_g = advantage_g / (reward_g.std(ddof=1) + config.epsilon)
    return advantage_g


def zero_variance(reward_n: Sequence[float | None], group_n: Sequence[int]) -> set[int]:
    """Groups whose scored responses all got the same reward, or of which fewer than two were scored: no gradient."""
    groups: dict[int, list[float]] = {}
    for group, reward in zip(group_n, reward_n, strict=True):
        groups.setdefault(group, [])
        if reward is not None:
            groups[group].append(reward)
    return {group for group, rewards in groups.items() if len(rewards) < 2 or max(rewards) == min(rewards)}
