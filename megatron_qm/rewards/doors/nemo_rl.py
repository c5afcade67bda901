"""The shape of NeMo-RL's EnvironmentInterface: step(message logs, metadata) -> observations, rewards, ends."""
# ruff: noqa: E501  Chinese characters count twice

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from megatron_qm.rewards.outcome import Scored
from megatron_qm.rewards.pool import VerifierPool
from megatron_qm.rewards.registry import SHIPPED, Verifiers
from megatron_qm.rewards.samples import Sample, admitted


class EnvironmentReturn(NamedTuple):
    observations: list[dict[str, str]]
    metadata: list[Mapping[str, Any]]
    next_stop_strings: list[None]
    rewards: list[float]
    terminateds: list[bool]
    answers: list[None]


class RewardEnvironment:
    """metadata of each sample: `verifier`, one of `verifiers`, `reference`, and what the verifier reads. Unscored rewards are NaN; wrap the
    lists as tensors where NeMo-RL wants them (this room imports no torch)."""

    def __init__(self, pool: VerifierPool, verifiers: Verifiers = SHIPPED) -> None:
        self._pool, self._verifiers = pool, verifiers

    def step(self, message_log_batch: Sequence[Sequence[Mapping[str, str]]], metadata: Sequence[Mapping[str, Any]]) -> EnvironmentReturn:
        samples = []
        for log, known in zip(message_log_batch, metadata, strict=True):
            said = {role: "".join(m["content"] for m in log if m["role"] == role) for role in ("user", "assistant")}
            sample = Sample(known["verifier"], said["user"], said["assistant"], known["reference"], known)
            samples.append(admitted(sample, self._verifiers))
        outcomes = self._pool.score(samples)
        rewards = [one.value if isinstance(one, Scored) else math.nan for one in outcomes]
        notes = [one.explanation if isinstance(one, Scored) else one.reason for one in outcomes]
        size = len(outcomes)
        return EnvironmentReturn([{"role": "environment", "content": note} for note in notes], list(metadata), [None] * size,
                                 rewards, [True] * size, [None] * size)
