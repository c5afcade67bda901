"""Accuracy, matrix, best of several and ties against plain counting, by other ways than the code's own."""

import itertools
import math
import random
from pathlib import Path

import numpy as np
import pytest

from megatron_qm.evals.pairs.accuracy import accuracy, by_stratum
from megatron_qm.evals.pairs.best_of import best_of, ties_score
from megatron_qm.evals.pairs.markdown import density
from megatron_qm.evals.pairs.measured import comparisons
from megatron_qm.evals.pairs.rows import STYLES
from megatron_qm.evals.pairs.styles import style_matrix
from megatron_qm.evals.statistics import wilson_interval
from tests.evals.pairs.files import measured, pair


def draw(seed: int, count: int) -> tuple[random.Random, list[float]]:
    chance = random.Random(seed)
    return chance, [chance.choice([0, 1, 2, 3, 0.5]) for _ in range(count)]


@pytest.mark.parametrize("seed", range(5))
def test_accuracy_of_pairs_is_counted(seed: int, tmp_path: Path) -> None:
    chance, scores = draw(seed, 400)
    pairs = [(a, b, chance.choice("xy")) for a, b in zip(scores[::2], scores[1::2], strict=True)]
    found = measured(tmp_path / "pairs.jsonl", [pair(a, b, stratum=name) for a, b, name in pairs])
    compared = comparisons(found, found.judged_r)
    every = accuracy(compared.difference(found.score_m), compared)
    right, ties = sum(a > b for a, b, _ in pairs), sum(a == b for a, b, _ in pairs)
    assert (every.n, every.ties) == (200, ties)
    assert (every.value, every.ties_half) == pytest.approx((right / 200, (right + ties / 2) / 200))
    assert (every.low, every.high) == wilson_interval(right, 200)
    for name, stratum in by_stratum(found).items():
        mine = [a > b for a, b, where in pairs if where == name]
        assert stratum.accuracy.value == pytest.approx(sum(mine) / len(mine)) and stratum.accuracy.n == len(mine)


def test_rows_of_lists_count_once_each_with_their_share(tmp_path: Path) -> None:
    rows = [
        {"prompt": "q", "chosen": ["a = 1"], "rejected": ["b = 0", "b = 2", "b = 1"]},  # a third, one tie
        {"prompt": "q", "chosen": ["a = 3", "a = 1"], "rejected": ["b = 0", "b = 2"]},  # three quarters
        pair(1, 0),
        pair("none", 0), pair(1, "nan"), pair(5, 0, label="tie"),
    ]
    found = measured(tmp_path / "pairs.jsonl", rows)
    compared = comparisons(found, found.judged_r)
    every = accuracy(compared.difference(found.score_m), compared)
    assert every.value == pytest.approx((1 / 3 + 3 / 4 + 1) / 3) and every.ties_half == pytest.approx((1 / 2 + 3 / 4 + 1) / 3)
    assert (every.n, every.comparisons, every.ties) == (3, 8, 1) and every.low < every.value < every.high
    assert found.unscored == {"no score": 1, "no finite number": 1}


def test_the_matrix_is_rm_benchs(tmp_path: Path) -> None:
    """Loops as in RM-Bench's README, over 60 rows whose responses stand in other orders of styles."""
    chance = random.Random(3)
    rows, counted = [], np.zeros((3, 3))
    for number in range(60):
        order = chance.sample(range(3), 3)
        better, worse = ([chance.choice([0, 1, 2, 3]) + 2 * n for n in range(3)] for _ in range(2))  # liked by style
        better = [score + number % 2 for score in better]
        rows.append({"prompt": "q", "chosen": [f"a{n} = {better[n]}" for n in order],
                     "rejected": [f"b{n} = {worse[n]}" for n in order], "style": [STYLES[n] for n in order]})
        for i, j in itertools.product(range(3), range(3)):
            counted[i, j] += better[i] > worse[j]
    matrix = style_matrix(measured(tmp_path / "pairs.jsonl", [*rows, pair(0, 1)]))
    assert matrix is not None and matrix.n == 60
    assert np.array([[cell.value for cell in row] for row in matrix.cells]) == pytest.approx(counted / 60)
    hard, normal, easy = (matrix.levels[name] for name in ("hard", "normal", "easy"))
    assert hard.value == pytest.approx((counted[0, 1] + counted[0, 2] + counted[1, 2]) / 180)
    assert normal.value == pytest.approx(np.trace(counted) / 180)
    assert easy.value == pytest.approx((counted[1, 0] + counted[2, 0] + counted[2, 1]) / 180)
    assert hard.interval is not None and easy.interval is not None and hard.interval[1] < easy.interval[0]
    for level in (hard, normal, easy):
        assert level.interval is not None and level.value is not None and level.interval[0] < level.value < level.interval[1]


def test_single_pairs_fill_single_cells(tmp_path: Path) -> None:
    rows = [pair(1, 0, style={"chosen": "concise", "rejected": "detailed_markdown"}),
            pair(1, 0, style={"chosen": "concise", "rejected": "detailed_markdown"}, label="rejected"),
            *(pair(1, 0, style={"chosen": name, "rejected": name}) for name in STYLES)]
    matrix = style_matrix(measured(tmp_path / "pairs.jsonl", rows))
    assert matrix is not None and matrix.cells[0][2].value == 1 and matrix.cells[2][0].value == 0
    assert matrix.levels["hard"].value is None and matrix.levels["normal"].value == 1
    assert matrix.levels["normal"].interval is None
    assert style_matrix(measured(tmp_path / "plain.jsonl", [pair(1, 0)])) is None


def test_best_of_four_is_counted_by_size(tmp_path: Path) -> None:
    chance = random.Random(4)
    rows, right, shared = [], 0, 0.0
    for number in range(100):
        scores = [chance.choice([0, 1, 2]) for _ in range(4)]
        rows.append({"prompt": "q", "chosen": [f"a = {scores[0]}"], "rejected": [f"b{n} = {scores[n]}" for n in (1, 2, 3)],
                     "key": f"k{number}"})
        top = [n for n in range(4) if scores[n] == max(scores)]
        right += top == [0]
        shared += 1 / len(top) if 0 in top else 0
    rows += [{"prompt": "q", "chosen": ["a = 1"], "rejected": ["b = 0", "c = 0"]}, pair(0, 1)]
    found = best_of(measured(tmp_path / "pairs.jsonl", rows))
    assert list(found) == [3, 4] and found[3].right == 1 and found[4].n == 100
    assert found[4].right == right and found[4].shared == pytest.approx(shared / 100)


def test_the_ties_score_is_rewardbench_2s_by_hand(tmp_path: Path) -> None:
    """Question 1: spread 1, gap 2, reference's gap 0.5. 2: right ones alike, gap 1, reference's 3. 3: wrong, spread 2, gap -1,
    reference's 1. 4: without a reference. 5: a reference alone, wrong."""
    def row(key: str, better: list[float], worse: list[float]) -> dict:
        return {"key": key, "prompt": key, "chosen": [f"a{n} = {s}" for n, s in enumerate(better)],
                "rejected": [f"b{n} = {s}" for n, s in enumerate(worse)]}
    rows = [row("tied:1", [3, 4], [1, 0]), row("ref:1", [1.5], [1, 0]), row("tied:2", [2, 2, 2], [1]), row("ref:2", [3], [0]),
            row("tied:3", [0, 2], [1]), row("ref:3", [2], [1, 1]), row("tied:4", [1, 2], [0]), row("ref:5", [0], [0.5])]
    found = ties_score(measured(tmp_path / "pairs.jsonl", rows))
    assert found is not None and (found.n, found.references, found.both) == (4, 4, 3)
    assert (found.tied, found.reference, found.preferred, found.preferred_hard) == pytest.approx((3 / 4, 3 / 4, 2 / 3, 1 / 3))
    margin = (math.tanh(0.5 / 1 - 1) + 1 + math.tanh(-1 / 2 - 1)) / 3
    assert found.margin == pytest.approx(margin)
    assert found.score == pytest.approx(0.3 * 0.75 + 0.3 * 0.75 + 0.2 * 2 / 3 + 0.2 / 3 + 0.01 * margin)
    alone = ties_score(measured(tmp_path / "alone.jsonl", rows[:1]))
    assert alone is not None and alone.score is None and alone.tied == 1
    assert ties_score(measured(tmp_path / "none.jsonl", [pair(1, 0)])) is None


@pytest.mark.parametrize(("text", "marks"), [
    ("plain words - and 3.5 * 2 = 7, a_b_c, no # marks", 0),
    ("# head\n\n- one\n- two\n1. three\n> quote\n| a | b |\n```\ncode\n```\n---", 9),
    ("**bold** and `code` and [link](http://x) and __strong__", 4),
    ("2023. was a year\n5 * 3", 0),
])
def test_marks_of_markdown_are_counted(text: str, marks: int) -> None:
    assert density(text) == pytest.approx(100 * marks / len(text))
    assert density(text * 3) == pytest.approx(density(text), rel=0.3)
