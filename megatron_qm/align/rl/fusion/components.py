"""What each reward says of each response, as one table. Axes: n responses, k rewards."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from megatron_qm.align.rl.fusion.sources import applies, source_of
from megatron_qm.config.fusion import RewardConfig
from megatron_qm.config.fusion_rules import nearest
from megatron_qm.rewards.items import Item
from megatron_qm.rewards.outcome import Outcome, Unscored

Said = Mapping[str, Sequence[Outcome | None]]  # by a source's label, [n] each; None where it was not asked


@dataclass(frozen=True)
class Components:
    """value_nk: NaN where a reward has no score. asked_nk: whether it speaks of such an item at all. why: the reasons of those
    that were asked and have no score. parts_n: those of the item's own verdict. sources: who said each of them, by label. Raises
    ValueError for a number that is none."""

    names: tuple[str, ...]
    value_nk: np.ndarray
    asked_nk: np.ndarray
    why: Mapping[tuple[int, int], str]
    parts_n: Sequence[Mapping[str, float]]
    sources: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for n, k in np.argwhere(self.asked_nk & ~np.isfinite(self.value_nk)):
            if (n, k) not in self.why or np.isinf(self.value_nk[n, k]):
                raise ValueError(f"the reward {self.names[k]!r} of response {n} is {self.value_nk[n, k]}: what is not finite is "
                                 "Unscored, not a number")

    def __len__(self) -> int:
        return len(self.value_nk)

    @property
    def known_nk(self) -> np.ndarray:
        known: np.ndarray = self.asked_nk & ~np.isnan(self.value_nk)
        return known


def components(rewards: Sequence[RewardConfig], items: Sequence[Item], said: Said) -> Components:
    """items: [n]."""
    shape = (len(items), len(rewards))
    value_nk, asked_nk, why = np.full(shape, np.nan), np.zeros(shape, bool), dict[tuple[int, int], str]()
    for k, reward in enumerate(rewards):
        outcomes = said.get(source_of(reward).label, [None] * len(items))
        for n, (item, outcome) in enumerate(zip(items, outcomes, strict=True)):
            if applies(reward, item):
                asked_nk[n, k] = True
                found = _value(reward, outcome)
                if isinstance(found, str):
                    why[n, k] = found
                else:
                    value_nk[n, k] = found
    own = said.get("item", [None] * len(items))
    parts_n = [{} if outcome is None or isinstance(outcome, Unscored) else outcome.parts for outcome in own]
    sources = tuple(source_of(reward).label for reward in rewards)
    return Components(tuple(reward.name for reward in rewards), value_nk, asked_nk, why, parts_n, sources)


def _value(reward: RewardConfig, outcome: Outcome | None) -> float | str:
    """The number, or why there is none."""
    if outcome is None:
        return "not asked: there is no verdict"
    if isinstance(outcome, Unscored):
        return outcome.reason
    if reward.part is None:
        return outcome.value
    if reward.part not in outcome.parts:
        known = nearest(reward.part, list(outcome.parts)) if outcome.parts else "; it has none"
        return f"part: the verdict has no part {reward.part!r}{known}"
    return outcome.parts[reward.part]


def joined(chosen: Iterable[tuple[Components, Sequence[int]]]) -> Components:
    """The responses `n` of each, in order."""
    some = list(chosen)
    value_nk = np.concatenate([found.value_nk[list(members)] for found, members in some])
    asked_nk = np.concatenate([found.asked_nk[list(members)] for found, members in some])
    rows = [(found, n) for found, members in some for n in members]
    names = some[0][0].names
    why = {(at, k): found.why[n, k] for at, (found, n) in enumerate(rows) for k in range(len(names)) if (n, k) in found.why}
    return Components(names, value_nk, asked_nk, why, [found.parts_n[n] for found, n in rows], some[0][0].sources)
