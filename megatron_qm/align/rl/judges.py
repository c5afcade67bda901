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
from megatron_qm.rewards.general import SHIPPED, read_principles
from megatron_qm.rewards.hybrid import Hybrid
from megatron_qm.rewards.items import Item, read_items
from megatron_qm.rewards.judge import KEY, Endpoint, Judge
from megatron_qm.rewards.models import Models
from megatron_qm.rewards.outcome import Outcome, Scored
from megatron_qm.rewards.pool import VerifierPool
from megatron_qm.rewards.registry import Rule, Verifier, Verifiers, function_of
from megatron_qm.rewards.samples import Sample
from megatron_qm.rewards.two_readings import Readings


def judge_of(config: RlConfig) -> Judge | None:
    """The model that rl.verifier.judge names, with the key that is in the environment. Raises UserError for a base that is no
    URL of http or https."""
    judge = config.verifier.judge
    if judge is None:
        return None
    return Judge(Endpoint(judge.base, judge.model, os.environ.get(KEY, ""), judge.seconds), judge.votes, judge.agreement)


def read_asked(config: RlConfig) -> list[Item]:
    """rl.items, which may ask for what the recipe names: its functions, its model and its principles. Raises UserError, also for
    an item without a format where rl.verifier.reading is strict."""
    judge, principles = judge_of(config), Path(config.verifier.principles or SHIPPED)
    models = Models({} if judge is None else {"judge": judge}, {"principles": tuple(read_principles(principles))},
                    "rl.verifier.judge={base: ..., model: ...}")
    readings = Readings(config.verifier.reading, "rl.verifier.reading=")
    return read_items(Path(config.items), Verifiers.named(config.verifiers, "rl.verifiers", models, readings))


class Judges:
    """Use as a context, on one rank. `judge` gives the outcomes, and the format rewards where they are asked for."""

    def __init__(self, config: RlConfig) -> None:
        verifier = config.verifier
        self._pool = VerifierPool(verifier.workers, verifier.seconds, int(verifier.memory_gib * (1 << 30)))
        self._formats = config.shaping.format_weight > 0
        self._judge = judge_of(config)

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
        """The recipe's model stands behind every rule."""
        verifier = item.judged_by
        if self._judge is not None and isinstance(verifier, Rule):
            verifier = Hybrid(verifier, self._judge)
        return Sample(verifier, item.question, text, item.reference, item.metadata)


def judge_digest(config: RlConfig, verifiers: Iterable[Verifier]) -> str:
    """Of who judges by `verifiers`: rl.verifier but for the number of processes, the text of the principles, whether formats
    are judged, and the files of code: this package's verifiers, and the modules of functions (not what those import)."""
    verifier = asdict(config.verifier)
    del verifier["workers"]
    principles = Path(config.verifier.principles or SHIPPED)
    if config.verifier.judge is not None and principles.is_file():
        verifier["principles"] = sha256(principles)
    modules = {name.partition(":")[0] for name in map(function_of, verifiers) if ":" in name}
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
