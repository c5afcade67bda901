"""Alarms over the records of a run of RL: what has left its bound, what that means, and what to do.

Nothing is remembered beside the records: whether an alarm has been raised already follows from reading them from the
first one, so a resumed run raises what it would have raised.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from megatron_qm.config.alarms import AlarmConfig
from megatron_qm.json_types import JsonObject
from megatron_qm.observe.advice import advice, top_reason
from megatron_qm.observe.history import read_records
from megatron_qm.observe.metrics import METRICS_FILE
from megatron_qm.observe.records import AlarmRecord, from_json_number, to_plain
from megatron_qm.observe.unlearnt import Unlearnt

_OF_ROLLOUTS = ("unscored", "truncated", "zero_variance", "disagreement")  # keys of "rl" records
_OF_TRAINING = ("kl", "clipped")  # of "train" records, below `others`


@dataclass(frozen=True)
class Alarm:
    """`metric` at `step` is `value`, which is beyond `bound`. `text`: what it means and what to do, one line."""

    metric: str
    value: float
    bound: float
    step: int
    text: str

    def record(self, samples: Sequence[str] = (), file: str | None = None) -> AlarmRecord:
        """For MetricsWriter. samples: keys of rollouts to look at; file: where they are."""
        return AlarmRecord(self.step, self.metric, self.value, self.bound, self.text, tuple(samples), file)

    def to_json(self, samples: Sequence[str] = (), file: str | None = None) -> JsonObject:
        """The plain form of `record`, with its kind."""
        return to_plain(self.record(samples, file))


class _Case(NamedTuple):
    """What is held against a bound; `within` says whether it keeps it. None: not measured, or no bound."""

    alarm: str
    metric: str
    value: float | None
    bound: float | None
    within: Callable[[float, float], bool]


@dataclass
class Watch:
    """Reads records in the order in which they were written; `raised` holds the alarms that stand."""

    config: AlarmConfig
    raised: set[str] = field(default_factory=set)
    _training: dict[str, float] = field(default_factory=dict)
    _batches: list[tuple[float, float | None]] = field(default_factory=list)  # (mean reward, mean length)
    _unlearnt: Unlearnt = field(init=False)

    def __post_init__(self) -> None:
        self._unlearnt = Unlearnt(self.config.window)

    def see(self, record: Mapping[str, object]) -> list[Alarm]:
        """The alarms that an "rl" record raises, together with the newest "train" record before it.

        What was not measured (a key that is missing, null) leaves an alarm as it was. NaN is beyond every bound.
        """
        if record.get("kind") == "train":
            self._training = _numbers(record.get("others"), _OF_TRAINING) or self._training
        if record.get("kind") != "rl":
            return []
        alarms = [alarm for case in self._cases(record) if (alarm := self._judge(case, record)) is not None]
        self._training = {}  # one record of training is one measurement
        return alarms

    def _judge(self, case: _Case, record: Mapping[str, object]) -> Alarm | None:
        name, metric, value, bound, within = case
        stands = f"{name}: {metric}"
        if value is None or bound is None:
            return None
        if within(value, bound):
            self.raised.discard(stands)
            return None
        if stands in self.raised:
            return None
        self.raised.add(stands)
        step = from_json_number(record.get("step"))
        text = advice(name, value, bound, self.config) + (top_reason(record) if name == "unscored" else "")
        return Alarm(metric, value, bound, int(step or 0), text)

    def _cases(self, record: Mapping[str, object]) -> Iterable[_Case]:
        config, measured = self.config, _numbers(record, (*_OF_ROLLOUTS, "entropy")) | self._training
        measured |= _worst_component(record, measured)
        for name in (*_OF_ROLLOUTS, *_OF_TRAINING):
            yield _Case(name, name, measured.get(name), getattr(config, name), _at_most)
        yield _Case("entropy_below", "entropy", measured.get("entropy"), config.entropy_below, _at_least)
        yield _Case("entropy_above", "entropy", measured.get("entropy"), config.entropy_above, _at_most)
        fall, growth = self._trends(record)
        yield _Case("reward_fall", "reward", fall, config.reward_fall, _at_most)
        yield _Case("length_growth", "length", growth, config.length_growth, _at_most)
        for name, lost in self._unlearnt.see(record).items():
            yield _Case("unlearnt_loss", f"reward {name}", lost, config.unlearnt_loss, _at_most)

    def _trends(self, record: Mapping[str, object]) -> tuple[float | None, float | None]:
        """(fall of the reward, growth of the length as a share: 0 where the reward has risen for it); None while there
        are too few batches, and for a batch without a reward."""
        reward, window = from_json_number(record.get("reward")), self.config.window
        if reward is None:
            return None, None
        self._batches = [*self._batches, (reward, _numbers(record.get("length"), ("mean",)).get("mean"))][-2 * window:]
        if len(self._batches) < 2 * window:
            return None, None
        rewards, lengths = zip(*self._batches, strict=True)
        fall = _mean(rewards[:window]) - _mean(rewards[window:])
        if None in lengths or not _mean(lengths[:window]):
            return fall, None
        paid = -fall >= self.config.length_reward
        return fall, 0.0 if paid else _mean(lengths[window:]) / _mean(lengths[:window]) - 1


def _worst_component(record: Mapping[str, object], measured: Mapping[str, float]) -> dict[str, float]:
    """A named reward that says nothing is missed as much as a response without any score."""
    found = record.get("component_unscored")
    shares = _numbers(found, tuple(found)) if isinstance(found, Mapping) else {}
    return {"unscored": max([measured.get("unscored", 0.0), *shares.values()])} if shares else {}


def check(config: AlarmConfig, records: Iterable[Mapping[str, object]]) -> list[Alarm]:
    """The alarms that the newest "rl" record of `records` raises; records in the order of metrics.jsonl, in plain form
    (records.to_plain). A batch is told before it is learnt from, so kl and clipped are those of the batch before.

    A loop over many batches keeps one `Watch` instead, and shows it each record once.
    """
    watch = Watch(config)
    alarms: list[Alarm] = []
    for record in records:
        found = watch.see(record)
        alarms = found if record.get("kind") == "rl" else alarms
    return alarms


def watch_of(config: AlarmConfig, run_dir: Path) -> Watch:
    """The watch of a run as its metrics.jsonl left it (a new one where there is none): for a resume, after
    MetricsWriter.truncate_after. Raises OSError where the file cannot be read."""
    watch, path = Watch(config), Path(run_dir) / METRICS_FILE
    if path.exists():
        for _, record in read_records(path):
            if record is not None:
                watch.see(record)
    return watch


def _at_most(value: float, bound: float) -> bool:
    return value <= bound


def _at_least(value: float, bound: float) -> bool:
    return value >= bound


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def _numbers(values: object, names: Sequence[str]) -> dict[str, float]:
    """Those of `names` that are numbers in the mapping `values`; nothing where it is none."""
    if not isinstance(values, Mapping):
        return {}
    found = {name: from_json_number(values.get(name)) for name in names}
    return {name: value for name, value in found.items() if value is not None}
