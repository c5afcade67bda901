"""Several rewards of each response -> advantages. Plain numpy. Axes: n responses, k rewards.

    sum       total = sum of w_k r_k, then rl.advantage within the group
    gdpo      z_k = (r_k - mean) / deviation within the group; total = sum of w_k z_k; advantage = (total - mean) / deviation of
              the batch (arXiv 2601.05242)
    frozen    x_k = (r_k - m_k) / d_k of the reference, within +-clip; total = sum of w_k x_k, then rl.advantage

A reward without a score stands at the mean of those of its group that have one: it has no part in statistics, and moves its
response neither way. (Weights shared out among the others would pay for a judge that fails where its reward is low.) Whole
responses are unscored where `unscored_of` says so.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from megatron_qm.align.rl.advantages import advantages
from megatron_qm.align.rl.fusion.components import Components
from megatron_qm.align.rl.fusion.grouped import by_group_deviation, centred, filled, groups_of, known_means
from megatron_qm.align.rl.fusion.reference import Reference
from megatron_qm.config.fusion import CapConfig
from megatron_qm.config.rl import AdvantageConfig


@dataclass(frozen=True)
class Plan:
    """base_k: weights of the recipe. weight_k: those that count now. reference: what values are held against; within_group: each
    by its group's deviation; neither: as they are."""

    base_k: np.ndarray
    weight_k: np.ndarray
    advantage: AdvantageConfig
    reference: Reference | None = None
    clip: float = np.inf
    within_group: bool = False
    cap: CapConfig | None = None

    def cap_at(self, names: Sequence[str]) -> int | None:
        return None if self.cap is None else list(names).index(self.cap.reward)


@dataclass(frozen=True)
class Fused:
    """What a batch's rewards come to.

    reward_n: weights of the recipe times values, and shaping: what is told of, in the unit of the values; a reward that none of
    a group has counts there as the batch's mean of it, so that reports do not fall with a judge. total_n: what is compared
    within groups. push_nk: the part of each reward in the advantage (a cap's part is its reward's; shaping's is left
    out). weight_k: as they counted. capped_n: which failed what the cap asks, None without one. unscored: reasons, by response;
    all else is None or 0 there.
    """

    reward_n: list[float | None]
    total_n: list[float | None]
    advantage_n: np.ndarray
    push_nk: np.ndarray
    weight_k: np.ndarray
    capped_n: np.ndarray | None
    unscored: Mapping[int, str]


def fuse(found: Components, group_n: Sequence[int], plan: Plan, shaping_n: Sequence[float]) -> Fused:
    """shaping_n: what is added to a response's total, under within_group less its group's mean."""
    unscored = unscored_of(found, plan)
    scored_n = np.array([n not in unscored for n in range(len(found))], bool)
    wanted_nk = found.asked_nk & scored_n[:, None]
    known_nk = found.known_nk & wanted_nk
    shaped_n = np.asarray(shaping_n, np.float64)
    term_nk = plan.weight_k * _comparable(found, known_nk, wanted_nk, group_n, plan)
    failed_n, sum_n = _capped(found, scored_n, term_nk, plan)
    plain_nk = filled(found.value_nk, known_nk, wanted_nk, group_n, known_means(found.value_nk, known_nk))
    raw_n = (plan.base_k * plain_nk).sum(axis=1) + shaped_n
    if plan.within_group:
        shaped_n = centred(shaped_n[:, None], scored_n[:, None], group_n)[:, 0]
    total_n = sum_n + shaped_n
    factor_n = _factors(total_n, scored_n, group_n, plan)
    return Fused(
        _with_none(raw_n, scored_n), _with_none(total_n, scored_n), _advantages(total_n, scored_n, group_n, plan),
        centred(term_nk, np.broadcast_to(scored_n[:, None], term_nk.shape), group_n) * factor_n[:, None],
        plan.weight_k, failed_n, unscored,
    )


def unscored_of(found: Components, plan: Plan) -> dict[int, str]:
    """{response: why it has no score as a whole}: none of its rewards has one; or the one that decides the cap has none; or one
    that counts was asked about this batch and has scored nothing at all, for then this is another sum than was asked for."""
    cap, reasons = plan.cap_at(found.names), dict[int, str]()
    counting = [k for k in range(len(found.names)) if plan.base_k[k] > 0]
    for n in range(len(found)):
        asked = [k for k in counting if found.asked_nk[n, k]]
        if not any(found.known_nk[n, k] for k in asked):
            reasons[n] = found.why[n, asked[0]] if asked else "no reward: none speaks of this item"
        elif cap is not None and (n, cap) in found.why:
            reasons[n] = f"{found.names[cap]}, which decides the cap: {found.why[n, cap]}"
    for k in counting:
        asked_n = np.flatnonzero(found.asked_nk[:, k])
        if not found.known_nk[asked_n, k].any():
            for n in asked_n.tolist():
                reasons.setdefault(n, f"{found.names[k]} has scored none of the batch: {found.why[n, k]}")
    return reasons


def _comparable(
    found: Components, known_nk: np.ndarray, wanted_nk: np.ndarray, group_n: Sequence[int], plan: Plan
) -> np.ndarray:
    """Values that may be added to each other."""
    if plan.within_group:
        return by_group_deviation(found.value_nk, known_nk, group_n, plan.advantage.epsilon)
    value_nk = found.value_nk
    if plan.reference is not None:
        value_nk = np.clip((value_nk - plan.reference.mean_k) / plan.reference.deviation_k, -plan.clip, plan.clip)
    return filled(value_nk, known_nk, wanted_nk, group_n)


def _capped(
    found: Components, scored_n: np.ndarray, term_nk: np.ndarray, plan: Plan
) -> tuple[np.ndarray | None, np.ndarray]:
    """Which responses have failed, and the sums of all; what a cap takes is taken from the term of the reward that decides. A
    capped sum is the cap to the last bit: what rounding leaves of its terms would tell a group's failures apart."""
    at, sum_n = plan.cap_at(found.names), term_nk.sum(axis=1)
    if plan.cap is None or at is None:
        return None, sum_n
    failed_n: np.ndarray = scored_n & found.known_nk[:, at] & (found.value_nk[:, at] < plan.cap.below)
    over_n = failed_n & (sum_n > plan.cap.total)
    term_nk[:, at] += np.where(over_n, plan.cap.total - sum_n, 0.0)
    return failed_n, np.where(over_n, plan.cap.total, sum_n)


def _advantages(total_n: np.ndarray, scored_n: np.ndarray, group_n: Sequence[int], plan: Plan) -> np.ndarray:
    if not plan.within_group:
        return advantages(_with_none(total_n, scored_n), group_n, plan.advantage)
    compared_n = _compared(scored_n, group_n)
    if not compared_n.any():
        return np.zeros(len(total_n))
    deviation = total_n[compared_n].std(ddof=1) + plan.advantage.epsilon
    return np.where(compared_n, (total_n - total_n[compared_n].mean()) / deviation, 0.0)


def _factors(total_n: np.ndarray, scored_n: np.ndarray, group_n: Sequence[int], plan: Plan) -> np.ndarray:
    """What turns a difference from the group's mean into an advantage."""
    factor_n, compared_n = np.zeros(len(total_n)), _compared(scored_n, group_n)
    if plan.within_group and compared_n.any():
        factor_n[compared_n] = 1 / (total_n[compared_n].std(ddof=1) + plan.advantage.epsilon)
        return factor_n
    for members in groups_of(group_n):
        of = members[compared_n[members]]
        if len(of):
            factor_n[of] = _factor(total_n[of], plan.advantage)
    return factor_n


def _factor(total_g: np.ndarray, config: AdvantageConfig) -> float:
    """As `advantages` has it; 0 where rewards cancel each other out, for then there is no advantage to have a part in."""
    if config.kind == "dr_grpo":
        return 1.0
    if config.kind == "rloo":
        return len(total_g) / (len(total_g) - 1)
    deviation = float(total_g.std(ddof=1))
    return 1 / (deviation + config.epsilon) if deviation > config.epsilon else 0.0


def _compared(scored_n: np.ndarray, group_n: Sequence[int]) -> np.ndarray:
    """Scored, and not alone in its group."""
    result_n = np.zeros(len(scored_n), bool)
    for members in groups_of(group_n):
        of = members[scored_n[members]]
        result_n[of] = len(of) > 1
    return result_n


def _with_none(value_n: np.ndarray, scored_n: np.ndarray) -> list[float | None]:
    return [float(value) if scored else None for value, scored in zip(value_n, scored_n, strict=True)]
