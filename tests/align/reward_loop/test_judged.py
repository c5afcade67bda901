"""What annotators have said in a round: through the desk by a function, resumed after any verdict, and what is made of it."""

import json
import math
from pathlib import Path

import pytest

from megatron_qm.align.annotation.candidates import read_candidates
from megatron_qm.align.annotation.verdict_log import read_standing
from megatron_qm.align.reward_loop.annotating import by_function, finished, judge_of
from megatron_qm.align.reward_loop.judged import accuracy, judged, wrongly_judged
from megatron_qm.config.reward_loop import AnnotatorsConfig
from megatron_qm.errors import UserError
from tests.align.stages import written

WHO = AnnotatorsConfig(["ann", "ben"], function=f"{__name__}:by_number", second=0.25)


def by_number(pair: dict, annotator: str, reading: int) -> str:
    """Of k0, k1, ...: a where it is even, b where it is odd; a tie of k6; ben thinks otherwise of k3."""
    number = int(pair["key"][1:])
    return "tie" if number == 6 else "a" if annotator == "ben" and number == 3 else "ab"[number % 2]


def stopping(pair: dict, annotator: str, reading: int) -> str:
    if pair["key"] == "k5":
        raise KeyError("no idea")
    return by_number(pair, annotator, reading)


def wordy(pair: dict, annotator: str, reading: int) -> str:
    return "first"


@pytest.fixture
def chosen(tmp_path: Path) -> Path:
    """Twelve pairs, of which k0 to k3 were drawn at random."""
    return written(tmp_path / "chosen.jsonl", [
        {"key": f"k{at}", "prompt": "?", "a": f"a{at}", "b": f"b{at}",
         "selection": {"reason": "random" if at < 4 else "small margin", "unbiased": at < 4, "value": None}} for at in range(12)])


def said(who: AnnotatorsConfig, chosen: Path) -> Path:
    judge, verdicts = judge_of(who), chosen.with_name("verdicts.jsonl")
    assert judge is not None
    by_function(judge, chosen, verdicts, who, 3)
    return verdicts


def test_a_function_judges_every_pair_once_and_a_quarter_twice_by_another_annotator(chosen: Path) -> None:
    verdicts = said(WHO, chosen)
    assert finished(read_candidates(chosen), verdicts, WHO.names)
    found = list(read_standing(verdicts)[1].verdicts.values())
    assert len(found) == 15 and {one.annotator for one in found} == {"ann", "ben"}
    twice = {one.key for one in found if sum(one.key == other.key for other in found) == 2}
    assert len(twice) == 3 and all({one.annotator for one in found if one.key == key} == {"ann", "ben"} for key in twice)
    for one in found:
        assert one.said == by_number({"key": one.key}, one.annotator, one.reading)
    assert {one.shown for one in found} == {("a", "b"), ("b", "a")}


def test_it_goes_on_after_an_end_as_if_there_had_been_none(chosen: Path, tmp_path: Path) -> None:
    undisturbed = [one.id for one in read_standing(said(WHO, chosen))[1].verdicts.values()]
    (tmp_path / "verdicts.jsonl").unlink()
    who = AnnotatorsConfig(WHO.names, function=f"{__name__}:stopping", second=WHO.second)
    with pytest.raises(UserError, match=r"function = .*:stopping failed on the pair 'k5' at .*test_judged.py:\d+: KeyError"):
        said(who, chosen)
    stored = [one.id for one in read_standing(tmp_path / "verdicts.jsonl")[1].verdicts.values()]
    assert 0 < len(stored) < len(undisturbed) and not finished(read_candidates(chosen), tmp_path / "verdicts.jsonl", who.names)
    assert [one.id for one in read_standing(said(WHO, chosen))[1].verdicts.values()] == undisturbed


def test_what_is_no_verdict_is_refused(chosen: Path) -> None:
    with pytest.raises(UserError, match="failed on the pair .* 'first' is none of a, b, tie, bad, skip"):
        said(AnnotatorsConfig(["ann"], function=f"{__name__}:wordy"), chosen)


def test_what_all_skip_ends_too_and_is_not_decided(chosen: Path) -> None:
    words = {2: "skip", 3: "bad"}
    file = written(chosen.with_name("said.jsonl"), [{"key": f"k{at}", "verdict": words.get(at, "a")} for at in range(12)])
    found = judged(chosen, said(AnnotatorsConfig(["ann", "ben"], verdicts=str(file), second=0.0), chosen))
    assert {one.pair.key for one in found.decided} == {f"k{at}" for at in range(12)} - {"k2", "k3"} and found.read == 11


@pytest.mark.parametrize(("rows", "why"), [
    ([{"key": "k0", "verdict": "a"}], "holds no verdict on the pair"), ([{"key": "k0", "verdict": "yes"}], ":1: verdict = 'yes'"),
    ([{"key": "k0", "verdict": "a"}] * 2, ":2: the key 'k0' was given before"),
])
def test_a_file_of_verdicts_must_hold_all_that_is_asked(chosen: Path, rows: list[dict], why: str) -> None:
    file = written(chosen.with_name("said.jsonl"), rows)
    with pytest.raises(UserError, match=why):
        said(AnnotatorsConfig(["ann"], verdicts=str(file)), chosen)


def test_accuracy_is_of_random_pairs_and_errors_are_of_the_others(chosen: Path) -> None:
    found = judged(chosen, said(AnnotatorsConfig(["ann"], function=f"{__name__}:by_number", second=0.0), chosen))
    assert [one.pair.key for one in found.to_measure] == ["k0", "k1", "k2", "k3"] and len(found.to_train) == 8
    margins = {f"k{at}": (math.nan, 1.0) for at in range(12)} | {"k2": (math.nan, 0.0), "k3": (math.nan, math.nan)}
    share = accuracy(found.to_measure, margins)  # k0 is right, k1 is wrong, k2 is undecided, k3 has no margin
    assert (share.part, share.total) == (1, 3)
    assert [pair.key for pair in wrongly_judged(found, margins)] == ["k5", "k7", "k9", "k11"]
    assert {pair.key for pair in wrongly_judged(found, {key: (-1.0, math.nan) for key in margins})} == {"k4", "k8", "k10"}


def test_second_readings_are_counted_whoever_read(chosen: Path) -> None:
    found = judged(chosen, said(AnnotatorsConfig(["ann", "ben"], function=f"{__name__}:by_number", second=1.0), chosen))
    assert len(found.again) == 12 and sum(one != other for one, other in found.again) == 1
    assert "k3" not in {one.pair.key for one in found.decided}, "its readings differ"
    assert json.loads(chosen.read_text().splitlines()[3])["selection"]["unbiased"]
