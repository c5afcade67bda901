"""The table of an exam, against counts by hand."""

import re

import pytest

from megatron_qm.evals.exams import summarise, table
from megatron_qm.evals.statistics import mean_interval, wilson_interval
from megatron_qm.rewards.items import Item
from megatron_qm.rewards.outcome import Outcome, Scored, Unscored


def item(key: str, task: str, **strata: str) -> Item:
    return Item(key, task, ({"role": "user", "content": "?"},), "A", strata=strata)


def exam(value: float, invalid: float = 0.0) -> Outcome:
    return Scored(value, {"invalid": invalid})


ASKED = [
    (item("1", "exam", level="resident"), exam(1.0)), (item("2", "exam", level="resident"), exam(0.0, 1.0)),
    (item("3", "exam", level="chief"), exam(1.0)), (item("4", "exam"), Unscored("deadline: no verdict in 10 s")),
    (item("5", "drugs"), Scored(0.5)), (item("6", "drugs"), Scored(1.0)), (item("7", "drugs"), Scored(0.0)),
]


def test_accuracy_by_task_and_stratum() -> None:
    scores = {score.group: score for score in summarise(*zip(*ASKED, strict=True))}
    assert list(scores) == ["exam", "exam level=chief", "exam level=resident", "drugs"]
    whole = scores["exam"]
    assert (whole.total, whole.right, whole.invalid, dict(whole.unscored)) == (3, 2, 1, {"deadline": 1})
    assert whole.accuracy == pytest.approx(2 / 3) and whole.interval == wilson_interval(2, 3)  # unscored: neither way
    assert scores["exam level=resident"].accuracy == 0.5
    drugs = scores["drugs"]
    assert drugs.graded and drugs.accuracy == 0.5 and drugs.right == 1 and drugs.interval == mean_interval([0.5, 1.0, 0.0])


def test_a_table_has_a_row_per_group() -> None:
    lines = table(summarise(*zip(*ASKED, strict=True))).splitlines()
    assert len(lines) == 5 and lines[1].split()[:3] == ["exam", "3", "66.7%"] and "(mean score)" in lines[4]


def twice(strict: float, lenient: float) -> Outcome:
    return Scored(lenient, {"strict": strict, "lenient": lenient, "differ": float(strict != lenient)})


def test_both_readings_stand_beside_each_other_for_items_with_a_format() -> None:
    asked = [*ASKED, (item("8", "ordering"), twice(1.0, 1.0)), (item("9", "ordering"), twice(0.0, 1.0)),
             (item("10", "ordering"), twice(0.0, 0.25)), (item("11", "ordering"), twice(0.0, 0.0)),
             (item("12", "ordering"), exam(1.0)), (item("13", "ordering"), Unscored("crash: no"))]
    scores = {score.group: score for score in summarise(*zip(*asked, strict=True))}
    assert scores["ordering"].to_json()["readings"] == {"n": 4, "strict": 0.25, "lenient": 0.5625, "differ": 0.5}
    assert scores["exam"].to_json()["readings"] is None and scores["exam"].readings == {}
    head, *rows = table(list(scores.values())).splitlines()
    assert head.split()[-3:] == ["strict", "lenient", "differ"] and "strict" not in table(summarise(*zip(*ASKED, strict=True)))
    assert re.findall(r"[\d.]+% of \d", rows[-1]) == ["25.0% of 4", "56.2% of 4", "50.0% of 4"] and rows[0].endswith("1")
