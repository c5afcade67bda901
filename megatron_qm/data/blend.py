"""Which source the next sequence is cut from: weights, schedules, and a rule that keeps every source on target.

Weights become shares by normalisation. With schedules, shares are exact at every token count that any schedule names
and linear in between, so the tokens due to a source are a quadratic in the tokens read: known in closed form for a
whole run, which is what `data plan` reports.

Sequences go to sources by Tijdeman's rule (1980, "The chairman assignment problem"): of the sources that are due, the
one with the nearest deadline. Under constant weights every source stays within one sequence of its exact share, always.
"""

import bisect
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from megatron_qm.errors import UserError

Weight = float | Sequence[Sequence[float]]  # a number, or points [[consumed tokens, weight], ...]


def weight_points(name: str, weight: Weight) -> list[tuple[float, float]]:
    """A weight as a list of (consumed tokens, weight). Raises UserError with the source, the value and the rule."""
    points = [(0, weight)] if isinstance(weight, int | float) else weight
    if not isinstance(points, list | tuple):
        raise UserError(f"source {name!r}: weight {weight!r} is no number and no schedule [[tokens, weight], ...]")
    if not points:
        raise UserError(f"source {name!r}: the weight schedule has no points; give [[tokens, weight], ...]")
    for point in points:
        if not (isinstance(point, list | tuple) and len(point) == 2 and all(isinstance(x, int | float) for x in point)):
            raise UserError(f"source {name!r}: {point!r} in its weight schedule is not a pair [tokens, weight]")
        tokens, value = point
        if not (math.isfinite(value) and value >= 0):
            raise UserError(f"source {name!r}: weight {value!r} must be a finite number, 0 or more")
        if not (math.isfinite(tokens) and tokens >= 0):
            raise UserError(f"source {name!r}: {tokens!r} tokens in its weight schedule must be finite, 0 or more")
    counts = [tokens for tokens, _ in points]
    if any(a >= b for a, b in zip(counts, counts[1:], strict=False)):
        raise UserError(f"source {name!r}: the token counts {counts} of its weight schedule must rise")
    return [(tokens, value) for tokens, value in points]


def _interpolate(points: Sequence[tuple[float, float]], at: float) -> float:
    """The piecewise linear function through `points`, constant before the first and after the last."""
    right = bisect.bisect_right(points, at, key=lambda point: point[0])
    if right == 0:
        return points[0][1]
    if right == len(points):
        return points[-1][1]
    (a, weight_a), (b, weight_b) = points[right - 1], points[right]
    return weight_a + (weight_b - weight_a) * ((at - a) / (b - a))


@dataclass(frozen=True)
class _Segment:
    """From `start` tokens on: tokens due so far, shares, and shares gained per token, each a list over sources."""

    start: float
    due: list[float]
    shares: list[float]
    slopes: list[float]


class Mixture:
    """Shares of sources over a run. `weights` maps each source's name to its weight, in the order of the sources."""

    def __init__(self, weights: Mapping[str, Weight]) -> None:
        if not weights:
            raise UserError("data.sources is empty: name at least one source")
        self.names = list(weights)
        self._points = [weight_points(name, weight) for name, weight in weights.items()]
        self._segments = self._integrate()
        self._starts = [segment.start for segment in self._segments]

    def shares(self, tokens: float) -> list[float]:
        """Share of each source after `tokens` consumed tokens; they add up to 1."""
        segment = self._segment(tokens)
        ahead = tokens - segment.start
        return [share + slope * ahead for share, slope in zip(segment.shares, segment.slopes, strict=True)]

    def due(self, tokens: float) -> list[float]:
        """Tokens due to each source out of the first `tokens` of a run: the integral of its share."""
        segment = self._segment(tokens)
        ahead = tokens - segment.start
        half = ahead * ahead / 2
        rows = zip(segment.due, segment.shares, segment.slopes, strict=True)
        return [due + share * ahead + slope * half for due, share, slope in rows]

    def _segment(self, tokens: float) -> _Segment:
        return self._segments[bisect.bisect_right(self._starts, tokens) - 1]

    def _integrate(self) -> list[_Segment]:
        starts = sorted({0.0, *(float(tokens) for points in self._points for tokens, _ in points)})
        shares = [self._normalised(start) for start in starts]
        due = [0.0] * len(self.names)
        segments = []
        for number, start in enumerate(starts):
            if number + 1 == len(starts):
                segments.append(_Segment(start, due, shares[number], [0.0] * len(due)))
                break
            length = starts[number + 1] - start
            ends = list(zip(shares[number], shares[number + 1], strict=True))
            segments.append(_Segment(start, due, shares[number], [(b - a) / length for a, b in ends]))
            due = [before + (a + b) / 2 * length for before, (a, b) in zip(due, ends, strict=True)]
        return segments

    def _normalised(self, tokens: float) -> list[float]:
        weights = [_interpolate(points, tokens) for points in self._points]
        total = math.fsum(weights)
        if not 0 < total < math.inf:
            raise UserError(
                f"the weights of the sources ({', '.join(self.names)}) at {tokens:.0f} consumed tokens add up to "
                f"{total}: at least one must be above 0 at all times"
            )
        return [weight / total for weight in weights]


@dataclass(frozen=True)
class Anchor:
    """Where the present weights took hold: what was read before is not made up for."""

    total: int  # tokens of the run
    positions: tuple[int, ...]  # tokens of each source


def draw(mixture: Mixture, anchor: Anchor, positions: Sequence[int], total: int, length: int, count: int) -> list[int]:
    """Sources of the next `count` sequences of `length` tokens, a pure function of integers and weights.

    `positions` are the tokens read of each source so far, `total` those of the whole run.
    """
    rows = zip(mixture.due(anchor.total), positions, anchor.positions, strict=True)
    received = [due_at_anchor + (position - at) for due_at_anchor, position, at in rows]
    chosen = []
    due = mixture.due(total)
    for _ in range(count):
        total += length
        due_next = mixture.due(total)
        source = _nearest_deadline(due, due_next, received, length)
        received[source] += length
        due = due_next
        chosen.append(source)
    return chosen


def _nearest_deadline(due: list[float], due_next: list[float], received: list[float], length: int) -> int:
    """Tijdeman's choice. What source i lacks once this sequence falls due is due_next[i] - received[i], in tokens."""
    active = [i for i in range(len(due)) if due_next[i] > due[i]]  # a source of weight 0 is never read
    slack = length / (2 * len(active) - 2) if len(active) > 1 else 0.0
    eligible = [i for i in active if due_next[i] - received[i] >= slack]
    if not eligible:  # only after a schedule turned a source off while it was a fraction of a sequence behind
        return max(active, key=lambda i: due_next[i] - received[i])
    return min(eligible, key=lambda i: (length - slack - (due_next[i] - received[i])) / (due_next[i] - due[i]))
