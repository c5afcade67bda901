"""Axes with round ticks, and numbers as people write them."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

_ROUND_STEPS = (1.0, 2.0, 2.5, 5.0, 10.0)
_SI_FROM = {"k": 1e4}  # 2500 is read as easily as 2.5k, 12,500 is not
_ROOM = 0.05  # of the values' range, above and below them
_LARGEST = 1e300  # beyond, differences leave the range of floats
_SI = ((1e12, "T"), (1e9, "B"), (1e6, "M"), (1e3, "k"))


def drawable(values_n: np.ndarray) -> NDArray[np.bool_]:
    """Which values have a place on an axis: not NaN, not infinite."""
    return abs(values_n) < _LARGEST


@dataclass(frozen=True)
class Axis:
    """From `low` to `high`, low < high."""

    low: float
    high: float

    def fraction(self, values_n: ArrayLike) -> np.ndarray:
        """0 at the low end, 1 at the high end."""
        return (np.asarray(values_n, float) - self.low) / (self.high - self.low)

    def ticks(self, about: int = 5) -> list[float]:
        """Round numbers within the axis, some `about` of them."""
        step = _round_step((self.high - self.low) / about)
        first = math.ceil(self.low / step - 1e-9)
        last = math.floor(self.high / step + 1e-9)
        return [number * step for number in range(first, last + 1)]


def axis_around(values_n: np.ndarray, *, from_zero: bool) -> Axis:
    """An axis that holds all finite `values_n` with a little room around them; [0, 1] where there are none."""
    finite = values_n[drawable(values_n)]
    if not len(finite):
        return Axis(0.0, 1.0)
    low, high = float(finite.min()), float(finite.max())
    if from_zero:
        low, high = min(low, 0.0), max(high, 0.0)
    room = (high - low) * _ROOM if high - low > 1e-9 * max(abs(high), abs(low)) else abs(high) * 0.1 or 0.5
    return Axis(low if from_zero and low == 0 else low - room, high if from_zero and high == 0 < -low else high + room)


def step_axis(low: int, high: int) -> Axis:
    return Axis(low, high) if high > low else Axis(low - 1, high + 1)


def _round_step(width: float) -> float:
    """The smallest of 1, 2, 2.5, 5 times a power of ten that is not below `width`."""
    power = 10.0 ** math.floor(math.log10(width)) if width > 0 else 1.0
    return next(factor * power for factor in _ROUND_STEPS if factor * power >= width * (1 - 1e-9))


def number(value: float | None) -> str:
    """Four significant digits at most: 0, 3e-04, 0.0213, 2.341, 24.3k, 1.2B."""
    if value is None:
        return "–"
    if not math.isfinite(value):
        return "NaN" if math.isnan(value) else "∞" if value > 0 else "−∞"
    size = abs(value)
    if size >= 9.9995e14:
        return _scientific(value)
    unit, suffix = _unit(size)
    if suffix:
        return _plain(value / unit, 4) + suffix
    return _scientific(value) if size and size < 1e-3 else _plain(value, 4)


def _scientific(value: float) -> str:
    mantissa, _, exponent = f"{value:.2e}".partition("e")
    return f"{mantissa.rstrip('0').rstrip('.')}e{int(exponent)}"


def _unit(size: float) -> tuple[float, str]:
    """The unit that a number of this size is written in."""
    return next((si for si in _SI if size >= _SI_FROM.get(si[1], si[0]) * 0.99995), (1.0, ""))


def _plain(value: float, digits: int) -> str:
    decimals = max(digits - 1 - math.floor(math.log10(abs(value))), 0) if value else 0
    text = f"{value:.{min(decimals, 6)}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def percent(value: float | None) -> str:
    return "–" if value is None else f"{value:.1%}" if math.isfinite(value) else number(value)


def whole(value: float) -> str:
    return f"{value:,.0f}"


def tick_labels(ticks: list[float], write: Callable[[float | None], str]) -> list[str]:
    """Labels of one axis: one unit and the same number of decimals for all."""
    if not ticks:
        return []
    top = max(map(abs, ticks))
    step = min((b - a for a, b in zip(ticks, ticks[1:], strict=False)), default=top or 1.0)
    unit, suffix = (0.01, "%") if write is percent else _unit(top)
    if step / unit < 1e-3 or top / unit >= 1e6:
        return [_scientific(tick) if abs(tick) > step / 2 else "0" for tick in ticks]
    decimals = next((d for d in range(7) if abs(round(step / unit, d) - step / unit) < step / unit * 1e-6), 6)
    return [f"{tick / unit:.{decimals}f}{suffix}" if abs(tick) > step / 2 else "0" for tick in ticks]
