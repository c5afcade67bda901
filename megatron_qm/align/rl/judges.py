"""Answers judged: rules in processes that can be killed, a model behind them where the recipe names one."""

import os
from collections.abc import Sequence
from types import TracebackType
from typing import Self

from megatron_qm.config.rl import RlConfig
from megatron_qm.rewards.general import GENERAL
from megatron_qm.rewards.items import Item
from megatron_qm.rewards.judge import KEY
from megatron_qm.rewards.outcome import Outcome, Scored
from megatron_qm.rewards.pool import Sample, VerifierPool


class Judges:
    """Use as a context, on one rank. `judge` gives the outcomes, and the format rewards where they are asked for."""

    def __init__(self, config: RlConfig) -> None:
        verifier = config.verifier
        self._pool = VerifierPool(verifier.workers, verifier.seconds, int(verifier.memory_gib * (1 << 30)))
        self._principles = verifier.principles
        self._formats = config.shaping.format_weight > 0
        self._judge = None if verifier.judge is None else {
            "base": verifier.judge.base, "model": verifier.judge.model, "key": os.environ.get(KEY, ""),
            "votes": verifier.judge.votes, "agreement": verifier.judge.agreement, "seconds": verifier.judge.seconds,
        }

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._pool.close()

    def judge(self, items: Sequence[Item], responses: Sequence[str]) -> tuple[list[Outcome], list[float] | None]:
        """In order. A verifier that fails costs one Unscored; a format that cannot be judged counts as none."""
        samples = [self._sample(item, text) for item, text in zip(items, responses, strict=True)]
        if not self._formats:
            return self._pool.score(samples), None
        asked = [Sample("format", s.prompt, s.response, s.reference, s.metadata) for s in samples]
        found = self._pool.score([*samples, *asked])
        formats = [outcome.value if isinstance(outcome, Scored) else 0.0 for outcome in found[len(samples) :]]
        return found[: len(samples)], formats

    def _sample(self, item: Item, text: str) -> Sample:
        if self._judge is None:
            return Sample(item.judged_by, item.question, text, item.reference, item.metadata)
        if item.task == GENERAL:
            metadata = {**item.metadata, "judge": self._judge, "principles": self._principles}
            return Sample(GENERAL, item.question, text, item.reference, metadata)
        metadata = {**item.metadata, "rule": item.judged_by, "judge": self._judge}
        return Sample("hybrid", item.question, text, item.reference, metadata)
