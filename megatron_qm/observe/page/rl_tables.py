"""Tables of a run of RL: alarms, reasons without a score, mastered prompts, the gap between engine and trainer."""

from collections.abc import Sequence

import numpy as np

from megatron_qm.json_types import JsonObject, object_of
from megatron_qm.observe.history import EMPTY, Series, Table, step_of
from megatron_qm.observe.page.scale import number, whole
from megatron_qm.observe.page.table import Row, Share, table
from megatron_qm.observe.records import from_json_number, from_json_numbers

_ROWS = 100  # the newest; metrics.jsonl has the rest
_SAMPLES = 8  # of an alarm


def alarms_table(alarms: Sequence[JsonObject]) -> str:
    rows = [_alarm_row(alarm) for alarm in alarms[-_ROWS:]]
    return table("Alarms", ("step", "metric", "value", "bound", "text", "samples", "file"), rows, len(alarms), "alarms")


def _alarm_row(alarm: JsonObject) -> list[str]:
    keys = alarm.get("samples")
    keys = [str(key) for key in keys] if isinstance(keys, list) else []
    more = f", {len(keys) - _SAMPLES:,} more" if len(keys) > _SAMPLES else ""
    return [
        whole(step_of(alarm)), _text(alarm.get("metric")), _number(alarm.get("value")), _number(alarm.get("bound")),
        _text(alarm.get("text")), ", ".join(keys[:_SAMPLES]) + more or "–", _text(alarm.get("file")),
    ]


def reasons_table(rl: Table) -> str:
    """Why rollouts have no score: of the whole run, and of the newest batch."""
    reasons, newest = rl.group("unscored_reasons"), rl.series("step").last
    totals = {reason: _sum(series) for reason, series in reasons.items()}
    every = sum(totals.values())
    rows: list[Row] = []
    for reason in sorted(totals, key=totals.__getitem__, reverse=True):
        series = reasons[reason]
        last = series.last if series.steps_n[-1] == newest else 0.0
        rows.append([reason, number(totals[reason]), Share(totals[reason] / every if every else None), number(last)])
    return table("Why rollouts have no score", ("reason", "rollouts", "share", "in the last batch"), rows[:_ROWS], len(rows))


def mastered_table(rollouts: dict[int, JsonObject]) -> str:
    """Prompts that left and stayed at the start of each epoch; of several records of an epoch the newest counts."""
    epochs: dict[float, tuple[int, float | None, float | None]] = {}
    for step in sorted(rollouts):
        epoch, found = from_json_number(rollouts[step].get("epoch")), rollouts[step].get("resampled")
        if isinstance(found, dict) and epoch is not None:
            epochs[epoch] = step, from_json_number(found.get("mastered")), from_json_number(found.get("kept"))
    rows: list[Row] = []
    for epoch, (step, mastered, kept) in sorted(epochs.items()):
        share = mastered / (mastered + kept) if mastered is not None and kept is not None and mastered + kept else None
        rows.append([number(epoch), whole(step), number(mastered), number(kept), Share(share)])
    titles = ("epoch", "step", "mastered, left", "kept", "share mastered")
    return table("Mastered prompts by epoch", titles, rows[-_ROWS:], len(rows))


def gap_table(rollouts: dict[int, JsonObject]) -> str:
    """The histogram of |trainer - engine|, log-probabilities of the same tokens: the newest beside the first."""
    found = [(step, gap) for step in sorted(rollouts) if (gap := _gap(rollouts[step].get("engine_gap"))) is not None]
    if not found:
        return ""
    shown = found[-1:] if len(found) == 1 else [found[0], found[-1]]
    names = list(dict.fromkeys(label for _, gap in shown for label in gap))
    rows: list[Row] = [[name, *(_count_of(gap, name) for _, gap in shown)] for name in names]
    summary = [_gap_summary(step, object_of(rollouts[step], "engine_gap")) for step, _ in shown]
    titles = ("|difference| in nats", *(f"tokens, step {whole(step)}" for step, _ in shown))
    return table("Log-probabilities: engine against trainer", titles, rows, len(rows), note=" ".join(summary))


def _gap(gap: object) -> dict[str, float] | None:
    """Tokens by the label of their bin; None where it is no histogram."""
    if not isinstance(gap, dict):
        return None
    edges, counts = (from_json_numbers(gap.get(key)) for key in ("edges", "counts"))
    if not edges or not counts or len(counts) != len(edges) + 1:
        return None
    total = sum(counts)
    if not np.isfinite(total) or total <= 0 or min(counts) < 0:
        return None
    labels = [f"below {number(edges[0])}"]
    labels += [f"{number(low)} to {number(high)}" for low, high in zip(edges, edges[1:], strict=False)]
    labels += [f"{number(edges[-1])} and more"]
    return dict(zip(labels, counts, strict=True))


def _count_of(gap: dict[str, float], name: str) -> Share:
    count = gap.get(name, 0.0)
    return Share(count / sum(gap.values()), number(count))


def _gap_summary(step: int, gap: JsonObject) -> str:
    tokens, mean, largest = (_number(gap.get(key)) for key in ("tokens", "mean", "largest"))
    value = from_json_number(gap.get("mean_ratio"))
    ratio = f"{value:.6g}" if value is not None else "–"  # all that matters is how far it is from 1
    return f"Step {whole(step)}: {tokens} tokens, mean {mean}, largest {largest} nats, mean ratio {ratio}."


def parts_table(rl: Table, more_than: int) -> str:
    """First and last reward of every task and part, where they are too many for the charts."""
    groups = [rl.group("reward_by_task"), rl.group("reward_by_part")]
    if max(map(len, groups)) < more_than:
        return ""
    rows = [[name, number(float(one.values_n[0])), number(one.last)] for group in groups for name, one in group.items()]
    return table("Rewards of all tasks and parts", ("task, or task/part", "first", "last"), rows, len(rows))


def components_table(rl: Table, rollouts: dict[int, JsonObject]) -> str:
    """Named rewards: of the first and the last batch that each was asked about. rollouts: records by step, for who said them."""
    mean, spread, weight, unscored, share = (rl.group(f"component_{what}")
                                             for what in ("mean", "spread", "weight", "unscored", "gradient"))
    reasons = rl.group("component_reasons")
    said_by = rollouts[max(rollouts)].get("component_source") if rollouts else None
    who = said_by if isinstance(said_by, dict) else {}
    rows: list[Row] = []
    for name in weight:
        one = mean.get(name, EMPTY)
        why = {key.partition("/")[2]: _sum(series) for key, series in reasons.items() if key.partition("/")[0] == name}
        rows.append([
            name, str(who.get(name, "–")), number(float(one.values_n[0]) if len(one) else None), number(one.last),
            number(spread.get(name, EMPTY).last), number(weight[name].last), Share(share.get(name, EMPTY).last),
            Share(unscored.get(name, EMPTY).last),
            ", ".join(f"{number(count)} x {reason}" for reason, count in sorted(why.items(), key=lambda pair: -pair[1])) or "–",
        ])
    titles = ("reward", "said by", "mean, first", "mean, last", "spread", "weight", "share of the gradient", "without a score",
              "why, in the whole run")
    return table("Named rewards", titles, rows[:_ROWS], len(rows))


def readings_table(rl: Table) -> str:
    """Both readings of the answers to items with a format, by task: of the last batch, and the first share that differed."""
    parts = rl.group("reward_by_part")
    rows: list[Row] = []
    for task in [name.removesuffix("/differ") for name in parts if name.endswith("/differ")]:
        strict, lenient, differ = (parts.get(f"{task}/{reading}", EMPTY) for reading in ("strict", "lenient", "differ"))
        if len(strict) and len(lenient):
            first, last = float(differ.values_n[0]), differ.last
            rows.append([task, number(strict.last), number(lenient.last), Share(last), Share(first)])
    titles = ("task", "strict, last", "lenient, last", "share that differ, last", "share that differ, first")
    return table("Two readings of the answers", titles, rows, len(rows))


def _text(value: object) -> str:
    return "–" if value is None else str(value)


def _number(value: object) -> str:
    found = from_json_number(value)
    return number(found) if found is not None else _text(value)


def _sum(series: Series) -> float:
    return float(series.values_n[np.isfinite(series.values_n)].sum())
