"""Does the score rise with the length of a response, or with its markdown, whichever side it is on?

The model: score = a of the prompt + b * better + c * x + noise, with x the log2 of the length, or the marks of markdown per
100 characters. Within a comparison the prompt falls out: difference of scores = b * (1, or 0 of a tie) + c * difference of x +
noise. So c is the slope at equal label. Noise may be of unequal size, and go together within a prompt (a sandwich by prompts).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from megatron_qm.evals.pairs.measured import Comparisons, Floats, Ints, Measured
from megatron_qm.evals.pairs.rows import LABELS
from megatron_qm.evals.statistics import Z95

_LEAST_FREE = 3  # prompts more than coefficients: with less an interval says nothing
_SAME = 1e-9  # of a column's size, that others leave of it


@dataclass(frozen=True)
class Slope:
    """In standard deviations of all scores by one of `unit`, with its 95% interval; None where there is none, and `reason` says
    why. beside: at equal values of that, too."""

    name: str
    unit: str
    beside: str
    value: float | None
    low: float | None
    high: float | None
    n: int
    reason: str = ""

    def to_json(self) -> dict[str, object]:
        return {"name": self.name, "unit": self.unit, "beside": self.beside or None, "slope": self.value, "low": self.low,
                "high": self.high, "n": self.n, "reason": self.reason}


_UNITS = {"length": "doubling of the characters", "tokens": "doubling of the tokens", "markdown": "mark per 100 characters"}


def slopes(measured: Measured, compared: Comparisons, deviation: float) -> list[Slope]:
    """Each alone, then length and markdown beside each other. compared: also of ties, whose sides have equal labels."""
    x: dict[str, Floats | Ints] = {"length": measured.characters_m}
    if measured.tokens_m is not None:
        x["tokens"] = measured.tokens_m
    x["markdown"] = measured.markdown_m
    label_k = measured.label_r[compared.row_k] != LABELS.index("tie")
    score_k, prompt_k = compared.difference(measured.score_m), measured.prompt_r[compared.row_k]
    names_of = [*((name,) for name in x), ("length", "markdown"), ("markdown", "length")]
    return [_slope(names, _design([(name, x[name]) for name in names], compared, label_k), score_k, prompt_k, deviation)
            for names in names_of]


def _design(x: Iterable[tuple[str, Floats | Ints]], compared: Comparisons, label_k: NDArray[np.bool_]) -> Floats:
    """Made anew for each slope: kept, the differences of all x would be what takes the most memory."""
    columns = [compared.difference(x_m if name == "markdown" else np.log2(np.maximum(x_m, 1))) for name, x_m in x]
    return np.stack([*columns, *([label_k] if label_k.any() else [])], axis=1)


def _slope(names: Sequence[str], design_kp: Floats, score_k: Floats, prompt_k: Ints, deviation: float) -> Slope:
    """Of the first of `names`."""
    (name, *others), n = names, len(score_k)
    beside = " and ".join(others)
    reason = _obstacle(design_kp, prompt_k, deviation)
    if reason:
        return Slope(name, _UNITS[name], beside, None, None, None, n, reason)
    value, error, free = least_squares(design_kp, score_k, prompt_k)
    half = t_quantile(free) * error
    return Slope(name, _UNITS[name], beside, value / deviation, (value - half) / deviation, (value + half) / deviation, n)


def _obstacle(design_kp: Floats, prompt_k: Ints, deviation: float) -> str:
    if not deviation > 0:
        return "all scores are equal"
    if len(np.unique(prompt_k)) < design_kp.shape[1] + _LEAST_FREE:
        return "too few prompts"
    rest_k = design_kp[:, 0] - design_kp[:, 1:] @ np.linalg.lstsq(design_kp[:, 1:], design_kp[:, 0])[0]
    if np.linalg.norm(rest_k) <= _SAME * max(float(np.linalg.norm(design_kp[:, 0])), 1.0):
        return "it does not differ between the sides, or all pairs differ alike"
    return ""


def least_squares(design_kp: Floats, y_k: Floats, group_k: Ints) -> tuple[float, float, int]:
    """(first coefficient, its standard error, degrees of freedom). Sandwich by groups (CR1; groups of one: HC1)."""
    bread_pp = np.linalg.pinv(design_kp.T @ design_kp)
    coefficient_p = bread_pp @ design_kp.T @ y_k
    groups, at_k = np.unique(group_k, return_inverse=True)
    rest_k = y_k - design_kp @ coefficient_p
    score_gp = np.empty((len(groups), design_kp.shape[1]))
    for column, x_k in enumerate(design_kp.T):
        score_gp[:, column] = np.bincount(at_k, x_k * rest_k)
    (n, p), g = design_kp.shape, len(groups)
    covariance_pp = bread_pp @ (score_gp.T @ score_gp) @ bread_pp * (g / (g - 1) * (n - 1) / (n - p))
    return float(coefficient_p[0]), float(np.sqrt(max(covariance_pp[0, 0], 0.0))), g - p


def t_quantile(free: int, z: float = Z95) -> float:
    """Of Student's distribution, where the normal one has z: Fisher and Cornish's expansion, within 1% from 3 on."""
    terms = ((z**3 + z) / 4, (5 * z**5 + 16 * z**3 + 3 * z) / 96, (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384,
             (79 * z**9 + 776 * z**7 + 1482 * z**5 - 1920 * z**3 - 945 * z) / 92160)
    more: float = sum(term / free**power for power, term in enumerate(terms, start=1))
    return z + more
