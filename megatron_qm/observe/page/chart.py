"""Series as SVG paths: lines within the band of their extremes, and areas on top of each other."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from megatron_qm.observe.history import Series
from megatron_qm.observe.page.figure import SIDE, Drawn, Frame, figure
from megatron_qm.observe.page.scale import Axis, axis_around, drawable, number, whole
from megatron_qm.observe.page.thin import Thinned, held, thin

COLOURS = 10  # of series, that report.css names; one more is quiet
QUIET = COLOURS
_SPANS = 160
_CLIP_QUANTILE = 0.98
_BANDS = 3  # in one chart
_CLIP_FROM = 60  # points; fewer are all worth seeing


@dataclass(frozen=True)
class Line:
    """One series of a chart. `dots` marks each value: for the few of a validation. `band`: values scatter. `dashed`: what
    the others are to be read against."""

    name: str
    series: Series
    colour: int
    dots: bool = False
    band: bool = True
    dashed: bool = False


def line_chart(
    title: str,
    unit: str,
    lines: Sequence[Line],
    frame: Frame,
    *,
    from_zero: bool = False,
    write: Callable[[float | None], str] = number,
    wide: bool = False,
) -> str:
    """Lines over steps; long ones as the mean of short spans within the band of their extremes."""
    drawn = [_drawn(line) for line in lines]
    axis = _value_axis(lines, from_zero)
    parts = _bands(drawn, frame.steps, axis)
    parts += [_stroke(item, frame.steps, axis, line) for item, line in zip(drawn, lines, strict=True)]
    parts += [_not_finite(line.series, frame.steps) for line in lines]
    notes = [note for line in lines for note in _notes(line, axis, single=len(lines) == 1)]
    return figure(title, unit, drawn, "".join(parts), axis, frame, write, notes, wide)


def _drawn(line: Line) -> Drawn:
    points = thin(line.series, _SPANS)
    if not line.band:
        points = Thinned(points.steps_k, points.mean_k)
    return Drawn(line.name, line.colour, points, line.series.last)


def stacked_chart(
    title: str,
    unit: str,
    series: dict[str, Series],
    frame: Frame,
    *,
    counter: bool = False,
) -> str:
    """Areas on top of each other. `counter`: values that only grow from 0 and are held between their steps."""
    steps_k = np.unique(np.linspace(frame.steps.low, frame.steps.high, _SPANS + 1).astype(np.int64))
    bottom_k = np.zeros(len(steps_k))
    layers, drawn = [], []
    for index, (name, one) in enumerate(series.items()):
        values_k = held(one, steps_k) if counter else _interpolated(thin(one, _SPANS), steps_k)
        layers.append((index % COLOURS, bottom_k, bottom_k + values_k))
        drawn.append(Drawn(name, index % COLOURS, Thinned(steps_k, values_k), one.last))
        bottom_k = bottom_k + values_k
    axis = axis_around(bottom_k, from_zero=True)
    parts = [
        f'<path class="layer c{colour}" d="{_area(frame.steps, axis, steps_k, low_k, high_k)}"/>'
        for colour, low_k, high_k in layers
    ]
    return figure(title, unit, drawn, "".join(parts), axis, frame, number, [], False)


def _interpolated(points: Thinned, steps_k: NDArray[np.int64]) -> NDArray[np.float64]:
    finite_k = drawable(points.mean_k)
    if not finite_k.any():
        return np.zeros(len(steps_k))
    return np.interp(steps_k, points.steps_k[finite_k], points.mean_k[finite_k])


def _value_axis(lines: Sequence[Line], from_zero: bool) -> Axis:
    """Room for all values, unless a few spikes would flatten the rest: then for nearly all, and a note says so."""
    every = np.concatenate([line.series.values_n for line in lines])
    every = every[drawable(every)]
    if len(every) < _CLIP_FROM:
        return axis_around(every, from_zero=from_zero)
    low, usual, high = float(every.min()), float(np.quantile(every, _CLIP_QUANTILE)), float(every.max())
    base = min(low, 0.0) if from_zero else low
    if high - base <= 2 * (usual - base) or usual <= base:
        return axis_around(every, from_zero=from_zero)
    return axis_around(np.array([low, usual + 0.05 * (usual - base)]), from_zero=from_zero)


def _notes(line: Line, axis: Axis, *, single: bool) -> list[str]:
    steps_n, values_n = line.series.steps_n, line.series.values_n
    who = "" if single else f"{line.name}: "
    notes = []
    bad_n = ~drawable(values_n)
    if bad_n.any():
        notes.append(f"{who}{_count(bad_n.sum(), 'value')} not finite, first at step {whole(steps_n[bad_n][0])}.")
    above_n = drawable(values_n) & (values_n > axis.high)
    if above_n.any():
        top = int(np.nanargmax(np.where(above_n, values_n, np.nan)))
        notes.append(
            f"{who}{_count(above_n.sum(), 'value')} above the scale, "
            f"the greatest {number(float(values_n[top]))} at step {whole(steps_n[top])}."
        )
    return notes


def _count(how_many: int, what: str) -> str:
    return f"{how_many:,} {what}" + ("" if how_many == 1 else "s")


def _place(steps: Axis, axis: Axis, steps_k: np.ndarray, values_k: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Coordinates in the drawing, y downwards; far outside they are held near the edge."""
    x_k = np.round(steps.fraction(steps_k) * SIDE, 1)
    y_k = np.round((1 - axis.fraction(values_k)) * SIDE, 1)
    return x_k, np.clip(y_k, -SIDE, 2 * SIDE)


def _runs(finite_k: np.ndarray) -> list[slice]:
    """Stretches of neighbouring finite points."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], finite_k, [False]]).astype(np.int8)))
    return [slice(a, b) for a, b in zip(edges[::2], edges[1::2], strict=True)]


def _polyline(x_k: np.ndarray, y_k: np.ndarray) -> str:
    return "L".join(f"{x:g} {y:g}" for x, y in zip(x_k, y_k, strict=True))


def _stroke(item: Drawn, steps: Axis, axis: Axis, line: Line) -> str:
    x_k, y_k = _place(steps, axis, item.points.steps_k, item.points.mean_k)
    runs = _runs(drawable(y_k))
    path = "".join("M" + _polyline(x_k[run], y_k[run]) for run in runs if run.stop - run.start > 1)
    style = "line dashed" if line.dashed else "line"
    drawn = f'<path class="{style} c{item.colour}" d="{path}"/>' if path else ""
    # A path of no length with round ends is a dot that stays round however the drawing is stretched.
    alone = range(len(x_k)) if line.dots else [run.start for run in runs if run.stop - run.start == 1]
    spots = "".join(f"M{x_k[i]:g} {y_k[i]:g}h0" for i in alone if drawable(y_k[i]))
    return drawn + (f'<path class="dots c{item.colour}" d="{spots}"/>' if spots else "")


def _bands(drawn: Sequence[Drawn], steps: Axis, axis: Axis) -> list[str]:
    """The middle of each scatter, and the whole of it where there is only one: more would be a fog."""
    scattered = [(item, scatter) for item in drawn if (scatter := item.points.scatter)]
    if len(scattered) > _BANDS:
        return []
    bands = []
    for item, scatter in scattered:
        runs = _runs(drawable(item.points.mean_k))
        whole_and_middle = [(scatter.least_k, scatter.greatest_k), (scatter.low_k, scatter.high_k)]
        for low_k, high_k in whole_and_middle if len(scattered) == 1 else whole_and_middle[1:]:
            path = "".join(_area(steps, axis, item.points.steps_k[run], low_k[run], high_k[run]) for run in runs)
            bands.append(f'<path class="band c{item.colour}" d="{path}"/>')
    return bands


def _area(steps: Axis, axis: Axis, steps_k: np.ndarray, low_k: np.ndarray, high_k: np.ndarray) -> str:
    x_k, top_k = _place(steps, axis, steps_k, high_k)
    _, bottom_k = _place(steps, axis, steps_k, low_k)
    return f"M{_polyline(x_k, top_k)}L{_polyline(x_k[::-1], bottom_k[::-1])}Z"


def _not_finite(series: Series, steps: Axis) -> str:
    """A short stroke at the top for each value that is no number (for the first of them in each pixel)."""
    bad_n = series.steps_n[~drawable(series.values_n)]
    if not len(bad_n):
        return ""
    x_k = np.unique(np.round(steps.fraction(bad_n) * SIDE))
    return f'<path class="bad" d="{"".join(f"M{x:g} 0v60" for x in x_k)}"/>'
