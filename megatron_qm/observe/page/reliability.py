"""The chart of reliability: how often the winner is right, over how sure the scores are of it."""

from collections.abc import Sequence

import numpy as np

from megatron_qm.json_types import JsonObject, number_of
from megatron_qm.observe.page.chart import QUIET
from megatron_qm.observe.page.figure import SIDE, Drawn, Frame, figure
from megatron_qm.observe.page.scale import Axis, percent
from megatron_qm.observe.page.thin import Scatter, Thinned

_ACROSS, _UPWARDS = Axis(50.0, 100.0), Axis(0.0, 1.0)  # percent of confidence, and the share that is right


def reliability_chart(bins: Sequence[JsonObject]) -> str:
    """Dots with the 95% interval of each bin ("confidence", "accuracy", "low", "high"), and the line that they should lie on."""
    if not bins:
        return ""
    confidence_b, right_b, low_b, high_b = (
        np.array([number_of(one, key) for one in bins]) for key in ("confidence", "accuracy", "low", "high"))
    x_b = np.round(_ACROSS.fraction(100 * confidence_b) * SIDE, 1)
    y_b, bottom_b, top_b = (np.round((1 - _UPWARDS.fraction(values_b)) * SIDE, 1) for values_b in (right_b, low_b, high_b))
    line = "L".join(f"{x:g} {y:g}" for x, y in zip(x_b, y_b, strict=True))
    bars = "".join(f"M{x:g} {low:g}V{high:g}" for x, low, high in zip(x_b, bottom_b, top_b, strict=True))
    dots = "".join(f"M{x:g} {y:g}h0" for x, y in zip(x_b, y_b, strict=True))
    picture = (f'<path class="line dashed c{QUIET}" d="M0 {SIDE // 2}L{SIDE} 0"/><path class="line c0" d="{bars}"/>'
               f'<path class="line c0" d="M{line}"/><path class="dots c0" d="{dots}"/>')
    at_b = np.round(100 * confidence_b).astype(np.int64)
    drawn = [
        Drawn("right", 0, Thinned(at_b, right_b, Scatter(low_b, high_b, low_b, high_b)), float(right_b[-1])),
        Drawn("as sure as right", QUIET, Thinned(np.array([50, 100]), np.array([0.5, 1.0])), 1.0),
    ]
    unit = "share of winners that are right, over confidence in percent; beside the names: of the surest"
    return figure("Reliability", unit, drawn, picture, _UPWARDS, Frame(_ACROSS, across="percent"), percent, [], wide=True)
