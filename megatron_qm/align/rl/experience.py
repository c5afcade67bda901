"""Rollouts and what verifiers say of them -> what a policy learns from, and what people want to know. Numpy only.

Axes: n responses, b rows (one response each), s tokens of a row.
"""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypedDict

import numpy as np

from megatron_qm.align.rl.advantages import advantages, zero_variance
from megatron_qm.align.rl.fusion.told import ComponentSummary
from megatron_qm.align.rollouts.rollout import Rollout
from megatron_qm.config.rl import RlConfig
from megatron_qm.rewards.items import Item
from megatron_qm.rewards.outcome import Outcome, Scored
from megatron_qm.rewards.shaping import repeated_share, soft_overlong

_BINS = 8


@dataclass(frozen=True)
class Experience:
    """A judged batch. reward_n: what is learnt from, None where unscored; advantage_n: 0 there. group_n numbers the prompts."""

    items: Sequence[Item]  # [n]
    rollouts: Sequence[Rollout]  # [n]
    outcomes: Sequence[Outcome]  # [n]
    group_n: Sequence[int]
    reward_n: Sequence[float | None]
    advantage_n: np.ndarray

    def __len__(self) -> int:
        return len(self.rollouts)

    @property
    def compared_n(self) -> Sequence[float | None]:
        """What is compared within groups: the reward, where there is but one."""
        return self.reward_n

    def lacks_score(self, n: int) -> bool:
        """Whether somebody who was asked about response `n` could not tell."""
        return self.reward_n[n] is None

    @property
    def told(self) -> ComponentSummary:
        """Fields of an RlRecord that there are only of named rewards (fusion/told.py)."""
        return {}


def judged(
    items: Sequence[Item], rollouts: Sequence[Rollout], outcomes: Sequence[Outcome], formats: Sequence[float] | None,
    config: RlConfig,
) -> Experience:
    """`items`, [n], repeat for the responses of a group, which stand side by side. formats: the format reward of each."""
    group_n = groups_by_key(items)
    reward_n = [_reward(n, rollouts, outcomes, formats, config) for n in range(len(rollouts))]
    return Experience(items, rollouts, outcomes, group_n, reward_n, advantages(reward_n, group_n, config.advantage))


def groups_by_key(items: Sequence[Item]) -> list[int]:
    """[n]: the number of each one's prompt."""
    names = {name: number for number, name in enumerate(dict.fromkeys(item.key for item in items))}
    return [names[item.key] for item in items]


def _reward(
    n: int, rollouts: Sequence[Rollout], outcomes: Sequence[Outcome], formats: Sequence[float] | None, config: RlConfig
) -> float | None:
    outcome, shaping = outcomes[n], config.shaping
    if not isinstance(outcome, Scored):
        return None
    reward = outcome.value
    if formats is not None:
        reward = (1 - shaping.format_weight) * reward + shaping.format_weight * formats[n]
    return shaped(reward, rollouts[n], config)


def shaped(reward: float, rollout: Rollout, config: RlConfig) -> float:
    """With what a response's length and repetitions take off."""
    shaping = config.shaping
    if shaping.overlong_buffer is not None:
        reward += soft_overlong(len(rollout.tokens), config.sampling.max_new_tokens, shaping.overlong_buffer)
    if shaping.repetition_weight:
        reward -= shaping.repetition_weight * repeated_share(rollout.tokens, shaping.repetition_ngram)
    return reward


def informative(experience: Experience) -> list[int]:
    """Responses [n'] of groups with a gradient: not all of the same reward."""
    flat = zero_variance(experience.compared_n, experience.group_n)
    return [n for n, group in enumerate(experience.group_n) if group not in flat]


def pass_rates(experience: Experience) -> dict[str, float]:
    """{key of an item: mean value of its scored responses}, shaping aside."""
    values: dict[str, list[float]] = defaultdict(list)
    for item, outcome in zip(experience.items, experience.outcomes, strict=True):
        if isinstance(outcome, Scored):
            values[item.key].append(outcome.value)
    return {key: sum(found) / len(found) for key, found in values.items()}


class Summary(TypedDict):
    """Fields of an RlRecord, which says what they are."""

    prompts: int
    rollouts: int
    reward: float | None
    reward_by_task: dict[str, float]
    reward_by_part: dict[str, float]
    reward_by_length: list[tuple[int, int, int, float]]
    length: dict[str, float]
    truncated: float
    zero_variance: float
    unscored: float
    unscored_reasons: dict[str, int]
    entropy: float
    disagreement: float | None


def summary(experience: Experience) -> Summary:
    """What the record of a batch says of its rewards; see docs/rl.md."""
    reward = {n: value for n, value in enumerate(experience.reward_n) if value is not None}
    lengths = [len(rollout.tokens) for rollout in experience.rollouts]
    by_task, by_part = defaultdict(list), defaultdict(list)
    for item, outcome in zip(experience.items, experience.outcomes, strict=True):
        if isinstance(outcome, Scored):
            by_task[item.task].append(outcome.value)
            for part, value in outcome.parts.items():
                by_part[f"{item.task}/{part}"].append(value)
    kinds = Counter(_kind(outcome.reason) for outcome in experience.outcomes if not isinstance(outcome, Scored))
    groups = len(set(experience.group_n))
    logprobs = [p for rollout in experience.rollouts for p in rollout.logprobs]
    return {
        "prompts": groups, "rollouts": len(experience), "reward": _mean(list(reward.values())) if reward else None,
        "reward_by_task": {task: _mean(values) for task, values in sorted(by_task.items())},
        "reward_by_part": {part: _mean(values) for part, values in sorted(by_part.items())},
        "reward_by_length": _by_length([(lengths[n], value) for n, value in reward.items()]),
        "length": {"mean": _mean(lengths), "max": max(lengths)},
        "truncated": _mean([float(rollout.finish_reason == "length") for rollout in experience.rollouts]),
        "zero_variance": len(zero_variance(experience.compared_n, experience.group_n)) / groups,
        "unscored": 1 - len(reward) / len(experience), "unscored_reasons": dict(kinds),
        "entropy": -float(np.mean(logprobs)), "disagreement": _disagreement(experience.outcomes),
    }


def reasons(outcomes: Sequence[Outcome], most: int = 5, longest: int = 200) -> str:
    """Why those without a score have none, counted by kind, the commonest first; each with the first that was said."""
    said = [outcome.reason for outcome in outcomes if not isinstance(outcome, Scored)]
    first: dict[str, str] = {}
    for reason in said:
        first.setdefault(_kind(reason), " ".join(reason[:longest].split()))
    counts = Counter(map(_kind, said)).most_common()
    more = f", and {len(counts) - most} other kinds" if len(counts) > most else ""
    return ", ".join(f"{count} x {first[kind]}" for kind, count in counts[:most]) + more


def _kind(reason: str) -> str:
    return reason.partition(":")[0]


def samples_of(metric: str, experience: Experience, most: int = 5) -> list[str]:
    """Keys of the rollouts to look at when `metric` has left its bound."""
    numbers = range(len(experience))
    if metric == "unscored":
        found = [n for n in numbers if experience.lacks_score(n)]
    elif metric == "truncated":
        found = [n for n in numbers if experience.rollouts[n].finish_reason == "length"]
    elif metric == "zero_variance":
        flat = zero_variance(experience.compared_n, experience.group_n)
        found = [n for n in numbers if experience.group_n[n] in flat]
    elif metric == "disagreement":
        found = [n for n in numbers if isinstance(o := experience.outcomes[n], Scored) and "model" in o.parts]
    elif metric == "length":
        found = sorted(numbers, key=lambda n: -len(experience.rollouts[n].tokens))
    else:  # what pays while the policy runs away (kl, a reward that is not learnt from), what does not where rewards fall
        sign = -1 if metric == "kl" or metric.startswith("reward ") else 1
        scored = [(sign * reward, n) for n, reward in enumerate(experience.reward_n) if reward is not None]
        found = [n for _, n in sorted(scored)]
    return [experience.rollouts[n].key for n in found[:most]]


def _disagreement(outcomes: Sequence[Outcome]) -> float | None:
    """Share of the answers that rules could not read and a model accepted, among all; None where no model was asked."""
    asked = [outcome for outcome in outcomes if isinstance(outcome, Scored) and "model" in outcome.parts]
    return sum(outcome.value > 0 for outcome in asked) / len(outcomes) if asked else None


def _by_length(pairs: Sequence[tuple[int, float]]) -> list[tuple[int, int, int, float]]:
    """(first, last, count, mean reward) of bins of equal count, from short to long."""
    rows = []
    for some in np.array_split(np.array(sorted(pairs), np.float64).reshape(-1, 2), min(_BINS, max(len(pairs), 1))):
        if len(some):
            rows.append((int(some[0, 0]), int(some[-1, 0]), len(some), float(some[:, 1].mean())))
    return rows


def _mean(values: Sequence[float]) -> float:
    return float(np.mean(values))
