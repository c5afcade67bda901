"""A run's metrics read back: columns of numbers over steps, whatever state the file is in."""

import json
from array import array
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import orjson
from numpy.typing import NDArray

from megatron_qm.config.stages import STAGES, Kept
from megatron_qm.errors import UserError
from megatron_qm.json_types import JsonObject, text_of, whole_of
from megatron_qm.observe.metrics import METRICS_FILE
from megatron_qm.observe.records import ALREADY_FINISHED, from_json_number

# What is kept of each kind of record: its numbers as columns over steps, the records as they are, or both.
KINDS: Mapping[str, Kept] = {
    "train": "table", "validation": "table", "probe": "list", "event": "list", "straggler": "list",
    **{kind: kept for stage in STAGES.values() for kind, kept in stage.records.items()},
}
_REMARKS = ("event", "straggler", "alarm")  # kinds that measure nothing of the model
_LARGEST_STEP = 2**53
_STARTS = ("start", "resume")


@dataclass(frozen=True)
class Series:
    """Values at rising steps, [n] each; a value may be NaN or infinite: that was measured too."""

    steps_n: NDArray[np.int64]
    values_n: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.steps_n)

    @property
    def last(self) -> float | None:
        return float(self.values_n[-1]) if len(self) else None


EMPTY = Series(np.zeros(0, np.int64), np.zeros(0))


class _Column:
    """Grows in the order of the file; `series` puts it in the order of steps, the last value of a step counts."""

    def __init__(self) -> None:
        self._steps, self._values = array("q"), array("d")

    def append(self, step: int, value: float) -> None:
        self._steps.append(step)
        self._values.append(value)

    def series(self) -> Series:
        steps_n, values_n = np.array(self._steps, np.int64), np.array(self._values)
        if np.any(np.diff(steps_n) <= 0):
            order = np.argsort(steps_n, kind="stable")
            steps_n, values_n = steps_n[order], values_n[order]
            newest = np.append(np.diff(steps_n) > 0, True)
            steps_n, values_n = steps_n[newest], values_n[newest]
        return Series(steps_n, values_n)


class Table:
    """The columns of one kind of record: `series("loss")`, and by name below a key: `group("loss_by_source")`."""

    def __init__(self) -> None:
        self._columns: dict[str, _Column] = {}
        self._groups: dict[str, dict[str, _Column]] = {}

    def add(self, step: int, record: JsonObject) -> None:
        for key, value in record.items():
            if isinstance(value, dict):
                group = self._groups.setdefault(key, {})
                for name, item in value.items():
                    _append(group, name, step, item)
            else:
                _append(self._columns, key, step, value)

    def series(self, key: str) -> Series:
        return self._columns[key].series() if key in self._columns else EMPTY

    def group(self, key: str) -> dict[str, Series]:
        return {name: column.series() for name, column in self._groups.get(key, {}).items()}


def _append(columns: dict[str, _Column], name: str, step: int, value: object) -> None:
    number = from_json_number(value)
    if number is not None:
        columns.setdefault(name, _Column()).append(step, number)


@dataclass
class History:
    """Tables and lists by kind of record, as KINDS says. unreadable: numbers of lines that are no records. elapsed_seconds:
    without the time that the run was down. measured: how many records say something of the model."""

    unreadable: list[int] = field(default_factory=list)
    began: float | None = None
    ended: float | None = None
    elapsed_seconds: float = 0.0
    measured: int = 0
    _tables: dict[str, Table] = field(default_factory=lambda: {kind: Table() for kind in KINDS if KINDS[kind] != "list"})
    _lists: dict[str, list[JsonObject]] = field(
        default_factory=lambda: {kind: [] for kind in KINDS if KINDS[kind] != "table"})

    def add(self, record: JsonObject) -> None:
        kind = text_of(record, "kind")
        if kind in self._tables:
            self._tables[kind].add(step_of(record), record)
        if kind in self._lists:
            self._lists[kind].append(record)
        self.measured += kind not in _REMARKS
        name = record.get("name") if kind == "event" else None
        if name != ALREADY_FINISHED:  # the run had ended before
            self._note_time(from_json_number(record.get("time")), name in _STARTS)

    def _note_time(self, now: float | None, starts: bool) -> None:
        if now is None or not np.isfinite(now):
            return
        if self.ended is not None and not starts:
            self.elapsed_seconds += max(now - self.ended, 0.0)
        self.began = now if self.began is None else self.began
        self.ended = now

    def table(self, kind: str) -> Table:
        """The numbers of all records of `kind`, of which KINDS says "table" or "both"."""
        return self._tables[kind]

    def records(self, kind: str) -> list[JsonObject]:
        """The records of `kind` in the order of the file, of which KINDS says "list" or "both"."""
        return self._lists[kind]

    def last_step(self) -> int:
        """The newest that a table has a record of; 0 before the first."""
        steps = [table.series("step").last for table in self._tables.values()]
        return int(max((step for step in steps if step is not None), default=0))

    def first_and_last(self) -> tuple[int, int]:
        """Steps of all that was measured."""
        ends = [int(end) for table in self._tables.values() if len(found := table.series("step"))
                for end in found.steps_n[[0, -1]]]
        ends += [step_of(record) for kind in self._lists if kind not in _REMARKS for record in self._lists[kind]]
        return min(ends), max(ends)

    def events(self, name: str) -> Sequence[JsonObject]:
        return [event for event in self._lists["event"] if event.get("name") == name]

    @property
    def resumes(self) -> Sequence[int]:
        """Steps after which the run was taken up again."""
        return [step_of(event) for event in self.events("resume")]


def read_history(run_dir: Path) -> History:
    """Read RUN/metrics.jsonl. A torn last line (the run may be writing it) is passed over in silence.

    Raises UserError naming the file, and what to do, where there is none or it holds no measurement.
    """
    run_dir = Path(run_dir)
    path = run_dir / METRICS_FILE
    if not run_dir.is_dir():
        raise UserError(f"{run_dir}: no such run folder; give the folder that the recipe's `output` names")
    history = History()
    try:
        for number, record in read_records(path):
            if record is None:
                history.unreadable.append(number)
            else:
                history.add(record)
    except FileNotFoundError:
        raise UserError(
            f"{path}: not there, so {run_dir} is not the folder of a run that has started; "
            "give the folder that the recipe's `output` names"
        ) from None
    except OSError as error:
        raise UserError(f"{path}: cannot read the metrics: {error.strerror}") from None
    if not history.measured:
        raise UserError(f"{path}: no step is recorded yet; run the report again when the first step is done")
    return history


def read_records(path: Path) -> Iterator[tuple[int, JsonObject | None]]:
    """(line number, record, or None where the line is no record), in the order of the file"""
    with open(path, "rb") as lines:
        for number, line in enumerate(lines, 1):
            record = _parse(line)
            if record is None and not line.endswith(b"\n"):
                return
            if line.strip():
                yield number, record


def step_of(record: JsonObject) -> int:
    """Of a record that `read_records` gave."""
    return whole_of(record, "step")


def _parse(line: bytes) -> JsonObject | None:
    try:
        value = orjson.loads(line)
    except orjson.JSONDecodeError:
        value = _parse_leniently(line)
    if not isinstance(value, dict):
        return None
    kind, step = value.get("kind"), value.get("step")
    if not isinstance(kind, str) or kind not in KINDS:
        return None
    if not isinstance(step, int) or isinstance(step, bool) or not 0 <= step <= _LARGEST_STEP:
        return None
    return value


def _parse_leniently(line: bytes) -> object:
    """Lines of other writers may hold a bare NaN, which Python's own parser takes."""
    try:
        return json.loads(line)
    except (ValueError, RecursionError):
        return None
