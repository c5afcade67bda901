"""Annotators who know the gold reward: right, or wrong at their rate, and the same again whoever asks."""

import itertools
import math
from collections import Counter
from typing import Any

import pytest

from data_tools.preferences.annotators import annotator, exact, hasty, one_hasty, verdict
from data_tools.preferences.gold import gold
from data_tools.preferences.item import item_of
from data_tools.preferences.sets import candidates_to_judge
from data_tools.preferences.world import worlds

pytest.importorskip("faker_healthcare", reason="faker-healthcare-provider is not installed (extra: quickstart)")
COUNT = 100


@pytest.fixture(scope="module")
def pairs() -> list[dict[str, Any]]:
    rows = candidates_to_judge(worlds(3), COUNT, 3)
    return [{**row, "key": f"{row['key']}/{one}-{other}", "a": row["responses"][one], "b": row["responses"][other]}
            for row in rows for one, other in itertools.combinations(range(4), 2)]


def test_candidates_are_not_labelled_and_every_key_is_new(pairs: list[dict[str, Any]]) -> None:
    rows = candidates_to_judge(worlds(3), COUNT, 3)
    assert len({row["key"] for row in rows}) == COUNT and rows == candidates_to_judge(worlds(3), COUNT, 3)
    for row in rows:
        assert set(row) == {"key", "prompt", "responses", "stratum", "metadata"} and set(row["metadata"]) == {"reference"}
        assert len(set(row["responses"])) == 4
    training = {subject for world in worlds(3).values() for subject in world.training}
    assert {row["metadata"]["reference"]["subject"] for row in rows} <= training


def test_the_exact_one_says_what_gold_says(pairs: list[dict[str, Any]]) -> None:
    for pair in pairs:
        item = item_of(pair["metadata"]["reference"])
        a, b = (gold(item, pair[side]).total for side in "ab")
        assert exact(pair, "ann", 1) == ("tie" if math.isclose(a, b, abs_tol=1e-9) else "a" if a > b else "b")
    said = Counter(verdict(pair) for pair in pairs)
    assert min(said["a"], said["b"]) > 0.3 * len(pairs), said  # the order tells nothing


def test_the_hasty_one_is_wrong_in_15_percent_of_his_verdicts(pairs: list[dict[str, Any]]) -> None:
    wrong = {name: {pair["key"] for pair in pairs if hasty(pair, name, 1) != verdict(pair)} for name in ("ann", "ben")}
    spread = 4 * math.sqrt(0.15 * 0.85 * len(pairs))
    for keys in wrong.values():
        assert abs(len(keys) - 0.15 * len(pairs)) < spread
    both = len(wrong["ann"] & wrong["ben"])
    assert both < 0.15 * len(pairs) / 2, "each errs by himself"
    assert {hasty(pair, "ann", 1) for pair in pairs if pair["key"] in wrong["ann"]} == {"a", "b", "tie"}


def test_the_same_question_has_the_same_answer_and_another_reading_another_draw(pairs: list[dict[str, Any]]) -> None:
    first = [hasty(pair, "ann", 1) for pair in pairs]
    assert first == [hasty(pair, "ann", 1) for pair in reversed(pairs)][::-1]
    assert first != [hasty(pair, "ann", 2) for pair in pairs] and first != [annotator(0.15, 1)(pair, "ann", 1) for pair in pairs]


def test_a_pair_without_a_reference_is_refused() -> None:
    with pytest.raises(ValueError, match="no metadata.reference"):
        exact({"key": "x", "a": "1", "b": "2"}, "ann", 1)


def test_of_two_one_is_hasty(pairs: list[dict[str, Any]]) -> None:
    for pair in pairs:
        assert one_hasty(pair, "ann", 1) == exact(pair, "ann", 1) and one_hasty(pair, "ben", 1) == hasty(pair, "ben", 1)
