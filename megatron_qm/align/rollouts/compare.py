"""Does the engine sample from the policy that the trainer learns? Log-probabilities of the same tokens, side by side.

Axes: t sampled tokens of all rollouts, one after another.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np

from megatron_qm.errors import UserError

# |difference| in nats: powers of ten, from what FP32 leaves to what another model does
_EDGES = tuple(10.0**power for power in range(-8, 2))


@dataclass(frozen=True)
class LogprobGap:
    """mean and largest: of |trainer - engine| in nats. mean_ratio: of exp(trainer - engine), near 1 where both are the
    same policy. counts: tokens by |difference|, below edges[0], between edges, and from edges[-1] on."""

    tokens: int
    mean: float
    largest: float
    mean_ratio: float
    edges: tuple[float, ...]
    counts: tuple[int, ...]

    def to_json(self) -> dict[str, object]:
        """For the report's histogram."""
        return {name: list(value) if isinstance(value, tuple) else value for name, value in vars(self).items()}


def compare_logprobs(engine: Sequence[Sequence[float]], trainer: Sequence[Sequence[float]]) -> LogprobGap:
    """Both: per rollout, per token. Raises ValueError where they are not of the same tokens."""
    lengths = [[len(row) for row in rows] for rows in (engine, trainer)]
    if lengths[0] != lengths[1]:
        raise ValueError("engine and trainer have log-probabilities of different tokens")
    engine_t, trainer_t = (np.fromiter(chain.from_iterable(rows), dtype=np.float64) for rows in (engine, trainer))
    if not engine_t.size:
        raise ValueError("no tokens to compare")
    with np.errstate(invalid="ignore", over="ignore"):
        gap_t = np.abs(trainer_t - engine_t)
        ratio = float(np.exp(trainer_t - engine_t).mean())
    gap_t = np.where(np.isnan(gap_t), np.inf, gap_t)  # NaN is no agreement
    counts = np.bincount(np.searchsorted(_EDGES, gap_t, side="right"), minlength=len(_EDGES) + 1)
    return LogprobGap(len(gap_t), float(gap_t.mean()), float(gap_t.max()), ratio, _EDGES, tuple(int(n) for n in counts))


def check_logprobs(gap: LogprobGap, mean_bound: float, largest_bound: float) -> None:
    """The gate of the first step. Raises UserError above a bound (mean: 1e-4 or so in FP32, 2e-2 in BF16)."""
    for name, value, bound in (("mean", gap.mean, mean_bound), ("largest", gap.largest, largest_bound)):
        if not value <= bound:
            raise UserError(
                f"the rollout engine and the trainer disagree: the {name} difference of a token's log-probability is "
                f"{value:.3g} nats over {gap.tokens} tokens, the bound is {bound:g}. The engine has other weights, another "
                "precision, or another temperature than the trainer; check its weight sync and dtype before training on it"
            )


def truncated_importance_weights(policy_t: np.ndarray, behaviour_t: np.ndarray, cap: float) -> np.ndarray:
    """min(pi / mu, cap) per token, from log-probabilities: what a token sampled from mu counts in an estimate for pi.

    Truncated importance sampling (Ionides 2008); for an engine that is not quite the trainer: Yao et al. 2025, "Your
    efficient RL framework secretly brings you off-policy RL training". Raises ValueError for a cap that is not above 0.
    """
    if not cap > 0:
        raise ValueError(f"cap = {cap}: must be above 0")
    # the smaller of the two logs first: a large ratio never overflows
    return np.exp(np.minimum(np.asarray(policy_t, np.float64) - np.asarray(behaviour_t, np.float64), np.log(cap)))
