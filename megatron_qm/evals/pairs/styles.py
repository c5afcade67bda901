"""RM-Bench's matrix (arXiv 2410.16184): accuracy by the style of the better response (rows) and of the worse one (columns).

Hard is the mean of the three cells above the diagonal, where the worse response has the more elaborate style; normal that of the
diagonal; easy that of the three below.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from megatron_qm.evals.pairs.accuracy import Accuracy, accuracy
from megatron_qm.evals.pairs.measured import Comparisons, Measured, comparisons
from megatron_qm.evals.pairs.rows import STYLES

_LEVELS = {"hard": 1, "normal": 0, "easy": -1}  # the sign of the worse response's style minus the better one's


@dataclass(frozen=True)
class Level:
    """value: None unless all its cells have pairs. interval: None unless every row has all nine comparisons."""

    value: float | None
    interval: tuple[float, float] | None


@dataclass(frozen=True)
class Matrix:
    """cells[better][worse], in the order of STYLES."""

    cells: Sequence[Sequence[Accuracy]]
    levels: Mapping[str, Level]
    n: int

    def to_json(self) -> dict[str, object]:
        levels: dict[str, object] = {
            name: {"accuracy": level.value, "low": level.interval and level.interval[0],
                   "high": level.interval and level.interval[1]} for name, level in self.levels.items()}
        return {"styles": list(STYLES), "n": self.n, "matrix": [[cell.to_json() for cell in row] for row in self.cells], **levels}


def style_matrix(measured: Measured) -> Matrix | None:
    """None where no row tells the styles of its responses."""
    styled_r = np.maximum.reduceat(measured.style_m, measured.first_r[:-1]) >= 0
    compared = comparisons(measured, styled_r & measured.judged_r)
    if not len(compared.row_k):
        return None
    better_k, worse_k = measured.style_m[compared.better_k], measured.style_m[compared.worse_k]
    difference_k = compared.difference(measured.score_m)
    cells = [[_of(compared, difference_k, (better_k == one) & (worse_k == other)) for other in range(len(STYLES))]
             for one in range(len(STYLES))]
    n = len(np.unique(compared.row_k))
    complete = all(cell.n == n for row in cells for cell in row)
    levels = {}
    for name, sign in _LEVELS.items():
        mine = [cell.value for one, row in enumerate(cells) for other, cell in enumerate(row) if np.sign(other - one) == sign]
        value = None if None in mine else float(np.mean([cell for cell in mine if cell is not None]))
        whole = _of(compared, difference_k, np.sign(worse_k - better_k) == sign)
        levels[name] = Level(value, (whole.low, whole.high) if complete else None)
    return Matrix(cells, levels, n)


def _of(compared: Comparisons, difference_k: np.ndarray, at_k: np.ndarray) -> Accuracy:
    return accuracy(difference_k[at_k], Comparisons(compared.row_k[at_k], compared.better_k[at_k], compared.worse_k[at_k]))
