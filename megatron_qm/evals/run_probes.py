"""Probes on a Megatron model in training, at any layout."""

from collections.abc import Sequence

from torch import nn

from megatron_qm.evals.examination import AskedProbes
from megatron_qm.evals.probes import ProbeScore, score_probes
from megatron_qm.train.score import score_continuations


class ProbeRun:
    """`__call__` scores a model, the same on every rank."""

    def __init__(self, asked: AskedProbes) -> None:
        self._asked = asked

    def __call__(self, model: Sequence[nn.Module]) -> list[ProbeScore]:
        return score_probes(self._asked.probes, self._asked.encode, lambda pairs: score_continuations(model, pairs))
