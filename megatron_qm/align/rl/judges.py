"""Answers judged: rules in processes that can be killed, a model behind them where the recipe names one."""

import os
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from types import TracebackType
from typing import Self

from megatron_qm import rewards
from megatron_qm.align.digest import digest
from megatron_qm.config.rl import RlConfig
from megatron_qm.files import sha256
from megatron_qm.rewards.general import GENERAL, SHIPPED
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


def judge_digest(config: RlConfig, tasks: Iterable[str]) -> str:
    """Of who judges `tasks`: rl.verifier but for the number of processes, the text of the principles, whether formats are judged,
    and the files of code: this package's verifiers, and the modules that tasks name (not what those import)."""
    verifier = asdict(config.verifier)
    del verifier["workers"]
    principles = Path(config.verifier.principles or SHIPPED)
    if config.verifier.judge is not None and principles.is_file():
        verifier["principles"] = sha256(principles)
    modules = {task.partition(":")[0] for task in tasks if ":" in task}
    code = {module: _code(module) for module in sorted({rewards.__name__} | modules)}
    return digest([verifier, config.shaping.format_weight > 0, code])


@cache  # what this process has loaded is what it found first
def _code(module: str) -> list[str]:
    """Digests of a module's file, or of all files of a package; none where there is no such module."""
    try:
        spec = find_spec(module)
    except Exception:  # noqa: BLE001  the package around it is imported, and may be anybody's; the pool will say what it thinks
        spec = None
    if spec is None or spec.origin is None:
        return []
    file = Path(spec.origin)
    files = sorted(file.parent.rglob("*.py")) if spec.submodule_search_locations else [file]
    return [sha256(one) for one in files if one.is_file()]
