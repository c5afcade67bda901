"""Grades: the first rule that holds, by hand; the shipped rules; and what is wrong with rules, named by line."""

from pathlib import Path

import pytest

from data_tools.corpus.document import Document, Dropped
from data_tools.corpus.grading.grader import GradeConfig, grader
from data_tools.corpus.grading.rules import GRADES, read_rules
from megatron_qm.errors import UserError


def grade_of(known: dict[str, object], config: GradeConfig | None = None) -> object:
    after = grader(config or GradeConfig())(Document("text", known))
    return after.reason if isinstance(after, Dropped) else after.known["grade"]


@pytest.mark.parametrize(
    ("known", "grade"),
    [
        ({"type": "guideline", "year": 2020}, "A"),
        ({"type": "Guideline ", "year": "2020"}, "A"),
        ({"type": "guideline", "year": 2009}, "B"),
        ({"type": "guideline"}, "B"),
        ({"type": "guideline", "year": "soon"}, "B"),
        ({"type": "insert"}, "A"),
        ({"type": "article", "impact_factor": 20}, "A"),
        ({"type": "article", "impact_factor": 19.9}, "B"),
        ({"type": "article", "impact_factor": 4.9}, "C"),
        ({"type": "case", "kind": "record"}, "C"),
        ({"type": "case", "kind": "material"}, "E"),
        ({"type": "consultation"}, "D"),
        ({}, "E"),
        ({"type": "guideline", "year": 2020, "grade": "D"}, "D"),  # one that it has stays
        ({"type": "guideline", "year": 2020, "grade": "F"}, "A"),  # one that is none does not
    ],
)
def test_the_first_of_the_shipped_rules_that_holds(known: dict[str, object], grade: str) -> None:
    assert grade_of(known) == grade


def test_filters_and_weights_of_training_stages() -> None:
    assert grade_of({"type": "case"}, GradeConfig(keep=("A", "B"))) == "grade E"
    weights = read_rules(None).weights("pretraining")
    for grade in GRADES:
        after = grader(GradeConfig(training="pretraining"))(Document("text", {"grade": grade}))
        assert isinstance(after, Dropped) == (weights[grade] == 0)
        assert isinstance(after, Dropped) or after.known["weight"] == weights[grade]
    with pytest.raises(UserError, match="no such training stage; they have pretraining, annealing, sft"):
        grader(GradeConfig(training="rl"))


@pytest.mark.parametrize(
    ("rules", "said"),
    [
        ("rules: [{grade: A, reason: x, when: {kind: [record]}}]", "the last rule must hold for all"),
        ("rules: [{grade: A, reason: x}, {grade: B, reason: y}]", r"rules\.0 holds for all documents"),
        ("rules:\n  - {grade: F, reason: x}", r":2: rules\.0\.grade = 'F' is not one of A, B, C, D, E"),
        ("rules:\n  - {grade: A, reason: x, when: {typ: [a]}}", "did you mean 'rules.0.when.type'"),
        ("rules:\n  - {grade: A, reason: x, when: {year: {}}}", "at_least, at_most or both"),
        ("rules:\n  - {grade: A}", "lacks the key 'rules.0.reason'"),
    ],
)
def test_rules_that_cannot_be_are_refused(rules: str, said: str, tmp_path: Path) -> None:
    path = tmp_path / "rules.yaml"
    path.write_text(rules)
    with pytest.raises(UserError, match=said):
        read_rules(str(path))
