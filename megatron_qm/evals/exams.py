"""From verdicts to a table: accuracy by task and stratum, each with its interval. Plain numbers, no torch."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from megatron_qm.data.text_table import left_table
from megatron_qm.evals.statistics import mean_interval, wilson_interval
from megatron_qm.rewards.items import Item
from megatron_qm.rewards.outcome import Outcome, Scored
from megatron_qm.rewards.two_readings import PARTS, parts_of


@dataclass(frozen=True)
class ExamScore:
    """Of the items of a group that could be scored. right: with the full score. graded: whether scores between 0 and 1
    occur in the task; then `accuracy` is the mean score with `mean_interval`, else the share that is right with
    Wilson's. invalid: answers that could not be read, which are wrong. unscored: by reason; they count neither way. readings: of
    the answers to items with a format, the mean score of each reading, and the share that differ; `read_twice` of them."""

    group: str
    total: int
    right: int
    mean: float
    graded: bool
    spread: tuple[float, float]
    invalid: int = 0
    unscored: Mapping[str, int] = field(default_factory=dict)
    readings: Mapping[str, float] = field(default_factory=dict)
    read_twice: int = 0

    @property
    def accuracy(self) -> float:
        return self.mean if self.graded else self.right / max(self.total, 1)

    @property
    def interval(self) -> tuple[float, float]:
        return self.spread if self.graded else wilson_interval(self.right, self.total)

    @property
    def chance(self) -> None:
        """Items are answered freely: nothing is known of a guess."""
        return None

    def to_json(self) -> dict[str, object]:
        low, high = self.interval
        return {"group": self.group, "n": self.total, "accuracy": self.accuracy, "low": low, "high": high, "right": self.right,
                "mean": self.mean, "graded": self.graded, "invalid": self.invalid, "unscored": dict(self.unscored),
                "readings": {"n": self.read_twice, **self.readings} if self.read_twice else None}


def summarise(items: Sequence[Item], outcomes: Sequence[Outcome], strata: bool = True) -> list[ExamScore]:
    """A score per task, each followed by those of its strata (level=resident, ...), in the order in which they occur."""
    groups: dict[str, list[Outcome]] = {}
    tasks: dict[str, str] = {}
    for task in dict.fromkeys(item.task for item in items):
        for item, outcome in zip(items, outcomes, strict=True):
            if item.task != task:
                continue
            names = [task] + [f"{task} {name}={value}" for name, value in sorted(item.strata.items()) if strata]
            for name in names:
                groups.setdefault(name, []).append(outcome)
                tasks[name] = task
    ordered = sorted(groups, key=lambda name: (list(dict.fromkeys(tasks.values())).index(tasks[name]), name != tasks[name], name))
    graded = {task: _graded(groups[task]) for task in set(tasks.values())}
    return [_score(name, groups[name], graded[tasks[name]]) for name in ordered]


def _graded(outcomes: Sequence[Outcome]) -> bool:
    return any(isinstance(outcome, Scored) and 0 < outcome.value < 1 for outcome in outcomes)


def _score(name: str, outcomes: Sequence[Outcome], graded: bool) -> ExamScore:
    scored = [outcome for outcome in outcomes if isinstance(outcome, Scored)]
    values = [outcome.value for outcome in scored]
    twice = [parts for outcome in scored if (parts := parts_of(outcome))]
    readings = {part: math.fsum(parts[part] for parts in twice) / len(twice) for part in PARTS} if twice else {}
    reasons = Counter(outcome.reason.partition(":")[0] for outcome in outcomes if not isinstance(outcome, Scored))
    return ExamScore(
        name, len(scored), sum(value == 1 for value in values), math.fsum(values) / max(len(values), 1), graded,
        mean_interval(values), sum(outcome.parts.get("invalid") == 1 for outcome in scored), dict(reasons),
        readings, len(twice),
    )


def table(scores: Sequence[ExamScore]) -> str:
    """For people: a row per group. Both readings stand beside each other where any answer was read twice."""
    twice = any(score.read_twice for score in scores)
    rows = [("", "n", "accuracy", "95% interval", "all right", "invalid", "unscored", *(PARTS if twice else ()))]
    for score in scores:
        low, high = score.interval
        rows.append((
            score.group, str(score.total), f"{score.accuracy:.1%}" + (" (mean score)" if score.graded else ""),
            f"{low:.1%} to {high:.1%}", str(score.right), str(score.invalid), str(sum(score.unscored.values())),
            *(_told_readings(score) if twice else ()),
        ))
    return left_table(rows)


def _told_readings(score: ExamScore) -> list[str]:
    some = f" of {score.read_twice}" if score.read_twice < score.total else ""
    return [f"{score.readings[part]:.1%}{some}" if score.readings else "" for part in PARTS]
