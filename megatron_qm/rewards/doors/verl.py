"""verl's `custom_reward_function`: path to this file, name compute_score, reward_kwargs {verifiers: [module:function]}."""

import functools
import math
from collections.abc import Sequence
from typing import Any

from megatron_qm.rewards.outcome import Scored
from megatron_qm.rewards.pool import Sample, admitted, judge
from megatron_qm.rewards.registry import Verifiers


def compute_score(
    data_source: str, solution_str: str, ground_truth: object, extra_info: dict[str, Any] | None = None,
    verifiers: Sequence[str] = (),
) -> dict[str, float]:
    """`data_source` names the verifier, or its part after the last "/" does: one that ships, or one of `verifiers`. Unscored
    is NaN with `unscored` 1: mask it, never train on it as 0. Raises ValueError for a verifier that nobody has named."""
    extra, known = extra_info or {}, _known(tuple(verifiers))
    name = data_source if data_source in known.names else data_source.rpartition("/")[2]
    outcome = judge(admitted(Sample(name, extra.get("prompt", ""), solution_str, ground_truth, extra), known))
    if isinstance(outcome, Scored):
        return {"score": outcome.value, "unscored": 0.0}
    return {"score": math.nan, "unscored": 1.0}


@functools.cache
def _known(verifiers: tuple[str, ...]) -> Verifiers:
    return Verifiers.named(verifiers, "reward_kwargs.verifiers")
