"""Is a longer answer a better one? Rewards by the length of the response, at the start of a run and at its end."""

from collections.abc import Iterable

import numpy as np

from megatron_qm.json_types import JsonObject
from megatron_qm.observe.history import Series
from megatron_qm.observe.page.chart import Line, line_chart
from megatron_qm.observe.page.figure import Frame
from megatron_qm.observe.page.scale import step_axis
from megatron_qm.observe.records import from_json_numbers

_BATCHES = 10  # at each end
_BINS = 12
_LARGEST = 1e12  # tokens, or rollouts: what is beyond is no measurement


def reward_against_length(rollouts: dict[int, JsonObject]) -> str:
    """Mean reward, weighted by the count of rollouts, over bins that all batches share; from "rl" records by step."""
    steps = [step for step in sorted(rollouts) if _bins(rollouts[step])]
    ends = {"last": steps[-_BATCHES:], "first": steps[:_BATCHES] if len(steps) >= 2 * _BATCHES else []}
    bins = {which: [found for step in chosen for found in _bins(rollouts[step])] for which, chosen in ends.items()}
    every = [middle for found in bins.values() for middle, _, _ in found]
    if not every:
        return ""
    low, high = int(min(every)), int(max(every)) + 1
    lines = [
        Line(_name(which, len(ends[which])), _rebinned(found, low, high), colour, dots=True, band=False)
        for colour, (which, found) in enumerate(bins.items()) if found
    ]
    unit = "mean, over tokens of the response; beside the names: of the longest"
    return line_chart("Reward against length", unit, lines, Frame(step_axis(low, high), across="token"), from_zero=True)


def _name(which: str, batches: int) -> str:
    return f"{which} {batches} batches" if batches > 1 else "one batch"


def _bins(record: JsonObject) -> list[tuple[float, float, float]]:
    """(middle, count, mean reward) of the usable rows of `reward_by_length`."""
    rows = record.get("reward_by_length")
    found = (_usable(row) for row in rows) if isinstance(rows, list) else ()
    return [row for row in found if row is not None]


def _usable(row: object) -> tuple[float, float, float] | None:
    values = from_json_numbers(row)
    if values is None or len(values) != 4 or not np.isfinite(values).all():
        return None
    first, last, count, reward = values
    sensible = 0 <= first <= last <= _LARGEST and 0 < count <= _LARGEST and abs(reward) <= _LARGEST
    return ((first + last) / 2, count, reward) if sensible else None


def _rebinned(rows: Iterable[tuple[float, float, float]], low: int, high: int) -> Series:
    """Rewards at the middles of equal bins from `low` to `high` tokens; bins without rollouts are left out."""
    middle_n, count_n, reward_n = np.array(list(rows)).T
    edges = np.unique(np.linspace(low, high, _BINS + 1).astype(np.int64))
    at_n = np.clip(np.searchsorted(edges, middle_n, side="right") - 1, 0, len(edges) - 2)
    count_k = np.bincount(at_n, count_n, len(edges) - 1)
    sum_k = np.bincount(at_n, count_n * reward_n, len(edges) - 1)
    held_k = count_k > 0
    return Series(((edges[:-1] + edges[1:]) // 2)[held_k], sum_k[held_k] / count_k[held_k])
