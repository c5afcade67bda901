"""`megatron-qm evaluate --pairs` with functions of a user: what it writes, and what it refuses."""

import json
from pathlib import Path

import pytest

from megatron_qm.cli import main
from tests.evals.pairs.files import pair, told, write
from tests.observe.test_report import Page

STYLES = ["concise", "detailed_plain", "detailed_markdown"]
SCORER = "tests.evals.pairs.test_command:scored"


def scored(conversations):
    return told(conversations)


def failing(conversations):
    raise KeyError("no such\nthing")


def judging(questions):
    return ["first"] * len(questions)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    rows = [pair(n % 7, n % 5, prompt=f"q{n}", stratum="<b>外科</b>" if n % 2 else "</script>") for n in range(100)]
    rows += [{"prompt": "q", "chosen": [f"a{k} = {k}" for k in range(3)], "rejected": [f"b{k} = {k - n}" for k in range(3)],
              "style": STYLES} for n in (0, 1)]
    rows += [{"prompt": "q", "chosen": ["a = 1"], "rejected": [f"b{k} = {k}" for k in range(3)]}, pair("none", 1),
             {"key": "tied:1", "prompt": "q", "chosen": ["a = 1", "b = 2"], "rejected": ["c = 0"]},
             {"key": "ref:1", "prompt": "q", "chosen": ["a = 1"], "rejected": ["c = 0"]}, pair(1, 2, label="tie")]
    return write(tmp_path / "pairs.jsonl", rows)


def test_it_prints_and_writes_json_and_a_page(path: Path, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    output, page = tmp_path / "out.json", tmp_path / "out.html"
    assert main(["evaluate", "--pairs", str(path), "--scorer", SCORER, "--output", str(output), "--page", str(page)]) == 0
    found, said = json.loads(output.read_text()), capsys.readouterr().out
    assert found["scorer"] == SCORER and f"{found['accuracy']:.1%}" in said and "sides exchanged" in said
    for part in ("best of 4", "hard ", "ECE ", "per doubling", "ties (RewardBench 2)", "1 of them without a score"):
        assert part in said
    read = Page(page)
    assert f"{found['accuracy']:.1%}" in read.text and "<b>外科</b>" in read.text and "</script>" in read.text
    assert "Reliability" in read.titles and read.data[0]["series"][0]["name"] == "right"
    assert "nan" not in read.source.lower().replace("finance", "") and "http" not in read.text
    assert read.source.count("<td class=") == 9


def test_a_page_of_nothing_but_unscored_pairs_is_whole(tmp_path: Path) -> None:
    path, page = write(tmp_path / "pairs.jsonl", [pair("none", 1)]), tmp_path / "out.html"
    assert main(["evaluate", "--pairs", str(path), "--scorer", SCORER, "--page", str(page)]) == 0
    assert "1 pairs have no score" in Page(page).text and "nan" not in page.read_text().lower()


def test_a_judge_is_asked_in_both_orders(path: Path, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    output, page = tmp_path / "out.json", tmp_path / "out.html"
    judge = SCORER.replace("scored", "judging")
    assert main(["evaluate", "--pairs", str(path), "--pair-judge", judge, "--output", str(output), "--page", str(page)]) == 0
    assert json.loads(output.read_text())["prefers_first"]["share"] == 1 and "100.0%" in capsys.readouterr().out
    assert "Prefers the first" in Page(page).text


@pytest.mark.parametrize(("words", "why"), [
    (["--pairs", "{}"], "needs one of --model RM"),
    (["--pairs", "{}", "--scorer", SCORER, "--model", "x"], "not --model and --scorer"),
    (["--pairs", "{}", "--scorer", SCORER, "--items", "x"], "--items says nothing to --pairs with --scorer"),
    (["--pairs", "{}", "--scorer", SCORER, "--compare", "x", "y"], "--compare says nothing"),
    (["--pairs", "{}", "--scorer", SCORER, "--tp", "2"], "--tp says nothing"),
    (["--pairs", "{}", "--scorer", SCORER, "--max-new-tokens", "9"], "--max-new-tokens says nothing"),
    (["--pairs", "{}", "--scorer", SCORER, "--template-argument", "a=1"], "--template-argument says nothing"),
    (["--pairs", "{}", "--pair-judge", SCORER, "--seed", "2"], "--seed says nothing to --pairs with --pair-judge"),
    (["--pairs", "{}", "--model", "x", "--json-answer"], "--json-answer says nothing to --pairs with --model"),
    (["--scorer", SCORER], "--scorer belongs to --pairs"),
    (["--items", "x", "--model", "y", "--page", "page.html"], "--page belongs to --pairs"),
    (["--items", "x", "--model", "y", "--seed", "0"], "--seed belongs to --pairs"),
    (["--pairs", "{}", "--scorer", "nowhere:score"], "there is no module 'nowhere'"),
    (["--pairs", "{}", "--scorer", SCORER.replace("scored", "failing")], "test_command.py:21: KeyError: 'no such\\nthing'"),
    (["--pairs", "{}x", "--scorer", SCORER], "pairs.jsonlx: cannot be read"),
    (["--pairs", "{}", "--scorer", SCORER, "--tokenizer", "nowhere"], "nowhere"),
])
def test_mistakes_are_named(words: list[str], why: str, path: Path, capsys: pytest.CaptureFixture) -> None:
    assert main(["evaluate", *(word.format(path) for word in words)]) == 2
    said = capsys.readouterr().err
    assert said.startswith("error: ") and why in said
