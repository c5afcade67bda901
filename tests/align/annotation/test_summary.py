"""What a log says about its annotators, against counts made with open eyes; and the pairs that it gives to train on."""

import json
import random
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from megatron_qm.align.annotation.candidates import Pair, read_candidates
from megatron_qm.align.annotation.resolved import BAD, CONFLICT, SKIPPED, UNREAD, resolved
from megatron_qm.align.annotation.summary import Share, per_hour, summarised
from megatron_qm.align.annotation.telling import as_json, in_words
from megatron_qm.align.annotation.verdict_log import opened, read_standing
from megatron_qm.align.annotation.verdicts import SAID, Undo, Verdict
from megatron_qm.align.preferences.comparisons import parse
from megatron_qm.errors import UserError
from megatron_qm.evals.pairs.reading import read_rows
from tests.align.annotation.cases import read, rows, run, write


@dataclass(frozen=True)
class Observed:
    """In the place of kappa: what was given to it."""

    kappa: float | None
    low: float = -1.0
    high: float = 1.0


def measure(one: list[str], other: list[str]) -> Observed:
    assert len(one) == len(other) > 0
    return Observed(sum(a == b for a, b in zip(one, other, strict=True)) / len(one))


def verdict(identity: str, annotator: str, key: str, said: str, reading: int = 1, shown: str = "ab", seconds: float | None = 4.0,
            note: str = "") -> Verdict:
    return Verdict(identity, annotator, key, reading, tuple(shown), said, 0.0, seconds, note)


def test_a_summary_by_hand() -> None:
    standing = [
        verdict("1", "ann", "k0", "a", shown="ab"), verdict("2", "ann", "k1", "a", shown="ba", note="n"),
        verdict("3", "ann", "k2", "tie"), verdict("4", "ann", "k3", "skip"),
        verdict("5", "ann", "k4", "b", shown="ba", seconds=9000.0),
        verdict("6", "ann", "k0", "a", 2, "ba"), verdict("7", "ann", "k1", "b", 2, "ab"), verdict("8", "ann", "k2", "bad", 2),
        verdict("9", "ben", "k0", "a"), verdict("10", "ben", "k1", "b", seconds=None), verdict("11", "ben", "k3", "tie"),
    ]
    found = summarised(standing, [verdict("0", "ben", "k4", "a"), verdict("00", "cy", "k4", "a")], measure)
    assert found.pairs == 5 and [one.name for one in found.annotators] == ["ann", "ben", "cy"]
    ann, ben, cy = found.annotators
    assert ann.counts == {"a": 3, "b": 2, "tie": 1, "bad": 1, "skip": 1} and ann.notes == 1 and ann.withdrawn == 0
    assert ann.first == Share(2, 5)  # k0 and k4 the first time
    assert ann.again.same == Share(1, 3) and ann.again.kappa.kappa == 1 / 3
    assert ann.stayed == Share(1, 2)  # k1: the second place both times, so another response
    assert ann.per_hour == pytest.approx(900) and ben.per_hour == pytest.approx(900) and cy.per_hour is None
    assert (ben.withdrawn, cy.withdrawn) == (1, 1) and not sum(cy.counts.values())
    assert set(found.between) == {("ann", "ben")}  # on their first readings of k0 and k1; what ann skipped is none
    assert found.between["ann", "ben"].same == Share(1, 2)
    text = "\n".join(in_words(found))
    assert "ann and ben: the same verdict on 1 of 2: 50%" in text and "cy: nothing stands" in text
    assert as_json(found)["between"][0]["same"]["part"] == 1


def test_who_always_takes_the_first_place_is_found_out() -> None:
    draw = random.Random(0)
    orders = [draw.choice(["ab", "ba"]) for _ in range(60)]
    standing = [verdict(str(number), "ann", f"k{number}", shown[0], shown=shown) for number, shown in enumerate(orders)]
    standing += [verdict(f"again {number}", "ann", f"k{number}", shown[1], 2, shown[::-1])
                 for number, shown in enumerate(orders[:6])]
    text = "\n".join(in_words(summarised(standing, [], measure)))
    assert "in 66 of 66: 100%" in text and "the place misleads" in text and "took the same place both times in 6 of 6" in text


def test_pace_leaves_out_breaks() -> None:
    verdicts = [verdict(str(seconds), "ann", "k", "a", seconds=seconds) for seconds in (6.0, 8.0, 301.0, None)]
    assert per_hour(verdicts) == pytest.approx(2 * 3600 / 14)
    assert per_hour([verdict("0", "ann", "k", "a", seconds=None)]) is None


@given(st.lists(st.lists(st.sampled_from(SAID), max_size=5), max_size=6))
def test_pairs_to_train_on_by_counting(said: list[list[str]]) -> None:
    line = {"a": "A", "b": "B", "stratum": "s", "label": "a"}
    pairs = [Pair(f"k{number}", (), "A", "B", {"key": f"k{number}", "prompt": f"{number}?", **line})
             for number in range(len(said))]
    verdicts = [verdict(f"{number}-{place}", "ann", f"k{number}", word) for number, words in enumerate(said)
                for place, word in enumerate(words)]
    random.Random(0).shuffle(verdicts)
    found, wanted, why = resolved(pairs, verdicts), [], []
    for number, words in enumerate(said):
        counts = {word: words.count(word) for word in ("a", "b", "tie", "bad")}
        most = [word for word, count in counts.items() if count > sum(counts.values()) / 2]
        sides = {"a": ("A", "B"), "tie": ("A", "B"), "b": ("B", "A")}
        if not words:
            why.append(UNREAD)
        elif set(words) == {"skip"}:
            why.append(SKIPPED)
        elif not most:
            why.append(CONFLICT)
        elif most == ["bad"]:
            why.append(BAD)
        else:
            chosen, rejected = sides[most[0]]
            tie = {"tie": True} if most == ["tie"] else {}
            wanted.append({"prompt": f"{number}?", "chosen": chosen, "rejected": rejected, **tie})
    assert [one.to_train() for one in found.decided] == wanted and found.left_out == Counter(why)


def logged(path: Path, pairs: Path, entries: list[Verdict | Undo]) -> Path:
    with opened(path, read_candidates(pairs), 0, 0.1) as log:
        for entry in entries:
            log.append(entry)
    return path


def test_the_export_of_two_logs(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    drawn = {"selection": {"reason": "random", "unbiased": True, "value": None}}
    pairs = write(tmp_path / "pairs.jsonl", [row | (drawn if row["key"] in ("k2", "k3") else {}) for row in rows(5)])
    ann = logged(tmp_path / "ann.jsonl", pairs, [
        verdict("1", "ann", "k0", "b"), verdict("2", "ann", "k1", "a"), verdict("3", "ann", "k2", "a"),
        Undo("u", "ann", "3", 0.0), verdict("4", "ann", "k2", "tie"), verdict("5", "ann", "k3", "bad")])
    ben = logged(tmp_path / "ben.jsonl", pairs, [verdict("6", "ben", "k1", "b"), verdict("7", "ben", "k2", "tie")])
    words = ["annotate", "--summary", ann, ben, "--pairs", pairs, "--export", tmp_path / "train.jsonl"]
    assert run(*words, "--json", tmp_path / "s.json") == 0
    said = capsys.readouterr().out
    assert "2 pairs to train on (1 ties)" in said and "among them 1 that were drawn at random" in said
    assert all(f"left out: 1, {why}" in said for why in (CONFLICT, BAD, UNREAD))
    assert read(tmp_path / "train.jsonl") == [
        {"prompt": "Question 0?", "chosen": "b of 0", "rejected": "a of 0"},
        {"prompt": "Question 2?", "chosen": "a of 2", "rejected": "b of 2", "tie": True}]
    assert [parse(row).values for row in read(tmp_path / "train.jsonl")] == [[1, 0], [0, 0]]  # as reward-model reads it
    assert json.loads((tmp_path / "s.json").read_text())["between"][0]["same"]["total"] == 2
    assert run(*words, "--measure", tmp_path / "held.jsonl", "--overwrite") == 0
    assert [row["prompt"] for row in read(tmp_path / "train.jsonl")] == ["Question 0?"]
    assert read(tmp_path / "held.jsonl") == [
        {"key": "k2", "prompt": "Question 2?", "chosen": "a of 2", "rejected": "b of 2", "label": "tie"}]
    assert [(row.key, row.label) for row in read_rows(tmp_path / "held.jsonl")] == [("k2", "tie")]  # as evaluate reads it
    capsys.readouterr()
    others = logged(tmp_path / "x.jsonl", write(tmp_path / "o.jsonl", rows(4)), [])
    for more, why in ((ann, "name each once"), (others, "other pairs")):
        assert run("annotate", "--summary", ann, more) == 2
        assert why in capsys.readouterr().err


@pytest.mark.parametrize(("stratum", "told"), [("3", "3"), ("s", "s"), (" ", ""), ("", ""), (None, "")])
def test_what_is_exported_is_read_by_evaluate_and_reward_model(tmp_path: Path, stratum: object, told: str) -> None:
    drawn = {"selection": {"unbiased": True}, "stratum": stratum, "style": 1, "label": "x"}
    talk = [{"role": "system", "content": "s"}, {"role": "user", "content": "?"}]
    lines = [*rows(2), {"key": 7, "messages": talk, "chosen": " 1", "rejected": "2\n"},
             {**rows(1)[0], "key": "e", "b": "a of 0 "}]
    pairs = write(tmp_path / "pairs.jsonl", [{**row, **drawn} for row in lines])
    said = {"k0": "b", "k1": "tie", "7": "a"}
    log = logged(tmp_path / "v.jsonl", pairs, [verdict(key, "ann", key, word) for key, word in said.items()])
    words = ["annotate", "--summary", log, "--pairs", pairs, "--export", tmp_path / "train.jsonl"]
    assert run(*words) == 0
    assert [parse(row).values for row in read(tmp_path / "train.jsonl")] == [[1, 0], [0, 0], [1, 0]]
    assert run(*words, "--measure", tmp_path / "held.jsonl", "--overwrite") == 0
    found = list(read_rows(tmp_path / "held.jsonl"))
    assert [(row.key, row.label) for row in found] == [("k0", "chosen"), ("k1", "tie"), ("7", "chosen")]
    assert {row.stratum for row in found} == {told}


@pytest.mark.parametrize(("options", "one", "other"), [
    (["--export", "v"], "--export v", "--summary v"),
    (["--json", "v"], "--json v", "--summary v"),
    (["--export", "x", "--measure", "./v"], "--measure v", "--summary v"),
    (["--export", "p"], "--export p", "--pairs p"),
    (["--export", "x", "--measure", "p"], "--measure p", "--pairs p"),
    (["--export", "x", "--measure", "x"], "--export x", "--measure x"),
    (["--export", "x", "--json", "d/../x"], "--json d/../x", "--export x"),
    (["--export", "link"], "--export link", "--summary v"),
])
def test_no_output_is_an_input_or_another_output(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture, options: list[str], one: str, other: str
) -> None:
    monkeypatch.chdir(tmp_path)
    pairs = write(Path("p"), rows(2))
    logged(Path("v"), pairs, [verdict("1", "ann", "k0", "b")])
    Path("d").mkdir()
    Path("link").symlink_to("v")
    before = {path: path.read_bytes() for path in (pairs, Path("v"))}
    assert run("annotate", "--summary", "v", "--pairs", "p", *options) == 2
    assert f"error: {one}: is the same file as {other}; " in capsys.readouterr().err
    assert all(path.read_bytes() == data for path, data in before.items()) and not Path("x").exists()


def test_verdicts_do_not_go_into_the_file_of_the_pairs(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    pairs = write(tmp_path / "p", rows(2))
    assert run("annotate", "--pairs", pairs, "--output", pairs, "--annotator", "ann") == 2
    assert "is the same file as --pairs" in capsys.readouterr().err


def test_an_empty_log_holds_nothing(tmp_path: Path) -> None:
    (tmp_path / "v.jsonl").write_text("")
    with pytest.raises(UserError, match="holds no verdicts"):
        read_standing(tmp_path / "v.jsonl")
