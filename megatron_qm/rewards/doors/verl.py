"""verl's `custom_reward_function`: path to this file, name compute_score, and reward_kwargs, which say what items may ask for:
{verifiers: [module:function], judges: {MODEL: BASE}, principles: {NAME: FILE}}."""

import functools
import math
from collections.abc import Mapping, Sequence
from typing import Any

from megatron_qm.rewards.models import Models
from megatron_qm.rewards.outcome import Scored
from megatron_qm.rewards.registry import Verifiers
from megatron_qm.rewards.samples import Sample, admitted, judge

_Pairs = tuple[tuple[str, str], ...]


def compute_score(
    data_source: str, solution_str: str, ground_truth: object, extra_info: dict[str, Any] | None = None,
    verifiers: Sequence[str] = (), judges: Mapping[str, str] | None = None, principles: Mapping[str, str] | None = None,
) -> dict[str, float]:
    """`data_source` names the verifier, or its part after the last "/" does: one that ships, or one of `verifiers`. Unscored
    is NaN with `unscored` 1: mask it, never train on it as 0. Raises ValueError for what nobody has named."""
    extra, known = extra_info or {}, _known(tuple(verifiers), _pairs(judges), _pairs(principles))
    name = data_source if data_source in known.names else data_source.rpartition("/")[2]
    outcome = judge(admitted(Sample(name, extra.get("prompt", ""), solution_str, ground_truth, extra), known))
    if isinstance(outcome, Scored):
        return {"score": outcome.value, "unscored": 0.0}
    return {"score": math.nan, "unscored": 1.0}


def _pairs(given: Mapping[str, str] | None) -> _Pairs:
    return tuple((given or {}).items())


@functools.cache
def _known(verifiers: tuple[str, ...], judges: _Pairs, principles: _Pairs) -> Verifiers:
    models = Models.named(dict(judges), dict(principles), setting="reward_kwargs.judges")
    return Verifiers.named(verifiers, "reward_kwargs.verifiers", models)
