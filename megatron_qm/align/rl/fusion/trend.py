"""Weights that follow what the policy earns: more for what is far below its target, less for what others say as well.

    w_k = base_k x (1 + weakness x shortfall_k) / (1 + redundancy x sum over j of max(0, correlation_jk))
    shortfall_k = (target_k - mean_k) / target_k, held within 0 and 1; 0 without a target

and then all times one number, so that they add up to what the recipe's do. Means are running ones over batches; correlations are
of values less their group's mean, for between prompts all rewards rise and fall together. Rewards without a weight have no part.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from megatron_qm.align.rl.fusion.components import Components
from megatron_qm.align.rl.fusion.grouped import centred
from megatron_qm.config.fusion import FusionConfig, RewardConfig
from megatron_qm.json_types import JsonObject, numbers_of, objects_of


@dataclass(frozen=True)
class Trend:
    """Running means over batches: of values, and of products of two rewards' values less their group's mean. NaN: unknown."""

    mean_k: np.ndarray
    product_kk: np.ndarray

    @classmethod
    def none(cls, rewards: int) -> "Trend":
        return cls(np.full(rewards, np.nan), np.full((rewards, rewards), np.nan))

    def followed(self, found: Components, group_n: Sequence[int], momentum: float) -> "Trend":
        """With one more batch. What nobody has scored in it stays as it was."""
        known_nk, count = found.known_nk, len(found.names)
        mean_k = np.array([_mean(found.value_nk[known_nk[:, k], k]) for k in range(count)])
        apart_nk = centred(found.value_nk, known_nk, group_n)
        both = [[known_nk[:, j] & known_nk[:, k] for k in range(count)] for j in range(count)]
        product_kk = np.array([[_mean(apart_nk[both[j][k], j] * apart_nk[both[j][k], k]) for k in range(count)]
                               for j in range(count)])
        return Trend(_moved(self.mean_k, mean_k, momentum), _moved(self.product_kk, product_kk, momentum))

    @property
    def correlation_kk(self) -> np.ndarray:
        """0 where one of the two never varies, or both were never scored together; 0 with itself."""
        variance_k = np.nan_to_num(np.diag(self.product_kk))
        scale_kk = np.sqrt(np.outer(variance_k, variance_k))
        with np.errstate(divide="ignore", invalid="ignore"):
            result_kk = np.where(scale_kk > 0, np.nan_to_num(self.product_kk) / scale_kk, 0.0)
        np.fill_diagonal(result_kk, 0.0)
        return np.clip(result_kk, -1.0, 1.0)

    def to_json(self) -> JsonObject:
        """null for NaN."""
        rows = [self.mean_k, *self.product_kk]
        return {"rows": [{"known": np.isfinite(row).astype(int).tolist(), "values": np.nan_to_num(row).tolist()} for row in rows]}

    @classmethod
    def from_json(cls, value: Mapping[str, object]) -> "Trend":
        """Raises ValueError."""
        rows = [np.where(np.array(numbers_of(row, "known")) > 0, np.array(numbers_of(row, "values"), np.float64), np.nan)
                for row in objects_of(value, "rows")]
        return cls(rows[0], np.array(rows[1:]))


def weights(rewards: Sequence[RewardConfig], trend: Trend, config: FusionConfig) -> np.ndarray:
    """[k]; those of the recipe before anything was measured."""
    base_k = np.array([reward.weight for reward in rewards], np.float64)
    shortfall_k = np.array([_shortfall(reward.target, mean) for reward, mean in zip(rewards, trend.mean_k.tolist(), strict=True)])
    together_kk = np.maximum(trend.correlation_kk, 0.0) * (base_k > 0)[None, :]
    moved_k = base_k * (1 + config.weakness * shortfall_k) / (1 + config.redundancy * together_kk.sum(axis=1))
    result_k: np.ndarray = moved_k * (base_k.sum() / moved_k.sum())
    return result_k


def _shortfall(target: float | None, mean: float) -> float:
    return 0.0 if target is None or np.isnan(mean) else min(max((target - mean) / target, 0.0), 1.0)


def _mean(values: np.ndarray) -> float:
    return float(values.mean()) if len(values) else np.nan


def _moved(old: np.ndarray, new: np.ndarray, momentum: float) -> np.ndarray:
    result: np.ndarray = np.where(np.isnan(new), old, np.where(np.isnan(old), new, old + momentum * (new - old)))
    return result
