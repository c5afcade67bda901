"""Pairs of consistency: the same reasoning on both sides, another conclusion on one; and what cannot be made one."""

import json
import random
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_tools.build_consistency import build, main
from data_tools.consistency.exchange import other_answer
from data_tools.consistency.samples import Sample, parted, squashed
from data_tools.preferences.sets import reasonings
from data_tools.preferences.world import worlds
from megatron_qm.align.preferences.comparisons import parse
from megatron_qm.config.preferences import PairGroupConfig
from megatron_qm.errors import UserError
from tests.align.stages import written

Rows = list[dict[str, Any]]
SEED = 3


@pytest.fixture(scope="module")
def responses(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return written(tmp_path_factory.mktemp("responses") / "responses.jsonl", reasonings(worlds(SEED), 600, SEED))


@pytest.fixture(scope="module")
def folder(responses: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("consistency")
    build(responses, made, SEED, 0.2, 2)
    return made


def rows(path: Path) -> Rows:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def both(folder: Path) -> list[Rows]:
    return [rows(folder / f"{name}.jsonl") for name in ("pairs", "held_out_pairs")]


def plain(text: str) -> str:
    """Written apart from what compares them in the program."""
    return re.sub(r"[\W_]+", "", text).casefold()


def test_the_sides_share_their_reasoning_and_differ_in_what_they_conclude(folder: Path, responses: Path) -> None:
    said = {(row["prompt"], row["response"]): row for row in rows(responses)}
    by_kind: dict[str, set[str]] = {}
    for row in said.values():
        by_kind.setdefault(row["kind"], set()).add(row["response"].split("\n\n")[1])
    for pair in sum(both(folder), []):
        source = said[pair["prompt"], pair["chosen"]]
        (reasoning, right), (same, wrong) = (pair[side].split("\n\n") for side in ("chosen", "rejected"))
        assert reasoning == same and plain(right) != plain(wrong)
        assert source["answer"] in right and source["answer"] not in wrong, "the content is another, and not the wording"
        if pair["stratum"] == "conclusion_exchanged":
            assert wrong in by_kind[source["kind"]]
        else:
            assert wrong == right.replace(source["answer"], next(one for one in source["options"][1:] if one in wrong))
        values = [option for option in source["options"] if option in wrong]
        assert not any(plain(value) in plain(reasoning) for value in values), "what the reasoning names may follow from it"


def test_every_sample_gives_its_pairs_or_is_counted(folder: Path) -> None:
    summary = json.loads((folder / "summary.json").read_text())
    made = both(folder)
    assert sum(map(len, made)) + sum(summary["left_out"].values()) == 600 * 3
    assert sum(summary["left_out"].values()) < 0.1 * 600 * 3
    for name, pairs in zip(("pairs.jsonl", "held_out_pairs.jsonl"), made, strict=True):
        assert summary["files"][name]["lines"] == len(pairs)
        assert set(summary["files"][name]["strata"]) == {"answer_exchanged", "conclusion_exchanged"}
    sides = [tuple(plain(pair[side]) for side in ("prompt", "chosen", "rejected")) for pair in sum(made, [])]
    assert len(sides) == len(set(sides))


def test_exchanged_conclusions_are_as_frequent_among_the_worse_as_among_the_better(folder: Path) -> None:
    """Else a model would learn which conclusions are seldom, and not which follow."""
    pairs = [pair for pair in both(folder)[0] if pair["stratum"] == "conclusion_exchanged"]
    better, worse = ({pair[side].split("\n\n")[1] for pair in pairs} for side in ("chosen", "rejected"))
    assert worse <= better and len(worse) > 0.5 * len(better)


def test_no_prompt_is_on_both_sides_of_the_split(folder: Path, responses: Path, tmp_path: Path) -> None:
    shown, held = ({pair["prompt"] for pair in pairs} for pairs in both(folder))
    assert not {plain(prompt) for prompt in shown} & {plain(prompt) for prompt in held}
    assert 0.12 < len(held) / len(shown | held) < 0.28
    half = written(tmp_path / "half.jsonl", rows(responses)[::2])
    build(half, tmp_path / "half", SEED, 0.2)
    assert not {pair["prompt"] for pair in both(tmp_path / "half")[1]} & shown, "whatever else the file holds"


def test_the_same_seed_gives_the_same_bytes_another_does_not(folder: Path, responses: Path, tmp_path: Path) -> None:
    words = ["--input", str(responses), "--held-out", "0.2", "--exchanges", "2"]
    for seed, same in ((SEED, True), (SEED + 1, False)):
        output = tmp_path / str(seed)
        assert main([*words, "--seed", str(seed), "--output", str(output)]) == 0
        for name in ("pairs.jsonl", "held_out_pairs.jsonl", "summary.json"):
            assert ((output / name).read_bytes() == (folder / name).read_bytes()) == same


@pytest.mark.parametrize("name", ["pairs.jsonl", "held_out_pairs.jsonl", "summary.json"])
def test_a_file_that_is_there_is_not_replaced(
    name: str, responses: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    (tmp_path / name).write_text("mine")
    assert main(["--input", str(responses), "--output", str(tmp_path)]) == 2
    assert f"{tmp_path / name} is there already, and is not replaced" in capsys.readouterr().err
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [(name, "mine")]


def test_the_pairs_are_what_reward_models_read(folder: Path) -> None:
    for pair in sum(both(folder), []):
        assert list(parse(pair, ignore=frozenset(PairGroupConfig("pairs", "").ignore)).values) == [1.0, 0.0]


@pytest.mark.parametrize(("response", "markers", "found"), [
    ("<think>a\n\nb</think>\n\nc\n\nd", [], ("<think>a\n\nb</think>", "\n\nc\n\nd")),
    ("x</think>y</think>z", [], ("x</think>y</think>", "z")), ("a\n \nb\n\nc\n\n", [], ("a\n \nb\n\n", "c\n\n")),
    ("Red. The answer is B. Or not. The answer is C.", ["The answer is"], ("Red. The answer is B. Or not. ", "The answer is C.")),
    ("据此，所以答案是B。", ["答案是", "所以答案是"], ("据此，", "所以答案是B。")),
    ("<think>a", [], "a thought without end"), ("x</think><think>y", [], "a thought without end"), ("a\nb", [], "one paragraph"),
    ("<think> </think>b", [], "no reasoning"), ("a</think> \n", [], "no conclusion"), ("a\n\n!", [], "no conclusion"),
    ("a\n\nb", ["So"], "no marker"), ("So b", ["So"], "no reasoning"),
])
def test_where_a_conclusion_begins(response: str, markers: list[str], found: object) -> None:
    assert parted(response, markers) == found


@given(st.text(max_size=40), st.sampled_from(["", "</think>", "\n\n", "<think>"]), st.text(max_size=40))
def test_parts_are_the_response_to_the_letter(before: str, between: str, after: str) -> None:
    parts = parted(before + between + after)
    if not isinstance(parts, str):
        assert "".join(parts) == before + between + after and all(map(squashed, parts))


EXAM = {"A": "Fever", "B": "Rash", "C": "Burn"}


@pytest.mark.parametrize(("answer", "conclusion", "wanted"), [
    ("B", "The answer is B.", {"The answer is A.", "The answer is C."}), ("B", "B. Rash", {"A. Fever", "C. Burn"}),
    ("B", "BMI: B", {"BMI: A", "BMI: C"}), ("A", "A doctor says A.", {"A doctor says B.", "A doctor says C."}),
    ("B", "答案是B。", {"答案是A。", "答案是C。"}), ("B", "It is a rash.", {""}), ("", "The answer is B.", {""}),
])
def test_an_answer_is_exchanged_whole_with_its_text(answer: str, conclusion: str, wanted: set[str]) -> None:
    sample = Sample("k", "?", "Fever, rash or burn? ", conclusion, "", answer, EXAM)
    assert {other_answer(sample, random.Random(seed)) for seed in range(30)} == wanted


GOOD = {"prompt": "Which?", "response": "It is red.\n\nThe answer is B.", "answer": "B", "options": EXAM}


@pytest.mark.parametrize(("row", "why"), [
    ({"prompt": "?"}, "lacks response"), ({**GOOD, "prompt": " "}, "prompt is blank"), ({**GOOD, "answer": ["B"]}, "answer = "),
    ({**GOOD, "options": ["A", 1]}, "options = "), ({**GOOD, "options": {"A": 1}}, "A = 1 is not text"), ("{", "is no JSON"),
    ({**GOOD, "key": "1"}, "the key '1' was given before"), ([], "is not a JSON object"), ({**GOOD, "kind": None}, "kind = None"),
])
def test_what_is_no_response_is_refused_with_its_line(row: Any, why: str, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    file = tmp_path / "rows.jsonl"
    file.write_text("".join((one if isinstance(one, str) else json.dumps(one)) + "\n" for one in (GOOD, row)))
    assert main(["--input", str(file), "--output", str(tmp_path / "x")]) == 2
    said = capsys.readouterr().err
    assert said.startswith(f"error: {file}:2: ") and why in said and not (tmp_path / "x").exists()


@pytest.mark.parametrize(("words", "why"), [
    (["--held-out", "1"], "--held-out 1.0: a share"), (["--exchanges", "0"], "--exchanges 0: must lie between"),
    (["--marker", ""], "--marker is empty"), (["--marker", "So"], "no pair can be made of it: 1 no marker"),
])
def test_options_out_of_range_are_refused(words: list[str], why: str, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    file = written(tmp_path / "rows.jsonl", [GOOD])
    assert main(["--input", str(file), "--output", str(tmp_path / "x"), *words]) == 2
    assert why in capsys.readouterr().err


def test_what_cannot_be_exchanged_is_counted(tmp_path: Path) -> None:
    lines = [GOOD, {**GOOD, "key": "x", "response": "Red.\n\nThe answer is  b."}, {**GOOD, "response": "One."},
             {**GOOD, "answer": "D"}]
    summary = build(written(tmp_path / "rows.jsonl", lines), tmp_path / "x", 0, 0.0)
    assert summary["left_out"] == {"no conclusion to exchange": 2, "no answer to exchange": 1, "one paragraph": 1,
                                   "an answer that is none of its options": 1}
    assert summary["files"]["pairs.jsonl"]["strata"] == {"answer_exchanged": 1} and both(tmp_path / "x")[1] == []


def test_killed_at_any_moment_nothing_must_be_cleared_by_hand(responses: Path, tmp_path: Path) -> None:
    some = tmp_path / "some.jsonl"
    some.write_text("".join(responses.read_text().splitlines(keepends=True)[:60]))
    done = subprocess.run([sys.executable, "-m", "tests.data_tools.consistency.killed", str(some), str(tmp_path)],
                          capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stderr[-2000:]
    assert int(done.stdout) > 12  # moments


def test_what_is_not_of_the_killed_run_is_not_taken_away(responses: Path, tmp_path: Path) -> None:
    (tmp_path / ".build_consistency.partial").mkdir()
    (tmp_path / "pairs.jsonl").write_text("mine")
    with pytest.raises(UserError, match="is there already, and is not replaced"):
        build(responses, tmp_path, SEED)
    assert (tmp_path / "pairs.jsonl").read_text() == "mine"
