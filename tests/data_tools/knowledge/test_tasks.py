"""What make lifecycle asks: every item is answered rightly by its own reference answer, and nothing held out is shown."""

import json
from pathlib import Path

import pytest

from data_tools.build_lifecycle_data import build, main
from megatron_qm.rewards.items import read_items
from megatron_qm.rewards.samples import Sample, judge


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("lifecycle")
    build(folder, 0.3, 0.4, 2, 0)
    return folder


def questions(path: Path) -> dict[str, str]:
    rows = [json.loads(line)["messages"] for line in path.read_text(encoding="utf-8").splitlines()]
    return {question["content"]: answer["content"] for question, answer in rows}


def disease(key: str) -> str:
    """"drugs-zh-白细胞减少-0" -> "zh-白细胞减少"."""
    return key.partition("-")[2].rpartition("-")[0]


def test_held_out_questions_are_shown_and_asked_nowhere(data: Path) -> None:
    shown = {question for name in ("cards", "diagnosis", "drugs", "exam") for question in questions(data / f"sft-{name}.jsonl")}
    asked = {item.question for item in read_items(data / "rl.jsonl")}
    for name in ("held_out.jsonl", "never_asked.jsonl"):
        held = {item.question for item in read_items(data / name)}
        assert len(held) > 400 and not held & (shown | asked)
    asked_about = {name: {disease(item.key) for item in read_items(data / name)}
                   for name in ("rl.jsonl", "held_out.jsonl", "never_asked.jsonl")}
    assert asked_about["held_out.jsonl"] == asked_about["rl.jsonl"]
    assert not asked_about["rl.jsonl"] & asked_about["never_asked.jsonl"]


def test_what_fine_tuning_shows_is_what_verifiers_want(data: Path) -> None:
    """The shown answers, judged as if their questions were items: exams and codes in full, drugs without a wrong one."""
    items = {item.question: item for item in read_items(data / "rl.jsonl")}
    right = {"diagnosis": lambda item: f"It is coded as {item.reference}.", "drugs": lambda item: "\n".join(item.reference),
             "exam": lambda item: f"The answer is {item.metadata['options'][item.reference]}."}
    for item in items.values():
        outcome = judge(Sample(item.task, item.question, right[item.task](item), item.reference, item.metadata))
        assert outcome.value == 1, (item, outcome)
    wrong = next(item for item in items.values() if item.task == "exam")
    other = next(text for letter, text in wrong.metadata["options"].items() if letter != wrong.reference)
    sample = Sample("exam", wrong.question, f"The answer is {other}.", wrong.reference, wrong.metadata)
    assert judge(sample).value == 0


def test_the_same_seed_gives_the_same_bytes_and_impossible_shares_are_named(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    build(tmp_path, 0.3, 0.4, 2, 0)
    for path in data.iterdir():
        assert (tmp_path / path.name).read_bytes() == path.read_bytes()
    assert main(["--output", str(tmp_path), "--sft-share", "0.7", "--never-share", "0.4"]) == 2
    assert "leave nothing for RL" in capsys.readouterr().err
