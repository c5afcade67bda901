"""Answers judged: rules in processes that can be killed, a model behind them where the recipe names one."""

import os
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import asdict
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from types import TracebackType
from typing import Self

from megatron_qm import rewards
from megatron_qm.align.digest import digest
from megatron_qm.align.rl.fusion.panel import Panel, endpoint_scorers
from megatron_qm.align.rl.fusion.reference import Identity, identity
from megatron_qm.align.rl.fusion.scorers import Scorer
from megatron_qm.align.rl.fusion.sources import Source, further_verifiers, judged_here, source_of
from megatron_qm.align.rl.verdicts import Verdicts
from megatron_qm.config.rl import RlConfig, RlRun
from megatron_qm.errors import in_key
from megatron_qm.files import sha256
from megatron_qm.json_types import JsonObject
from megatron_qm.rewards.general import SHIPPED, read_principles
from megatron_qm.rewards.graded import Graded, grader_of
from megatron_qm.rewards.grading import SHIPPED as INSTRUCTION
from megatron_qm.rewards.grading import read_instruction
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
    verifiers = Verifiers.named(config.verifiers, "rl.verifiers", _models(config), _readings(config))
    with in_key("rl.items"):
        return read_items(Path(config.items), verifiers)


def rewards_verifiers(config: RlConfig) -> Verifiers:
    """What rl.rewards may ask for. Raises UserError."""
    return further_verifiers(config, _models(config), _readings(config))


def judged_items(config: RlConfig, items: Sequence[Item]) -> list[Item]:
    """What the pool is asked to judge: `items`, or with rl.rewards each once for every verifier. Raises UserError."""
    return judged_here(config, items, rewards_verifiers(config)) if config.rewards else list(items)


def _models(config: RlConfig) -> Models:
    judge = judge_of(config)
    with in_key("rl.verifier.principles"):
        principles = tuple(read_principles(Path(config.verifier.principles or SHIPPED)))
    return Models({} if judge is None else {"judge": judge}, {"principles": principles},
                  "rl.verifier.judge={base: ..., model: ...}", _grader(config), "rl.verifier.grader={base: ..., model: ...}")


def _grader(config: RlConfig) -> Graded | None:
    grader = config.verifier.grader
    if grader is None:
        return None
    instruction = Path(grader.instruction) if grader.instruction else None
    with in_key("rl.verifier.grader.instruction"):
        read_instruction(instruction or INSTRUCTION)  # the other keys name themselves
    return grader_of(grader.base, grader.model, grader.samples, instruction, grader.seconds, grader.temperature)


def _readings(config: RlConfig) -> Readings:
    return Readings(config.verifier.reading, "rl.verifier.reading=")


class Judges:
    """Use as a context, on one rank. `verdicts` is all that is asked for. scorers: who else answers for sources of rl.rewards,
    beside the endpoints that it names."""

    def __init__(self, config: RlConfig, scorers: Mapping[Source, Scorer] | None = None) -> None:
        verifier = config.verifier
        self._pool = VerifierPool(verifier.workers, verifier.seconds, int(verifier.memory_gib * (1 << 30)))
        self._formats = config.shaping.format_weight > 0
        self._judge = judge_of(config)
        self._panel: Panel | None = None
        if config.rewards:
            beside = endpoint_scorers(config) | dict(scorers or {})
            self._panel = Panel(config, self._pool, rewards_verifiers(config), self._sample, beside)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._pool.close()

    def verdicts(self, items: Sequence[Item], responses: Sequence[str]) -> Verdicts:
        """In order. Raises UserError for what the user must mend."""
        if self._panel is not None:
            return Verdicts([], None, self._panel.said(items, responses))
        return Verdicts(*self.judge(items, responses))

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
    """Of whose verdicts those by `verifiers` are: who judges, and which sources are asked."""
    asked = [[source_of(reward).label, sorted(reward.tasks)] for reward in config.rewards]
    return digest([*_who_judges(config, verifiers, {"workers"}), *([sorted(asked)] if asked else [])])


def _who_judges(config: RlConfig, verifiers: Iterable[Verifier], aside: Container[str]) -> list[object]:
    """rl.verifier but for the keys `aside`, the texts of principles and instruction, whether formats are judged, and the files of
    code: this package's verifiers, and the modules of functions (not what those import)."""
    verifier: JsonObject = {key: value for key, value in asdict(config.verifier).items() if key not in aside}
    principles = Path(config.verifier.principles or SHIPPED)
    if config.verifier.judge is not None and principles.is_file():
        verifier["principles"] = sha256(principles)
    grader = _grader(config)
    if grader is not None:
        verifier["instruction"] = digest(grader.instruction)
    own = {name: function or name for name, _, function in (spec.partition("=") for spec in config.verifiers)}
    further = [own.get(one.verifier, one.verifier) for one in config.rewards if one.verifier and one.endpoint is None]
    modules = {name.partition(":")[0] for name in map(function_of, [*verifiers, *further]) if ":" in name}
    code = {module: _code(module) for module in sorted({rewards.__name__} | modules)}
    return [verifier, config.shaping.format_weight > 0, code]


def reference_identity(config: RlRun, items: Sequence[Item]) -> Identity:
    """What statistics of the reference policy's rewards depend on: not what the pool may take, which decides whether there is a
    score, and not which."""
    who = _who_judges(config.rl, (item.judged_by for item in items), {"workers", "seconds", "memory_gib"})
    return identity(config.rl, config.train.start_from, items, digest(who))


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
