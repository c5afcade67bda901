"""Which charts a run gets: those that its records have something for."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

import numpy as np

from megatron_qm.observe.history import History, Series
from megatron_qm.observe.page.chart import COLOURS, QUIET, Line, line_chart, stacked_chart
from megatron_qm.observe.page.figure import Frame
from megatron_qm.observe.page.probes import chances, probe_series
from megatron_qm.observe.page.scale import number, percent, step_axis

_LEGEND = (
    "Lines: the mean of neighbouring steps. Bands: the middle 80% of them, and fainter the least to the greatest. "
    "Dashed and upright: the run was resumed. Red at the top: not a finite number."
)


def frame_of(history: History) -> Frame:
    """One axis of steps for all charts of a run."""
    return Frame(step_axis(*history.first_and_last()), history.resumes)


def charts(history: History) -> str:
    """What every kind of run has."""
    frame = frame_of(history)
    found = [
        _loss(history, frame),
        _by_source("Loss by source", "train", history, frame),
        _by_source("Validation loss by source", "validation", history, frame),
        _one("Throughput", "tokens per second, whole job", "tokens_per_second", history, frame),
        _one("Compute", "model TFLOP/s per device", "tflops_per_device", history, frame),
        _one("MFU", "model FLOPs over peak", "mfu", history, frame, write=percent),
        _one("Learning rate", "", "lr", history, frame, band=False),
        _one("Gradient norm", "before clipping", "grad_norm", history, frame),
        _one("z-loss", "nats per token", "z_loss", history, frame),
        _consumed(history, frame),
        _time_of_a_step(history, frame),
        _one("Memory", "GiB, peak of one rank", "memory_gib", history, frame, band=False),
        _probes(history, frame),
    ]
    drawn = "\n".join(chart for chart in found if chart)
    return f'<section><div class="charts">{drawn}</div><p class="note">{_LEGEND}</p></section>'


def lines_chart(
    title: str, unit: str, series: Mapping[str, Series], frame: Frame,
    *, write: Callable[[float | None], str] = number, from_zero: bool = True, wide: bool = False,
) -> str:
    """A chart of those of `series` that have values; nothing where none has."""
    lines = [Line(name, one, colour % COLOURS) for colour, (name, one) in enumerate(series.items()) if len(one)]
    return line_chart(title, unit, lines, frame, from_zero=from_zero, write=write, wide=wide) if lines else ""


def _loss(history: History, frame: Frame) -> str:
    train, validation = (history.table(kind).series("loss") for kind in ("train", "validation"))
    lines = [Line("training", train, 0)] if len(train) else []
    if len(validation):
        lines.append(Line("validation", validation, 1, dots=True, band=False))
    return line_chart("Loss", "nats per token", lines, frame, wide=True) if lines else ""


def _by_source(title: str, kind: str, history: History, frame: Frame) -> str:
    """A line per source, for as many as there are colours. One source alone would be the loss once more."""
    losses, tokens = history.table(kind).group("loss_by_source"), history.table("train").group("tokens_by_source")
    if len(losses) < 2:
        return ""
    names = largest_first(losses, tokens)
    shown = sorted(names[:COLOURS], key=list(losses).index)
    lines = [Line(name, losses[name], index, dots=kind != "train") for index, name in enumerate(shown)]
    unit = "nats per token" + (f", {COLOURS} largest of {len(names)} sources" if len(names) > COLOURS else "")
    return line_chart(title, unit, lines, frame)


def largest_first(names: Iterable[str], tokens: dict[str, Series]) -> list[str]:
    return sorted(names, key=lambda name: -(tokens[name].last or 0.0) if name in tokens else 0.0)


def _one(
    title: str, unit: str, key: str, history: History, frame: Frame,
    *, write: Callable[[float | None], str] = number, band: bool = True,
) -> str:
    series = history.table("train").series(key)
    if not len(series):
        return ""
    return line_chart(title, unit, [Line("last", series, 0, band=band)], frame, from_zero=True, write=write)


def _consumed(history: History, frame: Frame) -> str:
    table = history.table("train")
    tokens = table.group("tokens_by_source")
    if not tokens:
        total = table.series("tokens")
        tokens = {"all sources": total} if len(total) else {}
    return stack("Data consumed", "tokens", tokens, frame, counter=True) if tokens else ""


def _time_of_a_step(history: History, frame: Frame) -> str:
    phases = history.table("train").group("phase_seconds")
    if phases:
        return stack("Time of a step", "seconds, by phase", phases, frame)
    return _one("Time of a step", "seconds", "step_seconds", history, frame)


def stack(title: str, unit: str, series: dict[str, Series], frame: Frame, *, counter: bool = False) -> str:
    """Areas for as many as there are colours; the small rest is left out, and the unit says so."""
    names = largest_first(series, series)[:COLOURS]
    if len(names) < len(series):
        unit += f", {COLOURS} largest of {len(series)}"
    chosen = {name: one for name, one in series.items() if name in names}
    return stacked_chart(title, unit, chosen, frame, counter=counter)


def _probes(history: History, frame: Frame) -> str:
    """Accuracy over steps; before and after alone are in the table above the charts."""
    probes = history.records("probe")
    series = probe_series(probes)
    if max((len(one) for one in series.values()), default=0) < 3:
        return ""
    lines = [
        Line(name, one, index % COLOURS, dots=True, band=False) for index, (name, one) in enumerate(series.items())
    ]
    lines += _chance_lines(set(chances(probes).values()), list(series.values()))
    return line_chart("Probes and items", "accuracy", lines, frame, from_zero=True, write=percent)


def _chance_lines(levels: Collection[float], series: Sequence[Series]) -> list[Line]:
    """What a guess would reach, at all steps of `series`: one line where all probes have as many choices."""
    steps_n = np.unique(np.concatenate([one.steps_n for one in series]))
    return [
        Line("chance", Series(steps_n, np.full(len(steps_n), level)), QUIET, band=False, dashed=True) for level in sorted(levels)
    ]
