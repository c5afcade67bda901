"""The frame around a drawing: title, legend with the last values, axes, notes, and the numbers for the pointer.

The drawing stretches with the page while the labels, which are HTML, keep their size; colours follow the theme.
"""

import html
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from megatron_qm.observe.page.scale import Axis, drawable, number, percent, tick_labels
from megatron_qm.observe.page.thin import Thinned

SIDE = 1000  # of the drawing's square, which the page stretches


@dataclass(frozen=True)
class Frame:
    """What the charts of a page share: the axis of steps, and the steps at which the run was taken up again.

    across: what the axis counts, where that is not steps."""

    steps: Axis
    resumes: Sequence[int] = ()
    across: str = "step"


@dataclass(frozen=True)
class Drawn:
    """A series as it is drawn: for the picture, and for the values under the pointer."""

    name: str
    colour: int
    points: Thinned
    last: float | None


def figure(
    title: str, unit: str, drawn: Sequence[Drawn], picture: str, axis: Axis, frame: Frame,
    write: Callable[[float | None], str], notes: Sequence[str], wide: bool,
) -> str:
    """The `picture` (SVG paths in a square of SIDE) of `drawn` with everything around it."""
    legend = "".join(
        f'<li><i class="c{item.colour}"></i><span class="name">{html.escape(item.name)}</span> '
        f"<b>{write(item.last)}</b></li>"
        for item in drawn
    )
    resumes = [step for step in frame.resumes if frame.steps.low < step < frame.steps.high]
    marks = "".join(f'<path class="resume" d="M{x:g} 0V{SIDE}"/>' for x in frame.steps.fraction(resumes) * SIDE)
    y_ticks, x_ticks = axis.ticks(), [tick for tick in frame.steps.ticks(6) if tick == int(tick)]
    grid = "".join(f'<path class="grid" d="M0 {y:g}H{SIDE}"/>' for y in (1 - axis.fraction(y_ticks)) * SIDE)
    note = f'<p class="note">{html.escape(" ".join(notes))}</p>' if notes else ""
    return f"""<figure class="chart{' wide' if wide else ''}">
<figcaption><h3>{html.escape(title)}</h3><span class="unit">{html.escape(unit)}</span></figcaption>
<ul class="legend">{legend}</ul>
<div class="plot" role="img" aria-label="{html.escape(_spoken(title, unit, drawn, frame, write))}">
<div class="y">{_labels(axis, y_ticks, tick_labels(y_ticks, write), "bottom")}</div>
<div class="area"><svg viewBox="0 0 {SIDE} {SIDE}" preserveAspectRatio="none" aria-hidden="true">\
{grid}{marks}{picture}</svg></div>
<div class="x">{_labels(frame.steps, x_ticks, [number(tick) for tick in x_ticks], "left")}</div>
</div>{note}
<script type="application/json">{_pointer_data(drawn, frame, write)}</script>
</figure>"""


def _labels(axis: Axis, ticks: list[float], texts: list[str], side: str) -> str:
    places = axis.fraction(np.array(ticks)) * 100
    return "".join(
        f'<span style="{side}:{place:.2f}%">{html.escape(text)}</span>'
        for place, text in zip(places, texts, strict=True)
    )


def _spoken(
    title: str, unit: str, drawn: Sequence[Drawn], frame: Frame, write: Callable[[float | None], str]
) -> str:
    last = "; ".join(f"{item.name} {write(item.last)}" for item in drawn)
    return f"{title}, {unit}, over {frame.across}s. Last values: {last}"


def _pointer_data(drawn: Sequence[Drawn], frame: Frame, write: Callable[[float | None], str]) -> str:
    """What report.js shows under the pointer; `<` is escaped, so no name can end the script."""
    data = {
        "low": frame.steps.low,
        "high": frame.steps.high,
        "across": frame.across,
        "percent": write is percent,
        "series": [
            {
                "name": item.name,
                "colour": item.colour,
                "x": item.points.steps_k.tolist(),
                **{
                    key: [float(f"{value:.5g}") if drawable(value) else None for value in values_k]
                    for key, values_k in (
                        [("y", item.points.mean_k)]
                        + ([("low", scatter.least_k), ("high", scatter.greatest_k)] if scatter else [])
                    )
                },
            }
            for item, scatter in ((item, item.points.scatter) for item in drawn)
        ],
    }
    return json.dumps(data, ensure_ascii=False, allow_nan=False, separators=(",", ":")).replace("<", "\\u003c")
