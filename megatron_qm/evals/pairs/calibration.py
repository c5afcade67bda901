"""Do differences of scores mean what Bradley and Terry's model makes of them: P(one is better) = sigmoid(difference)?"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from megatron_qm.evals.pairs.measured import Floats, Ints
from megatron_qm.evals.statistics import wilson_interval

_BINS = 10
_EDGES = np.linspace(0.5, 1.0, _BINS + 1)
_STEPS = 200  # of bisection: more than a float has digits


@dataclass(frozen=True)
class Bin:
    """Comparisons whose winner was predicted with a probability from low to high. accuracy: with equal scores as half."""

    low: float
    high: float
    n: int
    confidence: float
    accuracy: float

    def to_json(self) -> dict[str, object]:
        least, most = wilson_interval(min(round(self.accuracy * self.n), self.n), self.n)
        return {"from": self.low, "to": self.high, "n": self.n, "confidence": self.confidence, "accuracy": self.accuracy,
                "low": min(least, self.accuracy), "high": max(most, self.accuracy)}


@dataclass(frozen=True)
class Fit:
    """Of one number. ece: expected calibration error; nll: negative log-likelihood of the labels, nats a comparison."""

    ece: float
    nll: float


@dataclass(frozen=True)
class Calibration:
    """bins, ece and nll are of all comparisons. temperature: what differences must be divided by, fitted on one half of the
    prompts and measured on the other; None where there is none, and `reason` says why."""

    bins: Sequence[Bin]
    whole: Fit
    n: int
    temperature: float | None
    reason: str
    fitted: int
    held_out: int
    before: Fit | None
    after: Fit | None

    def to_json(self) -> dict[str, object]:
        halves = {"n": self.held_out, "ece": self.before and self.before.ece, "nll": self.before and self.before.nll,
                  "ece_with_temperature": self.after and self.after.ece, "nll_with_temperature": self.after and self.after.nll}
        return {"ece": self.whole.ece, "nll": self.whole.nll, "n": self.n, "bins": [one.to_json() for one in self.bins],
                "temperature": self.temperature, "reason": self.reason, "fitted_on": self.fitted, "held_out": halves}


def calibrate(difference_k: Floats, prompt_k: Ints, seed: int) -> Calibration | None:
    """difference_k: score of the better response minus that of the worse one. seed: draws the half; a prompt is in one of them.
    None where there is nothing to measure."""
    if not len(difference_k):
        return None
    fitted_k = halves(prompt_k, seed)
    one_k, other_k = difference_k[fitted_k], difference_k[~fitted_k]
    temperature, reason = fit_temperature(one_k)
    if not len(other_k):
        temperature, reason = None, "one prompt alone has no halves"
    return Calibration(
        reliability(difference_k), fit_of(difference_k), len(difference_k), temperature, reason, len(one_k), len(other_k),
        None if temperature is None else fit_of(other_k), None if temperature is None else fit_of(other_k / temperature),
    )


def halves(prompt_k: Ints, seed: int) -> NDArray[np.bool_]:
    """Which comparisons belong to the first half of the prompts."""
    prompts, at_k = np.unique(prompt_k, return_inverse=True)
    order = np.random.default_rng(seed).permutation(len(prompts))
    first = np.zeros(len(prompts), bool)
    first[order[: (len(prompts) + 1) // 2]] = True
    return first[at_k]


def reliability(difference_k: Floats) -> list[Bin]:
    """Bins that hold something."""
    confidence_k = 1 / (1 + np.exp(-np.abs(difference_k)))
    right_k = np.where(difference_k == 0, 0.5, difference_k > 0)
    at_k = np.clip(np.searchsorted(_EDGES, confidence_k, side="right") - 1, 0, _BINS - 1)
    found = []
    for bin_ in range(_BINS):
        mine_k = at_k == bin_
        if mine_k.any():
            found.append(Bin(float(_EDGES[bin_]), float(_EDGES[bin_ + 1]), int(mine_k.sum()), float(confidence_k[mine_k].mean()),
                             float(right_k[mine_k].mean())))
    return found


def fit_of(difference_k: Floats) -> Fit:
    bins = reliability(difference_k)
    ece = sum(one.n * abs(one.accuracy - one.confidence) for one in bins) / len(difference_k)
    return Fit(ece, float(np.logaddexp(0.0, -difference_k).mean()))


def fit_temperature(difference_k: Floats) -> tuple[float | None, str]:
    """(temperature, "") of the largest likelihood, or (None, why there is none). In 1/temperature the negative log-likelihood is
    convex: its slope has one root."""
    if not len(difference_k) or not (difference_k != 0).any():
        return None, "all differences of the half that it is fitted on are 0"
    if (difference_k >= 0).all():
        return None, "all pairs of the half that it is fitted on are right: the smaller, the better"
    if difference_k.mean() <= 0:
        return None, "on the half that it is fitted on the scores do not prefer the better side"
    scaled_k = difference_k / np.abs(difference_k).max()
    low, high = 0.0, 1.0
    while _slope(scaled_k, high) < 0:
        low, high = high, 2 * high
    for _ in range(_STEPS):
        middle = (low + high) / 2
        low, high = (middle, high) if _slope(scaled_k, middle) < 0 else (low, middle)
    return float(np.abs(difference_k).max() / high), ""


def _slope(difference_k: Floats, inverse: float) -> float:
    """Of the negative log-likelihood, by 1/temperature; rises with it."""
    return -float(np.mean(difference_k * np.exp(-np.logaddexp(0.0, inverse * difference_k))))
