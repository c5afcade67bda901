"""Both readings of an answer, as people see them: in the records and the report of a run of RL, and in an evaluation."""

import json
import re
from pathlib import Path

import pytest

from megatron_qm.cli import main
from megatron_qm.rewards.registry import load
from tests.align.stages import VERIFIER, command, records, run, written

FORMAT = {"metadata": {"format": "line"}}


def items(folder: Path, tiny: Path, **more: object) -> Path:
    return written(folder / "items.jsonl", [json.loads(line) | more for line in (tiny / "items.jsonl").read_text().splitlines()])


def test_a_run_learns_from_the_strict_reading_and_records_both(tiny: Path, policy: Path, tmp_path: Path) -> None:
    """The policy says `It is A1.`, which keeps no format: its vowels earn by the lenient reading alone."""
    output = tmp_path / "run"
    run("rl", tiny / "rl.yaml", output, f"train.start_from={policy}", f"rl.items={items(tmp_path, tiny, **FORMAT)}",
        "rl.verifier.reading=strict", "rl.shaping.format_weight=0.25", "train.steps=2", "checkpoint.every=null")
    (record,), parts = records(output, "rl"), {}
    for line in (output / "rollouts" / "000000.outcomes.jsonl").read_text().splitlines():
        said = json.loads(line)
        lenient = load(VERIFIER)("", said["response"], None, {}).value
        assert said["value"] == said["format"] == said["parts"]["strict"] == 0.0 and said["parts"]["lenient"] == lenient
        for part, value in said["parts"].items():
            parts.setdefault(f"{VERIFIER}/{part}", []).append(value)
    assert record["reward_by_part"] == {part: pytest.approx(sum(values) / len(values)) for part, values in parts.items()}
    assert record["reward"] == record["reward_by_part"][f"{VERIFIER}/strict"] == 0.0
    assert record["reward_by_part"][f"{VERIFIER}/lenient"] > 0 < record["reward_by_part"][f"{VERIFIER}/differ"] <= 1
    assert main(["report", str(output)]) == 0
    assert "Two readings of the answers" in (output / "report.html").read_text()


@pytest.mark.parametrize(("metadata", "why"), [
    ({}, r"items.jsonl:1: metadata.format is not given, and rl.verifier.reading=strict reads answers by it: .* or choose "
     "rl.verifier.reading=lenient"),
    ({"format": "xml"}, "items.jsonl:1: metadata.format = 'xml' is no format"),
])
def test_items_without_a_format_are_refused_before_the_run(
    metadata: dict, why: str, tiny: Path, tmp_path: Path, policy: Path, capsys: pytest.CaptureFixture
) -> None:
    words = command("rl", tiny / "rl.yaml", tmp_path / "run", f"train.start_from={policy}", "rl.verifier.reading=strict",
                    f"rl.items={items(tmp_path, tiny, metadata=metadata)}")
    assert main(words[3:]) == 2 and re.search(why, capsys.readouterr().err)
    assert not (tmp_path / "run").exists()


EXAM = {"task": "exam", "prompt": "A1 or B1?", "reference": "A", "metadata": {"options": {"A": "It is A1.", "B": "It is B1."}}}
SAID = {"box": r"\boxed{A}", "line": "It is A1.", "json": '{"answer": "B"}'}  # an answer to items of each format


@pytest.fixture
def answered(policy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By what SAID has for the item's format, in the place of the model."""
    def texts(items, responses, tokenizer):
        return [SAID[item.metadata.get("format", "line")] for item in items]

    monkeypatch.setattr("megatron_qm.evals.answers.texts_of", texts)


@pytest.mark.parametrize(("words", "accuracy", "readings"), [
    ([], 0.75, {"n": 3, "strict": 1 / 3, "lenient": 2 / 3, "differ": 1 / 3}),
    (["--reading", "strict"], 1 / 3, {"n": 3, "strict": 1 / 3, "lenient": 2 / 3, "differ": 1 / 3}),
])
@pytest.mark.usefixtures("answered")
def test_an_evaluation_shows_both(
    words: list[str], accuracy: float, readings: dict, policy: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    rows = [EXAM | {"metadata": EXAM["metadata"] | {"format": name}} for name in SAID]
    asked = written(tmp_path / "items.jsonl", rows if "strict" in words else [*rows, EXAM])
    output = tmp_path / "result.json"
    assert main(["evaluate", "--model", str(policy), "--items", str(asked), "--max-new-tokens", "4", "--output", str(output),
                 *words]) == 0
    found, table = json.loads(output.read_text()), capsys.readouterr().out
    assert found["reading"] == (words or ["", "lenient"])[1]
    assert found["summary"][0]["accuracy"] == pytest.approx(accuracy)
    assert found["summary"][0]["readings"] == {name: pytest.approx(value) for name, value in readings.items()}
    assert [answer["parts"].get("differ") for answer in found["answers"]][:3] == [0.0, 1.0, 0.0]
    assert "strict" in table.splitlines()[0] and re.search(r"33\.3%( of 3)?\s+66\.7%( of 3)?\s+33\.3%", table)


@pytest.mark.usefixtures("answered")
def test_exams_that_are_told_to_answer_as_json_are_read_as_json(policy: Path, tmp_path: Path) -> None:
    output = tmp_path / "result.json"
    asked = written(tmp_path / "items.jsonl", [EXAM | {"reference": "B"}])
    assert main(["evaluate", "--model", str(policy), "--items", str(asked), "--max-new-tokens", "4", "--output", str(output),
                 "--json-answer", "--reading", "strict"]) == 0
    assert json.loads(output.read_text())["summary"][0]["readings"] == {"n": 1, "strict": 1.0, "lenient": 1.0, "differ": 0.0}


@pytest.mark.parametrize(("metadata", "words", "why"), [
    ({}, ["--reading", "strict"], r"items.jsonl:1: metadata.format is not given, and .* choose --reading lenient"),
    ({"format": "box"}, ["--json-answer"], "items.jsonl:1: metadata.format = 'box': its prompt would be told to answer as json"),
    ({"format": "box"}, ["--reading", "strict", "--scoring", "cpqexam"], "leave out --reading strict"),
])
def test_what_cannot_be_read_so_is_refused(
    metadata: dict, words: list[str], why: str, policy: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    asked = written(tmp_path / "items.jsonl", [EXAM | {"metadata": metadata}])
    assert main(["evaluate", "--model", str(policy), "--items", str(asked), *words]) == 2
    assert re.search(why, capsys.readouterr().err)
