"""Kappa and alpha against published examples, and against other ways to the same number."""

import itertools
import math
import random
from collections.abc import Sequence

import pytest

from megatron_qm.evals.agreement import cohens_kappa, krippendorffs_alpha
from megatron_qm.evals.statistics import wilson_interval


def judged(table: Sequence[Sequence[int]]) -> tuple[list[str], list[str]]:
    """Two annotators' categories of a table of counts: rows of the one, columns of the other."""
    cells = [(i, j) for i, row in enumerate(table) for j, count in enumerate(row) for _ in range(count)]
    return [f"c{i}" for i, _ in cells], [f"c{j}" for _, j in cells]


# (table, kappa, standard error): Bonett's statpsych (ci.kappa), Stata's kapci, and Fleiss, Levin and Paik's table 18.1, for which
# they print 0.68 and 0.087.
PUBLISHED = [
    ([[31, 12], [4, 58]], 0.6756757, 0.07344761),
    ([[1395, 118], [261, 158]], 0.3411969207847029, 0.0262913719660408),
    ([[75, 1, 4], [5, 4, 1], [0, 0, 10]], 0.6764706, 0.0877),
]


@pytest.mark.parametrize(("table", "kappa", "error"), PUBLISHED)
def test_kappa_and_its_error_are_the_published_ones(table: list[list[int]], kappa: float, error: float) -> None:
    found = cohens_kappa(*judged(table))
    assert found.kappa == pytest.approx(kappa, abs=1e-6) and found.standard_error == pytest.approx(error, abs=1e-5)
    assert (found.low, found.high) == pytest.approx((kappa - 1.959964 * error, kappa + 1.959964 * error), abs=1e-4)


def kappa_of(shares: Sequence[Sequence[float]]) -> float:
    size = range(len(shares))
    total = sum(map(sum, shares))
    observed = sum(shares[i][i] for i in size) / total
    expected = sum(sum(shares[i]) * sum(shares[j][i] for j in size) for i in size) / total**2
    return (observed - expected) / (1 - expected)


@pytest.mark.parametrize("seed", range(6))
def test_the_error_is_that_of_the_delta_method(seed: int) -> None:
    """Slopes of kappa by each cell, by difference quotients; n * variance = sum p g^2 - (sum p g)^2."""
    chance = random.Random(seed)
    size = 2 + seed % 3
    table = [[chance.randint(1, 30) + 20 * (i == j) for j in range(size)] for i in range(size)]
    n = sum(map(sum, table))
    shares = [[count / n for count in row] for row in table]
    slopes = {}
    for i, j in itertools.product(range(size), repeat=2):
        moved = []
        for step in (1e-6, -1e-6):
            other = [row[:] for row in shares]
            other[i][j] += step
            moved.append(kappa_of(other))
        slopes[i, j] = (moved[0] - moved[1]) / 2e-6
    mean = sum(shares[i][j] * slope for (i, j), slope in slopes.items())
    variance = (sum(shares[i][j] * slope**2 for (i, j), slope in slopes.items()) - mean**2) / n
    found = cohens_kappa(*judged(table))
    assert found.kappa == pytest.approx(kappa_of(table)) and found.standard_error == pytest.approx(math.sqrt(variance), rel=1e-4)


def test_the_interval_holds_the_true_kappa_about_as_often_as_it_says() -> None:
    """Two annotators of a pair's verdict who both err 15% of the time, to one of the other two words."""
    chance, words, held = random.Random(1), ("a", "b", "tie"), 0
    observed, expected = 0.85**2 + 2 * 0.075**2, 1 / 3
    for _ in range(300):
        truth = [chance.choice(words) for _ in range(200)]
        one, other = ([chance.choice([word for word in words if word != t]) if chance.random() < 0.15 else t for t in truth]
                      for _ in range(2))
        found = cohens_kappa(one, other)
        held += found.low <= (observed - expected) / (1 - expected) <= found.high
    assert 0.91 <= held / 300 <= 0.99


def test_ends_of_the_scale() -> None:
    same = cohens_kappa(["a", "b"] * 5, ["a", "b"] * 5)
    assert same.kappa == 1 and same.standard_error == 0 and same.high == 1
    assert same.low == pytest.approx((wilson_interval(10, 10)[0] - 0.5) / 0.5)
    assert cohens_kappa(["a", "b"], ["b", "a"]).kappa == -1
    for one, other in ((["a"] * 4, ["a"] * 4), ([], []), ([None, "a"], ["b", None])):
        found = cohens_kappa(one, other)
        assert found.kappa is None and (found.low, found.high) == (-1, 1)
    assert cohens_kappa(["a", None, "b", "b"], ["a", "a", None, "a"]) == cohens_kappa(["a", "b"], ["a", "a"])
    with pytest.raises(ValueError, match="2 judgements of one annotator, 1"):
        cohens_kappa(["a", "b"], ["a"])


# Krippendorff, "Computing Krippendorff's Alpha-Reliability" (2011): A (binary, two observers), B (nominal, two observers) and
# C (nominal, four observers with gaps), in his order.
BINARY = [list(unit) for unit in zip("0100000010", "1110010000", strict=True)]
NOMINAL = [list(unit) for unit in zip("aabbdcccedda", "babbbccceddd", strict=True)]
GAPS = ["11-1", "2232", "3333", "3333", "2222", "1234", "4444", "1121", "2222", "-555", "--11", "--3-"]


def test_alpha_is_the_published_one() -> None:
    assert krippendorffs_alpha(BINARY).alpha == pytest.approx(0.095, abs=5e-4)
    assert krippendorffs_alpha(NOMINAL).alpha == pytest.approx(0.692, abs=5e-4)
    found = krippendorffs_alpha([[None if one == "-" else one for one in unit] for unit in GAPS])
    assert found.alpha == pytest.approx(0.743, abs=5e-4) and (found.units, found.judgements) == (11, 40)


def by_pairs(units: Sequence[Sequence[str | None]]) -> float:
    """1 - observed / expected disagreement, pair by pair of judgements."""
    kept = [[one for one in unit if one is not None] for unit in units]
    kept = [unit for unit in kept if len(unit) > 1]
    every = [one for unit in kept for one in unit]
    observed = sum((a != b) / (len(unit) - 1) for unit in kept for a, b in itertools.permutations(unit, 2)) / len(every)
    expected = sum(a != b for a, b in itertools.permutations(every, 2)) / (len(every) * (len(every) - 1))
    return 1 - observed / expected


@pytest.mark.parametrize("seed", range(6))
def test_alpha_is_one_less_the_quotient_of_disagreements(seed: int) -> None:
    chance = random.Random(seed)
    units = [[chance.choice(["a", "b", "c", None]) if chance.random() < 0.5 else "a" for _ in range(4)] for _ in range(25)]
    assert krippendorffs_alpha(units).alpha == pytest.approx(by_pairs(units))


def test_alpha_is_none_where_nothing_could_differ() -> None:
    for units in ([], [["a", None]], [["a", "a"], ["a", "a"]]):
        assert krippendorffs_alpha(units).alpha is None
    assert krippendorffs_alpha([["a", "a"], ["b", "b"]]).alpha == 1
