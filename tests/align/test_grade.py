"""`megatron-qm grade`: what becomes of a model's samples, and of what is no input. Most samples are scripted."""

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from megatron_qm.align.preferences.comparisons import parse
from megatron_qm.align.rollouts.engine import MegatronEngine
from megatron_qm.align.rollouts.rollout import Rollout
from megatron_qm.cli import main
from megatron_qm.config.preferences import PairGroupConfig
from megatron_qm.errors import UserError
from megatron_qm.model.generation.request import Completion, Request
from megatron_qm.tokenizer import TextTokenizer
from tests import warm
from tests.align.grading_world import asks, world
from tests.align.stages import run, written

GOOD, BAD, LOST, PROMPT = "Rest. See a doctor at once.", "Rest. It will pass.", "Wait and see.", "What helps against a cough?"
# Of each response: the samples by turns. "..." is one that is cut short.
SAMPLES = {GOOD: ["Fine.\nScore: 9", "Score: 8", "Score: 8", "..."], BAD: ["Score: 2", "评分：3", "no", "Score: 2\nScore: 3"],
           LOST: ["Score: 5", "Score: 0", "Score: 11", "<think>Score: 5"], "": ["Score: 1"] * 4}


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint that has hardly learnt anything."""
    folder = tmp_path_factory.mktemp("grading")
    return run("sft", world(folder), folder / "run", "sft.epochs=0.02")


@pytest.fixture
def scripted(model: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    tokenizer = TextTokenizer.of_model(model, None)

    def generate(_: MegatronEngine, requests: Sequence[Request]) -> list[Rollout]:
        return [_rollout(tokenizer, request) for request in requests]

    monkeypatch.setattr(MegatronEngine, "generate", generate)
    return model


def _rollout(tokenizer: TextTokenizer, request: Request) -> Rollout:
    data = tokenizer.decode(request.prompt, special=False).splitlines()
    response = next(json.loads(line)["response"] for line in data if line.startswith("{"))
    text = SAMPLES[response][int(request.key.rpartition("#")[2])]
    cut = text == "..."
    tokens = (*tokenizer.encode("Score: 1" if cut else text), *([] if cut else [tokenizer.stops[0]]))
    done = Completion(request.key, tokens, (0.0,) * len(tokens), None, "length" if cut else "stop")
    return Rollout.of(request, done, 0)


def grade(model: Path, folder: Path, rows: list, *words: object) -> list[dict]:
    output = folder / "graded.jsonl"
    asked = ["grade", "--overwrite", "--model", model, "--input", written(folder / "input.jsonl", rows), "--output", output,
             "--max-new-tokens", 16, *words]
    assert main(list(map(str, asked))) == 0
    return [json.loads(line) for line in output.read_text().splitlines()]


def test_grades_are_means_of_what_can_be_read(scripted: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    row = {"key": "x", "prompt": PROMPT, "responses": [GOOD, BAD, LOST], "stratum": "cough", "scores": [1, 0, 0]}
    [found] = grade(scripted, tmp_path, [row])
    assert found["scores"] == [pytest.approx(25 / 3), 2.5, None]
    assert found["given"] == {"scores": [1, 0, 0]} and found["stratum"] == "cough"
    assert [found[name] for name in ("key", "prompt", "responses")] == ["x", PROMPT, [GOOD, BAD, LOST]]
    assert [[sample["score"] for sample in some] for some in found["samples"]] == [
        [9, 8, 8, None], [2, 3, None, None], [5, None, None, None]]
    assert [sample.get("why") for some in found["samples"] for sample in some] == [
        None, None, None, "cut short", None, None, "no score at its end", "two scores",
        None, "a score out of range", "a score out of range", "a thought without end"]
    told = capsys.readouterr().out
    assert "3 responses to 1 prompts" in told and "2 graded, mean 5.42; 1 unscored (0 too long" in told
    assert "12 samples; unreadable: 2 a score out of range, 1 cut short" in told


def test_every_form_of_input_is_read(scripted: Path, tmp_path: Path) -> None:
    turns = [{"role": "user", "content": PROMPT}]
    found = grade(scripted, tmp_path, [
        {"prompt": PROMPT, "a": GOOD, "b": BAD}, {"id": 7, "messages": turns, "chosen": BAD, "rejected": GOOD, "label": "tie"},
        {"prompt": PROMPT, "responses": [LOST]},
    ])
    assert [one["key"] for one in found] == ["1", "7", "3"]
    assert [one["responses"] for one in found] == [[GOOD, BAD], [BAD, GOOD], [LOST]]
    assert [one["scores"][0] for one in found] == [pytest.approx(25 / 3), 2.5, None]
    assert found[1]["messages"] == turns and found[1]["label"] == "tie"
    again = grade(scripted, tmp_path, found)
    assert again[0]["given"] == {name: found[0][name] for name in ("scores", "samples")}


def test_pairs_are_those_that_are_far_enough_apart(scripted: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pairs = tmp_path / "pairs.jsonl"
    row = {"key": "x", "prompt": PROMPT, "stratum": "s", "responses": [BAD, GOOD, LOST, "", BAD]}
    grade(scripted, tmp_path, [row], "--pairs", pairs, "--margin", 5)
    assert "2 pairs; left out: 4 unscored, 3 blank, 1 the same text" in capsys.readouterr().out
    lines = [json.loads(line) for line in pairs.read_text().splitlines()]
    assert [(line["chosen"], line["rejected"], line["margin"]) for line in lines] == [(GOOD, BAD, 5.833333)] * 2
    assert [line["key"] for line in lines] == ["x/1-0", "x/1-4"] and {line["stratum"] for line in lines} == {"s"}
    for line in lines:
        assert list(parse(line, ignore=frozenset(PairGroupConfig("pairs", "").ignore)).values) == [pytest.approx(5.833333), 0.0]
    grade(scripted, tmp_path, [{"prompt": PROMPT, "responses": [BAD, GOOD]}], "--pairs", pairs, "--margin", 6)
    assert pairs.read_text() == "" and "0 pairs; left out: 1 less than 6 apart" in capsys.readouterr().out


def test_what_ends_in_the_middle_leaves_what_was_there(
    scripted: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "graded.jsonl").write_text("before")
    whole, calls = MegatronEngine.generate, []

    def broken(engine: MegatronEngine, requests: Sequence[Request]) -> list[Rollout]:
        calls.append(len(requests))
        if len(calls) == 2:
            raise UserError("gone")
        return whole(engine, requests)

    monkeypatch.setattr(MegatronEngine, "generate", broken)
    with pytest.raises(AssertionError):
        grade(scripted, tmp_path, [{"prompt": PROMPT, "responses": [GOOD, BAD]}], "--max-sequences", 1)
    assert calls == [4, 4] and (tmp_path / "graded.jsonl").read_text() == "before"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["graded.jsonl", "input.jsonl"]


def test_what_is_too_long_has_no_grade(scripted: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    [found] = grade(scripted, tmp_path, [{"prompt": PROMPT, "responses": ["Rest. " * 300, GOOD]}])
    assert found["scores"] == [None, pytest.approx(25 / 3)] and found["samples"][0] == []
    assert "1 unscored (1 too long for the model)" in capsys.readouterr().out
    words = ["--input", str(tmp_path / "input.jsonl"), "--output", str(tmp_path / "x"), "--max-new-tokens", "500"]
    assert main(["grade", "--model", str(scripted), *words]) == 2
    assert "every response is too long" in capsys.readouterr().err and not (tmp_path / "x").exists()


def test_layouts_draw_the_same_samples(model: Path, tmp_path: Path) -> None:
    rows = written(tmp_path / "rows.jsonl", [{"prompt": PROMPT, "responses": [GOOD, BAD]}])
    found = []
    for name, words in (("one", []), ("two", ["--tp", 2]), ("other seed", ["--seed", 1])):
        done = warm.megatron_qm("grade", "--model", model, "--input", rows, "--output", tmp_path / name, "--max-new-tokens", 8,
                                *words)
        assert done.returncode == 0, done.stderr
        found.append((tmp_path / name).read_text())
    assert found[0] == found[1] != found[2] and len(json.loads(found[0])["samples"][0]) == 4


@pytest.mark.parametrize(("row", "why"), [
    ({"prompt": PROMPT}, "needs a and b, or chosen and rejected, and has neither"),
    ({"prompt": PROMPT, "responses": []}, "responses is an empty list"),
    ({"prompt": PROMPT, "responses": [GOOD, 1]}, "is not a list of texts"),
    ({"prompt": PROMPT, "responses": [GOOD], "a": BAD}, "has responses and a; give one of them"),
    ({"prompt": PROMPT, "a": GOOD, "b": " "}, "b is blank"),
    ({"responses": [GOOD]}, "needs prompt or messages, and has neither"),
    ({"prompt": PROMPT, "responses": [GOOD], "system": "Be brief."}, "has system beside its prompt"),
    ({"key": "1", "prompt": PROMPT, "responses": [GOOD]}, "the key '1' was given before"),
    ([], "is not a JSON object"),
])
def test_what_is_no_input_is_said_with_its_line(
    model: Path, tmp_path: Path, row: object, why: str, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = written(tmp_path / "rows.jsonl", [{"prompt": PROMPT, "responses": [GOOD]}, row])
    assert main(["grade", "--model", str(model), "--input", str(rows), "--output", str(tmp_path / "x")]) == 2
    said = capsys.readouterr().err
    assert said.startswith(f"error: {rows}:2: ") and why in said and not (tmp_path / "x").exists()


@pytest.mark.parametrize(("words", "why"), [
    (["--margin", "2"], "--margin says nothing without --pairs"),
    (["--pairs", "x", "--margin", "10"], "--margin: 10 must be 9 or less"),
    (["--output", "rows.jsonl"], "is the same file as --input"),
    (["--instruction", "absent"], "absent: cannot be read"),
    (["--input", "absent"], "absent: cannot be read"),
])
def test_options_that_make_no_sense(
    model: Path, tmp_path: Path, words: list[str], why: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    written(Path("rows.jsonl"), [{"prompt": PROMPT, "responses": [GOOD]}])
    assert main(["grade", "--model", str(model), "--input", "rows.jsonl", "--output", "y", *words]) == 2
    assert why in capsys.readouterr().err


def test_the_world_asks_as_the_verb_does(model: Path) -> None:
    assert asks(PROMPT, GOOD).endswith(f'{{"prompt": "{PROMPT}", "response": "{GOOD}"}}')
