"""From file to JSON: what is exchanged is scored again, what has no score is counted, what is wrong is said before."""

import json
import random
from collections.abc import Sequence
from pathlib import Path

import pytest

from megatron_qm.cli import main
from megatron_qm.errors import UserError
from megatron_qm.evals.pairs.report import evaluate_pairs
from megatron_qm.evals.pairs.rows import Messages
from megatron_qm.evals.pairs.told import told as as_text
from megatron_qm.rewards.outcome import Unscored
from tests.evals.pairs.files import pair, told, write


def many(seed: int, count: int = 300) -> list[dict]:
    chance = random.Random(seed)
    rows = []
    for n in range(count):
        row = pair(chance.gauss(1, 1), chance.gauss(0, 1), key=f"k{n}", stratum=chance.choice(["a", "b"]), prompt=f"q{n // 2}")
        row["chosen"] = "w " * chance.randint(1, 50) + str(row["chosen"])
        if n % 10 == 0:
            row["label"] = "tie"
        if n % 10 == 1:
            row = {**row, "label": "rejected", "chosen": row["rejected"], "rejected": row["chosen"]}
        rows.append(row)
    return rows


@pytest.mark.parametrize("seed", range(3))
def test_exchanged_sides_give_the_complement(seed: int, tmp_path: Path) -> None:
    """Without ties; by exchange within, and by a file whose sides are exchanged."""
    rows = many(seed)
    report = evaluate_pairs(write(tmp_path / "pairs.jsonl", rows), told)
    assert report.accuracy.value is not None and report.accuracy.ties == 0 and report.order_effect == 0
    assert report.swapped.value == pytest.approx(1 - report.accuracy.value)
    other = evaluate_pairs(write(tmp_path / "other.jsonl", [{**row, "chosen": row["rejected"], "rejected": row["chosen"]}
                                                            for row in rows]), told)
    assert other.accuracy.value == pytest.approx(1 - report.accuracy.value)
    assert other.longer.value == pytest.approx(1 - (report.longer.ties_half or 0) - report.longer.ties / 540)


def test_a_scorer_that_looks_at_the_order_is_found_out(tmp_path: Path) -> None:
    """What stands first in a row gets more, as with a second response that sees the first: accuracy stays where it was."""
    def ordered(conversations: Sequence[Messages]) -> list[float | None]:
        return [float(-number) for number in range(len(conversations))]
    report = evaluate_pairs(write(tmp_path / "pairs.jsonl", many(1)), ordered)
    assert report.accuracy.value == 1 == report.swapped.value and report.to_json()["swapped_expected"] == 0
    assert "warning: with the sides exchanged the accuracy must be 0.0% and is 100.0%" in as_text(report)
    assert report.order_effect == 1


def test_a_scorer_that_cannot_tell_has_ties_and_no_right_ones(tmp_path: Path) -> None:
    report = evaluate_pairs(write(tmp_path / "pairs.jsonl", many(1)), lambda asked: [2.5] * len(asked))
    assert (report.accuracy.value, report.accuracy.ties, report.accuracy.ties_half) == (0, 270, 0.5)
    assert report.swapped.value == 0 == report.to_json()["swapped_expected"] and "warning" not in as_text(report)
    assert all(slope.value is None for slope in report.slopes)


def test_what_has_no_score_is_left_out_and_counted(tmp_path: Path) -> None:
    rows = [pair(1, 0), pair("none", 0), pair(2, "none"), pair("inf", 0), pair(0, 1), pair(3, "none", label="tie")]
    found = evaluate_pairs(write(tmp_path / "pairs.jsonl", rows), told).to_json()
    assert (found["n"], found["accuracy"], found["unscored"], found["rows"]) == (2, 0.5, 4, 6)
    assert found["unscored_reasons"] == {"no score": 3, "no finite number": 1}
    assert found["scores"][1] == {"key": "2", "chosen": [None], "rejected": [0.0]}
    assert found["scores"][3]["chosen"] == [None]
    huge = evaluate_pairs(tmp_path / "pairs.jsonl", lambda asked: [10**400, -(10**400)] * (len(asked) // 2)).to_json()
    assert (huge["n"], huge["unscored_reasons"]) == (0, {"no finite number": 6})
    none = evaluate_pairs(tmp_path / "pairs.jsonl", lambda asked: [None] * len(asked))
    assert none.accuracy.value is None and none.to_json()["unscored"] == 6
    assert json.loads(json.dumps(none.to_json(), allow_nan=False))["accuracy"] is None and "–" in as_text(none)


def test_the_first_of_each_reason_is_told_with_its_line(tmp_path: Path) -> None:
    path = write(tmp_path / "pairs.jsonl", [pair(1, 0), pair("none", 0), pair(2, "none"), pair("inf", 0), pair(3, 0)])
    why = {1: Unscored("too long: 100,001 tokens, more than 8,192"), 2: Unscored("too long: 9,000 tokens"), 4: None}

    def some(asked: Sequence[Messages]) -> list[object]:
        """Of the better response of each row."""
        return [why.get(at // 2, float(at)) if at % 2 == 0 else 0.5 for at in range(len(asked))]

    report = evaluate_pairs(path, some)
    found = report.to_json()
    assert found["unscored_reasons"] == {"too long": 2, "no score": 1} and found["n"] == 2
    assert found["unscored_first"] == {"too long": {"line": 2, "why": "too long: 100,001 tokens, more than 8,192"},
                                       "no score": {"line": 5, "why": "no score"}}
    said = as_text(report)
    assert "3 of them without a score (2 too long, 1 no score)" in said
    assert f"{path}:2: too long: 100,001 tokens, more than 8,192" in said and f"{path}:5: no score" in said


def test_the_json_holds_what_is_promised_and_scores_by_side_of_the_file(tmp_path: Path) -> None:
    rows = many(2)
    report = evaluate_pairs(write(tmp_path / "pairs.jsonl", rows), told, seed=3, tokens=lambda text: len(text.split()))
    found = json.loads(json.dumps(report.to_json(), allow_nan=False))
    assert {"accuracy", "low", "high", "n", "ties", "swapped_accuracy", "longer_wins", "strata", "unscored"} <= set(found)
    assert set(found["strata"]) == {"a", "b"} and found["seed"] == 3 and found["tied"]["n"] == 30
    for row, scores in zip(rows, found["scores"], strict=True):
        assert scores["key"] == row["key"]
        assert scores["chosen"] == [float(row["chosen"].rpartition("=")[2])]
        assert scores["rejected"] == [float(row["rejected"].rpartition("=")[2])]
    longer = [len(r["chosen"]) > len(r["rejected"]) if r.get("label") != "rejected" else len(r["rejected"]) > len(r["chosen"])
              for r in rows if r.get("label") != "tie"]
    assert found["longer_wins"] == pytest.approx(sum(longer) / len(longer))
    words = [len(r["chosen"].split()) - len(r["rejected"].split()) for r in rows if "label" not in r]
    assert found["longer"]["tokens"]["n"] == 270 and sum(w > 0 for w in words) <= found["longer"]["tokens"]["accuracy"] * 270
    apart = [abs(told([({"content": r["chosen"]},)])[0] - told([({"content": r["rejected"]},)])[0])
             for r in rows if r.get("label") == "tie"]
    assert found["tied"]["mean_difference"] == pytest.approx(sum(apart) / 30)
    assert [slope["name"] for slope in found["slopes"]] == ["length", "tokens", "markdown", "length", "markdown"]


def test_what_is_written_row_by_row_is_to_the_byte_the_whole_object(tmp_path: Path) -> None:
    rows = many(3, 50)
    rows += [pair(1, 0.1, key='two\n"lines" \u2028 外科'), pair(0.3, 1e-300, label="rejected"), pair("none", "inf", key=-7)]
    rows += [{"prompt": "q", "chosen": ["a = 1", "b = 2"], "rejected": ["c = none"], "key": f"tied:{n}"} for n in (1, 2)]
    path, output, scorer = write(tmp_path / "pairs.jsonl", rows), tmp_path / "out.json", "tests.evals.pairs.test_command:scored"
    assert main(["evaluate", "--pairs", str(path), "--scorer", scorer, "--seed", "1", "--output", str(output)]) == 0
    whole = {"scorer": scorer, **evaluate_pairs(path, told, seed=1).to_json()}
    assert output.read_text() == json.dumps(whole, indent=2, ensure_ascii=False) + "\n"
    assert list(whole)[-1] == "scores"
    assert [row["key"] for row in whole["scores"]][-5:] == [rows[-5]["key"], "52", "-7", "tied:1", "tied:2"]


@pytest.mark.parametrize(("scorer", "why"), [
    (lambda asked: [1.0], "1 scores for"), (lambda asked: ["1"] * len(asked), "gave '1' where a number"),
    (lambda asked: [True] * len(asked), "gave True where"),
])
def test_a_scorer_that_answers_otherwise_is_refused(scorer, why: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=why):
        evaluate_pairs(write(tmp_path / "pairs.jsonl", many(1)), scorer)


def test_the_last_line_is_read_before_the_first_is_scored(tmp_path: Path) -> None:
    path = write(tmp_path / "pairs.jsonl", [*many(1), {"prompt": "q", "chosen": "a", "rejected": "a"}])
    with pytest.raises(UserError, match="pairs.jsonl:301: chosen and rejected are equal"):
        evaluate_pairs(path, lambda asked: pytest.fail("it was asked"))


def test_what_cannot_be_read_twice_is_refused() -> None:
    with pytest.raises(UserError, match="is no file"):
        evaluate_pairs(Path("/dev/null"), told)
