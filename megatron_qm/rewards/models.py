"""The models that judge, as the user has named them: data chooses among them by name, and says nothing else of them."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from megatron_qm.rewards.general import SHIPPED, Principle, read_principles
from megatron_qm.rewards.graded import Graded
from megatron_qm.rewards.judge import KEY, Endpoint, Judge

T = TypeVar("T")


def _shipped() -> dict[str, tuple[Principle, ...]]:
    return {"shipped": tuple(read_principles(SHIPPED))}


@dataclass(frozen=True)
class Models:
    """judges and principles by name; of one alone the name may be left out. grader: who is asked for grades. setting,
    grader_setting: the keys or options that name judges, and the grader."""

    judges: Mapping[str, Judge] = field(default_factory=dict)
    principles: Mapping[str, tuple[Principle, ...]] = field(default_factory=_shipped)
    setting: str = "a judge"
    grader: Graded | None = None
    grader_setting: str = "a grader"

    @classmethod
    def named(
        cls, judges: Mapping[str, str], principles: Mapping[str, str], votes: int = 8, setting: str = "a judge"
    ) -> "Models":
        """judges: bases by model. principles: files by name (none: those that ship). The key is the environment's. Raises
        UserError for a base that is no URL and for a file that holds no principles."""
        key = os.environ.get(KEY, "")
        asked = {name: Judge(Endpoint(base, name, key), votes) for name, base in judges.items()}
        read = {name: tuple(read_principles(Path(file))) for name, file in principles.items()}
        return cls(asked, read or _shipped(), setting)

    @property
    def longest_wait(self) -> float:
        """Seconds that the slowest may take over all principles of one response; 0 where no model is named."""
        questions = max(map(len, self.principles.values()))
        waits = [questions * judge.longest_wait for judge in self.judges.values()]
        return max([*waits, *([self.grader.judge.longest_wait] if self.grader else [])], default=0.0)

    def judge_of(self, metadata: Mapping[str, object]) -> Judge:
        """The one that metadata.judge names. Raises ValueError for what is no name of one."""
        if not self.judges:
            raise ValueError(f"it is judged by a model, and none is named: set {self.setting}")
        return _chosen(self.judges, metadata, "judge")

    def principles_of(self, metadata: Mapping[str, object]) -> tuple[Principle, ...]:
        """Those that metadata.principles names. Raises ValueError for what is no name of some."""
        return _chosen(self.principles, metadata, "principles")

    def who_grades(self) -> Graded:
        """Raises ValueError where nobody was named."""
        if self.grader is None:
            raise ValueError(f"it is graded by a model, and none is named: set {self.grader_setting}")
        return self.grader


def _chosen(known: Mapping[str, T], metadata: Mapping[str, object], key: str) -> T:
    name = metadata.get(key)
    if name is None and len(known) == 1:
        return next(iter(known.values()))
    if not isinstance(name, str) or name not in known:
        raise ValueError(f"metadata.{key} = {name!r}: must be a name that was given at the start: {', '.join(known)}")
    return known[name]
