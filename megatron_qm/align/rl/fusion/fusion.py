"""The rewards of a run as one: what was measured of the reference, how the weights have moved, and batches judged by them."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from megatron_qm.align.rl.experience import Experience, groups_by_key, shaped
from megatron_qm.align.rl.fusion.components import Components, components, joined
from megatron_qm.align.rl.fusion.fuse import Fused, Plan, fuse
from megatron_qm.align.rl.fusion.reference import (
    Identity,
    Reference,
    lacking,
    measured,
    read_reference,
    reference_of_checkpoint,
)
from megatron_qm.align.rl.fusion.sources import source_of
from megatron_qm.align.rl.fusion.told import ComponentSummary, component_summary
from megatron_qm.align.rl.fusion.trend import Trend, weights
from megatron_qm.align.rollouts.rollout import Rollout
from megatron_qm.config.fusion import RewardConfig
from megatron_qm.config.fusion_rules import uses_reference
from megatron_qm.config.rl import RlConfig
from megatron_qm.errors import UserError
from megatron_qm.json_types import JsonObject, object_of
from megatron_qm.rewards.items import Item
from megatron_qm.rewards.outcome import Outcome, Scored, Unscored

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class FusedExperience(Experience):
    """An experience that knows what its rewards were."""

    found: Components
    fused: Fused

    @property
    def compared_n(self) -> Sequence[float | None]:
        return self.fused.total_n

    def lacks_score(self, n: int) -> bool:
        return bool((self.found.asked_nk[n] & ~self.found.known_nk[n]).any())

    @property
    def told(self) -> ComponentSummary:
        return component_summary(self.found, self.fused)


class Fusion:
    """On every rank the same, for all know the same verdicts. of: what statistics of the reference depend on. reference: those
    that the recipe names."""

    def __init__(self, config: RlConfig, of: Identity, reference: Reference | None = None) -> None:
        self._config, self._of = config, of
        self.reference = reference
        self._looked: list[Components] = []  # what was measured in vain: of a rare reward every score counts
        self._trend = Trend.none(len(config.rewards))
        self._base_k = np.array([reward.weight for reward in config.rewards], np.float64)

    @property
    def to_measure(self) -> int:
        """Batches that the reference is still to be measured on; 0 where it need not be."""
        return self._config.fusion.batches if uses_reference(self._config.fusion) and self.reference is None else 0

    def components(self, items: Sequence[Item], said: Mapping[str, Sequence[Outcome | None]]) -> Components:
        return components(self._config.rewards, items, said)

    def measure(self, found: Sequence[Components]) -> None:
        """Before anything is learnt, with all that was measured before in vain: where there are still too few scores, once
        more."""
        looked = [*self._looked, *found]
        self.reference = measured(looked, self._of, self._config.fusion.least_deviation)
        self._looked = looked if self.reference is None else []

    def judged(self, items: Sequence[Item], rollouts: Sequence[Rollout], found: Components,
               group_n: Sequence[int] | None = None) -> FusedExperience:
        """As experience.judged. group_n: of responses that were put together from several batches."""
        groups = groups_by_key(items) if group_n is None else group_n
        shaping_n = [shaped(0.0, rollout, self._config) for rollout in rollouts]
        if self.to_measure:  # nothing to hold values against: nothing is learnt of them
            said = self._unmeasured()
            why = {(n, k): said for n, k in np.argwhere(found.asked_nk).tolist()}
            found = replace(found, value_nk=np.full(found.value_nk.shape, np.nan), why=why | dict(found.why))
        fused = fuse(found, groups, self._plan(), shaping_n)
        outcomes = [self._outcome(n, found, fused) for n in range(len(found))]
        return FusedExperience(items, rollouts, outcomes, groups, fused.reward_n, fused.advantage_n, found, fused)

    def _unmeasured(self) -> str:
        few = ", ".join(f"{name} has {count}" for name, count in lacking(self._looked).items()) or "nothing was measured"
        return (f"reference: needs 2 scores of each reward, and of {len(self._looked)} batches {few}: more batches at once, "
                f"rl.fusion.batches (now {self._config.fusion.batches}), or items that it speaks of")

    def merged(self, chosen: Sequence[tuple[Experience, Sequence[int]]], plain: Experience) -> FusedExperience:
        """`plain`: responses of several batches together, which are `chosen`; judged as one batch."""
        some = [(one.found, members) for one, members in chosen if isinstance(one, FusedExperience)]
        return self.judged(plain.items, plain.rollouts, joined(some), plain.group_n)

    def note(self, experience: Experience) -> None:
        """Of a batch that is learnt from: the weights of the next follow from it."""
        if self._config.fusion.kind == "adaptive" and isinstance(experience, FusedExperience):
            self._trend = self._trend.followed(experience.found, experience.group_n, self._config.fusion.momentum)

    def _plan(self) -> Plan:
        fusion = self._config.fusion
        weight_k = weights(self._config.rewards, self._trend, fusion) if fusion.kind == "adaptive" else self._base_k
        gdpo = fusion.kind == "gdpo"
        return Plan(self._base_k, weight_k, self._config.advantage, self.reference, fusion.clip, gdpo, fusion.cap)

    def _outcome(self, n: int, found: Components, fused: Fused) -> Outcome:
        """For pass rates and reports: the mean of its scored rewards, each held within [0, 1], by the weights of the recipe."""
        if n in fused.unscored:
            return Unscored(fused.unscored[n])
        known_k = found.known_nk[n] & (self._base_k > 0)
        value = np.average(np.clip(found.value_nk[n, known_k], 0.0, 1.0), weights=self._base_k[known_k])
        return Scored(min(max(float(value), 0.0), 1.0), found.parts_n[n])

    # --- what a checkpoint keeps

    def state(self) -> JsonObject:
        return {"rewards": _called(self._config.rewards), "trend": self._trend.to_json(),
                "reference": self.reference and self.reference.to_json()}

    def restore(self, state: Mapping[str, object] | None) -> None:
        """Raises UserError for the state of other rewards, and for statistics that are others or were never measured."""
        now, saved = _called(self._config.rewards), None if state is None else state["rewards"]
        if uses_reference(self._config.fusion):
            self._restore_reference(state, [reward.name for reward in self._config.rewards])
        adaptive = self._config.fusion.kind == "adaptive"
        if adaptive and saved not in (None, now):
            raise UserError(f"rl.rewards: the run has learnt from {saved}, and these are {now}; the weights of rl.fusion.kind = "
                            "adaptive follow from what came before: name the same, or start a new run from the weights, "
                            "train.start_from=CHECKPOINT")
        if saved not in (None, now):
            logger.warning("rl.rewards: the run has learnt from %s, and goes on with %s", saved, now)
        if adaptive and state is not None:
            self._trend = Trend.from_json(object_of(state, "trend"))

    def _restore_reference(self, state: Mapping[str, object] | None, names: Sequence[str]) -> None:
        kept = None if state is None else state.get("reference")
        if kept is None:
            if self.reference is None:
                raise UserError("rl.fusion: the checkpoint holds no statistics of the reference, and its weights are no longer "
                                "those that the run started from: name them in rl.fusion.statistics, or start a new run")
            return
        saved = reference_of_checkpoint(kept, names, self._of)
        if self.reference is not None and self.reference.to_json() != saved.to_json():
            raise UserError(f"rl.fusion.statistics = {self._config.fusion.statistics}: their numbers are not those that the run "
                            "was started with; bring those back, or start a new run")
        self.reference = saved


def _called(rewards: Sequence[RewardConfig]) -> list[str]:
    """By name, and a reward model in the ranks by what it holds."""
    return [f"{one.name} ({source_of(one).label})" if one.checkpoint else one.name for one in rewards]


def fusion_of(config: RlConfig, of: Identity) -> Fusion:
    """Raises UserError where rl.fusion.statistics are not those of this reference, items and rewards."""
    file = config.fusion.statistics
    names = [reward.name for reward in config.rewards]
    given = file is not None and uses_reference(config.fusion)
    return Fusion(config, of, read_reference(Path(str(file)), names, of) if given else None)
