"""verl's `custom_reward_function`: path to this file, name compute_score."""

import math
from typing import Any

from megatron_qm.rewards.outcome import Scored
from megatron_qm.rewards.pool import Sample, judge
from megatron_qm.rewards.registry import VERIFIERS


def compute_score(
    data_source: str, solution_str: str, ground_truth: object, extra_info: dict[str, Any] | None = None
) -> dict[str, float]:
    """`data_source` names the verifier, or its part after the last "/" does. Unscored is NaN with `unscored` 1: mask it,
    never train on it as 0."""
    extra = extra_info or {}
    name = data_source if data_source in VERIFIERS else data_source.rpartition("/")[2]
    outcome = judge(Sample(name, extra.get("prompt", ""), solution_str, ground_truth, extra))
    if isinstance(outcome, Scored):
        return {"score": outcome.value, "unscored": 0.0}
    return {"score": math.nan, "unscored": 1.0}
