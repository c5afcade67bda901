"""What a run writes about itself: seven kinds of record, one JSON object a line in RUN/metrics.jsonl.

Every line has `kind`, `step` and `time` (seconds since 1970, UTC). JSON has no NaN and no infinity: they are written as
the strings "NaN", "Infinity" and "-Infinity", which Python's float() and JavaScript's Number() read back; null means
that something was not measured.
"""

import dataclasses
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from numbers import Integral, Real
from typing import ClassVar

from megatron_qm.json_types import JsonObject


@dataclass(frozen=True)
class TrainRecord:
    """One training step, or the mean of the steps since the record before it.

    tokens, tokens_by_source: consumed since the run began, whole rows with what fills them up. loss, loss_by_source: nats per
    token. lr: as used in this step. tokens_per_second: read, padding left out, of the whole job; tflops_per_device: model FLOPs
    of forward and backward over them, attention within what sees itself (costs/flops.py); mfu: 0 to 1. All three over the whole
    time of a step. step_seconds: one step.
    memory_gib: peak of one rank. phase_seconds: where a step's time goes, by name. others: means per token
    of what the stage reports beside its loss. epochs_by_source: passes over each, since the run began.
    """

    kind: ClassVar[str] = "train"
    step: int
    tokens: int
    loss: float
    grad_norm: float
    lr: float
    tokens_per_second: float
    tflops_per_device: float
    mfu: float | None
    step_seconds: float
    memory_gib: float
    loss_by_source: Mapping[str, float] = field(default_factory=dict)
    tokens_by_source: Mapping[str, int] = field(default_factory=dict)
    z_loss: float | None = None
    phase_seconds: Mapping[str, float] | None = None
    others: Mapping[str, float] | None = None
    epochs_by_source: Mapping[str, float] | None = None


@dataclass(frozen=True)
class ValidationRecord:
    """Losses on held-out sequences, nats per token; others: as TrainRecord's."""

    kind: ClassVar[str] = "validation"
    step: int
    tokens: int
    loss: float
    loss_by_source: Mapping[str, float] = field(default_factory=dict)
    others: Mapping[str, float] | None = None


@dataclass(frozen=True)
class ProbeRecord:
    """Accuracy of a knowledge probe of `n` questions, with the bounds of its confidence interval; all from 0 to 1.

    chance: the accuracy of a guess, where the answers are among given choices."""

    kind: ClassVar[str] = "probe"
    step: int
    name: str
    accuracy: float
    low: float
    high: float
    n: int
    chance: float | None = None


ALREADY_FINISHED = "already finished"  # the event of a run that is started again after its last step


@dataclass(frozen=True)
class EventRecord:
    """Something that happened at a step: start, resume, checkpoint, skipped, stop, ...; seconds: for which training stood
    still."""

    kind: ClassVar[str] = "event"
    step: int
    name: str
    detail: str = ""
    seconds: float | None = None


@dataclass(frozen=True)
class StragglerRecord:
    """One of the slowest ranks: its own seconds for a phase, and the median over all ranks."""

    kind: ClassVar[str] = "straggler"
    step: int
    rank: int
    host: str
    phase: str
    seconds: float
    median_seconds: float


@dataclass(frozen=True)
class RlRecord:
    """One batch of rollouts, from which `step` is the first to learn.

    reward: mean over what was scored, None where nothing was; by "task", and by "task/part". reward_by_length: rows
    (first, last, count, mean reward) of bins of this batch, in tokens. length: mean and max, tokens. truncated, unscored:
    shares of the rollouts. zero_variance: share of the groups. unscored_reasons: rollouts by reason. entropy: nats per
    token, of the policy at the temperature of the sampling and without truncation. disagreement: share of the items on which
    rule and model verifier differ. engine_gap: LogprobGap.to_json() of align/rollouts/compare.py. resampled: prompts that
    left (mastered) and stayed (kept) at the start of this epoch. seconds: of the batch, by generate, score, logprobs, train.
    batches: numbers of its files in RUN/rollouts.

    Of named rewards (rl.rewards), by name; left out where there are none. component_source: who said
    it, a reward model in the ranks by the digest of its checkpoint. component_mean, component_spread: mean and standard
    deviation of its values. component_weight: what it weighed. component_unscored: share of the responses that it was asked
    about and has no score of; component_reasons: how often and why, by "name/reason". component_gradient: share of the absolute
    weighted advantages. capped: share of the scored responses that failed what rl.fusion.cap asks.
    """

    kind: ClassVar[str] = "rl"
    step: int
    epoch: float
    prompts: int
    rollouts: int
    reward: float | None
    length: Mapping[str, float]
    truncated: float
    zero_variance: float | None
    unscored: float
    entropy: float | None
    reward_by_task: Mapping[str, float] = field(default_factory=dict)
    reward_by_part: Mapping[str, float] = field(default_factory=dict)
    reward_by_length: Sequence[tuple[int, int, int, float | None]] = ()
    unscored_reasons: Mapping[str, int] = field(default_factory=dict)
    disagreement: float | None = None
    engine_gap: Mapping[str, object] | None = None
    resampled: Mapping[str, object] | None = None
    seconds: Mapping[str, float] = field(default_factory=dict)
    batches: Sequence[int] = ()
    component_source: Mapping[str, str] | None = None
    component_mean: Mapping[str, float] | None = None
    component_spread: Mapping[str, float] | None = None
    component_weight: Mapping[str, float] | None = None
    component_unscored: Mapping[str, float] | None = None
    component_gradient: Mapping[str, float] | None = None
    component_reasons: Mapping[str, int] | None = None
    capped: float | None = None


@dataclass(frozen=True)
class AlarmRecord:
    """A metric of RL has left its bound (observe/alarms.py). samples: keys of rollouts to look at, which `file` holds."""

    kind: ClassVar[str] = "alarm"
    step: int
    metric: str
    value: float
    bound: float
    text: str
    samples: Sequence[str] = ()
    file: str | None = None


Record = TrainRecord | ValidationRecord | ProbeRecord | EventRecord | StragglerRecord | RlRecord | AlarmRecord
_OPTIONAL = ("z_loss", "phase_seconds", "others", "epochs_by_source", "seconds", "chance", "component_source", "component_mean",
             "component_spread", "component_weight", "component_unscored", "component_gradient", "component_reasons", "capped")


def to_plain(record: Record) -> JsonObject:
    """`record` as JSON-ready values with its kind; optional fields that were not measured are left out."""
    values = {f.name: getattr(record, f.name) for f in dataclasses.fields(record)}
    kept = {name: value for name, value in values.items() if value is not None or name not in _OPTIONAL}
    return {"kind": record.kind} | {name: _plain(value) for name, value in kept.items()}


def _plain(value: object) -> object:
    if value is None or isinstance(value, str | bool):
        return value
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, Integral):
        return int(value)
    if isinstance(value, Real):  # numpy's scalars too
        return json_number(float(value))
    raise TypeError(f"a metrics record holds numbers, text, lists and mappings of them, not {type(value).__name__}")


def json_number(value: float) -> float | str:
    if math.isfinite(value):
        return value
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


def from_json_number(value: object) -> float | None:
    """The number behind a JSON value of a record; None where it is not one (null, text, a mapping, true)."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        try:
            return float(value)
        except OverflowError:  # a whole number of over 308 digits
            return None
    return float(value) if isinstance(value, str) and value in ("NaN", "Infinity", "-Infinity") else None


def from_json_numbers(values: object) -> list[float] | None:
    """The numbers behind a JSON list; None where it is no list or one of them is not a number."""
    if not isinstance(values, list):
        return None
    numbers = [number for value in values if (number := from_json_number(value)) is not None]
    return numbers if len(numbers) == len(values) else None
