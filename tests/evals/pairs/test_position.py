"""Judges of known habits are found out."""

import random
from collections.abc import Sequence
from pathlib import Path

import pytest

from megatron_qm.errors import UserError
from megatron_qm.evals.pairs.position import Question, Verdict
from megatron_qm.evals.pairs.report import judge_pairs
from megatron_qm.evals.statistics import wilson_interval
from tests.evals.pairs.files import pair, write


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return write(tmp_path / "pairs.jsonl", [pair(n % 10, (3 * n) % 7 + 0.5, label="tie" if n % 20 == 3 else "chosen")
                                            for n in range(600)])


def score(response: Sequence) -> float:
    return float(response[-1]["content"].rpartition("=")[2])


def fair(questions: Sequence[Question]) -> list[Verdict]:
    return ["first" if score(one) > score(other) else "second" for _, one, other in questions]


def test_a_fair_judge_has_no_bias(path: Path) -> None:
    found = judge_pairs(path, fair)
    right = sum(n % 10 > (3 * n) % 7 + 0.5 for n in range(600) if n % 20 != 3)
    assert found.prefers_first.value == 0.5 and found.consistent.value == 1 and (found.n, found.labelled) == (600, 570)
    assert found.accuracy.value == found.accuracy_both.value == pytest.approx(right / 570)
    assert (found.accuracy_both.low, found.accuracy_both.high) == pytest.approx(wilson_interval(right, 570))


def test_one_who_takes_the_first_is_found_out(path: Path) -> None:
    found = judge_pairs(path, lambda questions: ["first"] * len(questions))
    assert found.prefers_first.value == 1 and found.consistent.value == 0 and found.accuracy_both.value == 0
    assert found.accuracy.value == 0.5


def test_one_who_always_ties_is_consistent_and_knows_nothing(path: Path) -> None:
    found = judge_pairs(path, lambda questions: ["tie"] * len(questions))
    assert (found.prefers_first.value, found.consistent.value) == (0.5, 1)
    assert (found.accuracy.value, found.accuracy_both.value) == (0.5, 0)


def test_a_share_of_haste_is_measured(path: Path) -> None:
    """Every fourth verdict, whatever the question, is for the first."""
    chance = random.Random(1)

    def hasty(questions: Sequence[Question]) -> list[Verdict | None]:
        verdicts: list[Verdict | None] = ["first" if chance.random() < 0.25 else verdict for verdict in fair(questions)]
        verdicts[0] = None
        return verdicts
    found = judge_pairs(path, hasty)
    assert found.prefers_first.low < 0.5 + 0.25 / 2 < found.prefers_first.high and found.prefers_first.low > 0.5
    assert found.consistent.low < 0.75 < found.consistent.high
    assert 0 < found.unscored < 5 and found.n + found.unscored == 600


def test_comparisons_of_a_row_are_not_taken_for_independent(tmp_path: Path) -> None:
    rows = [{"prompt": str(n), "chosen": [f"a = {n % 2}"], "rejected": [f"b{k} = 0.5" for k in range(9)]} for n in range(50)]
    wide = judge_pairs(write(tmp_path / "lists.jsonl", rows), fair).accuracy
    assert wide.value == 0.5 and (wide.low, wide.high) == pytest.approx(wilson_interval(25, 50))


@pytest.mark.parametrize(("judge", "why"), [
    (lambda questions: ["first"], "1 verdicts for"), (lambda questions: ["A"] * len(questions), "gave 'A' where first, second"),
])
def test_a_judge_that_answers_otherwise_is_refused(judge, why: str, path: Path) -> None:
    with pytest.raises(UserError, match=why):
        judge_pairs(path, judge)
