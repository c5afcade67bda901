"""`megatron-qm evaluate`: a checkpoint and its release give the same answers, numbers and verdicts."""

import json
import subprocess
from pathlib import Path

import pytest

from data_tools.train_tokenizer import save, train
from megatron_qm.cli import main
from megatron_qm.commands.evaluate import _all_items
from megatron_qm.errors import UserError
from megatron_qm.evals.transformers_model import TransformersModel
from megatron_qm.rewards.registry import SHIPPED
from megatron_qm.tokenizer import TextTokenizer
from tests import warm
from tests.align.stages import VERIFIER, written


def megatron_qm(*words: object) -> subprocess.CompletedProcess:
    return warm.megatron_qm(*words)


@pytest.fixture(scope="module")
def asked(tiny: Path) -> Path:
    rows = [{**json.loads(line), "strata": {"level": "resident" if n % 2 else "chief"}}
            for n, line in enumerate((tiny / "items.jsonl").read_text().splitlines())]
    options = {"A": "It is A1.", "B": "It is B1."}
    rows.append({"key": "x", "task": "exam", "prompt": "A or B?", "reference": "A", "metadata": {"options": options}})
    return written(tiny / "asked.jsonl", rows)


@pytest.fixture(scope="module")
def release(policy: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("released") / "release"
    done = megatron_qm("export-hf", "--checkpoint", policy, "--output", folder, "--dtype", "fp32", "--skip-answer")
    assert done.returncode == 0, done.stderr
    return folder


def test_a_checkpoint_and_its_release_answer_alike(policy: Path, release: Path, asked: Path, tmp_path: Path) -> None:
    probes = written(tmp_path / "probes.jsonl", [
        {"prompt": "Code of illness", "options": [" a1", " b2", " c3 is"], "answer": n % 3} for n in range(6)
    ])
    outputs = {}
    for name, model, more in (("megatron", policy, ["--tp", 2]), ("hf", release, [])):
        outputs[name] = tmp_path / f"{name}.json"
        done = megatron_qm("evaluate", "--model", model, "--items", asked, "--verifier", VERIFIER, "--probes", probes,
                           "--max-new-tokens", 16, "--output", outputs[name], *more)
        assert done.returncode == 0 and "level=chief" in done.stdout, done.stderr
        assert "chance 33.3%, n = 6)" in done.stdout
    one, other = (json.loads(path.read_text()) for path in outputs.values())
    assert one["answers"] == other["answers"] and one["summary"] == other["summary"] and one["probes"] == other["probes"]
    assert len(one["answers"]) == 13 and any(answer["response"] for answer in one["answers"])
    assert main(["evaluate", "--compare", *map(str, outputs.values())]) == 0
    other["answers"][3]["response"] += "!"
    outputs["hf"].write_text(json.dumps(other))
    assert main(["evaluate", "--compare", *map(str, outputs.values())]) == 1


EXAM = {"task": "exam", "prompt": "A or B?", "reference": "A", "metadata": {"options": {"A": "fever", "B": "rash"}}}


def test_files_without_keys_are_told_apart_and_can_be_compared(release: Path, tmp_path: Path) -> None:
    for folder in ("here", "elsewhere"):
        (tmp_path / folder).mkdir()
        files = [written(tmp_path / folder / f"{name}.jsonl", [EXAM] * count) for name, count in (("one", 2), ("two", 1))]
        assert main(["evaluate", "--model", str(release), "--max-new-tokens", "4", "--output", str(tmp_path / f"{folder}.json"),
                     "--items", *map(str, files)]) == 0
    keys = [answer["key"] for answer in json.loads((tmp_path / "here.json").read_text())["answers"]]
    assert keys == ["one.jsonl:1", "one.jsonl:2", "two.jsonl:1"]
    assert main(["evaluate", "--compare", str(tmp_path / "here.json"), str(tmp_path / "elsewhere.json")]) == 0


def test_files_of_one_name_are_told_apart_by_their_folders(tmp_path: Path) -> None:
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        written(tmp_path / folder / "items.jsonl", [EXAM])
    paths = [tmp_path / folder / "items.jsonl" for folder in ("a", "b")]
    assert [item.key for item in _all_items(paths, SHIPPED)] == [f"{path}:1" for path in paths]
    assert [item.key for item in _all_items(paths[:1], SHIPPED)] == ["1"]
    with pytest.raises(UserError, match="is in two files"):
        _all_items([paths[0], paths[0]], SHIPPED)


def test_exams_are_scored_as_published_where_that_is_asked_for(
    release: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = TextTokenizer(release).encode('{"answer": "A/C"}')
    monkeypatch.setattr(TransformersModel, "answers", lambda self, prompts, *_: [tuple(said)] * len(prompts))
    options = {"A": "fever", "B": "rash", "C": "cough"}
    items = written(tmp_path / "items.jsonl", [{**EXAM, "reference": "AC", "metadata": {"options": options}}])
    found = {}
    for scoring in ("exam", "cpqexam"):
        output = tmp_path / f"{scoring}.json"
        words = ["--items", str(items), "--scoring", scoring, "--output", str(output)]
        assert main(["evaluate", "--model", str(release), "--max-new-tokens", "4", *words]) == 0
        found[scoring] = json.loads(output.read_text())
    assert {name: result["answers"][0]["score"] for name, result in found.items()} == {"exam": 1.0, "cpqexam": 0.0}
    assert found["cpqexam"]["scoring"] == "cpqexam" and found["cpqexam"]["summary"][0]["invalid"] == 0


LONG = {"prompt": "illness " * 200, "options": ["a", "b"], "answer": 0}


@pytest.mark.parametrize("kind", ["checkpoint", "release"])
@pytest.mark.parametrize(("items", "probes", "words", "why"), [
    ([EXAM, {**EXAM, "key": "long", "prompt": "illness " * 200}], [], [], "the item 'long': a prompt of "),
    ([{**EXAM, "key": "short"}], [], ["--max-new-tokens", "127"], "the item 'short': a prompt of "),
    ([], [LONG], [], "the probe '{folder}/probes.jsonl:1': prompt and option of "),
    ([], [LONG | {"id": "seam", "options": ["a", "ab"]}], [], "probe seam: one option begins another"),
    ([{**EXAM, "key": "none", "reference": "C"}], [], [],
     "items.jsonl:1: the item 'none': no answer could be scored: the reference 'C' is not"),
    ([{**EXAM, "reference": [{"answer": "A"}] * 2}], [], ["--scoring", "cpqexam"], "the item '1': its reference"),
    ([{**EXAM, "task": "exams"}], [], [], "items.jsonl:1: the verifier 'exams' is not known"),
])
def test_what_cannot_be_asked_is_said_before_the_first_answer_alike_for_both_kinds_of_model(
    kind: str, items: list, probes: list, words: list[str], why: str, policy: Path, release: Path, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture,
) -> None:
    for room in ("megatron_qm.commands.evaluate._on_megatron", "megatron_qm.commands.evaluate._on_transformers"):
        monkeypatch.setattr(room, lambda *_: pytest.fail("it was asked"))
    asked = [str(word) for rows, name in ((items, "items"), (probes, "probes")) if rows
             for word in (f"--{name}", written(tmp_path / f"{name}.jsonl", rows))]
    model = policy if kind == "checkpoint" else release
    assert main(["evaluate", "--model", str(model), "--max-new-tokens", "16", *asked, *words]) == 2
    said = capsys.readouterr().err
    assert why.format(folder=tmp_path) in said
    assert "of " not in why[-4:] or "more than the model's 128 positions" in said


def test_another_tokenizer_is_noticed_alike_for_both_kinds_of_model(
    policy: Path, release: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    save(train([chr(0x4E00 + number) * 2 for number in range(2000)], 900), tmp_path / "tokenizer")
    items = written(tmp_path / "items.jsonl", [{**EXAM, "prompt": "".join(chr(0x4E00 + number) * 2 for number in range(9))}])
    for model in (policy, release):
        assert main(["evaluate", "--model", str(model), "--max-new-tokens", "4", "--items", str(items),
                     "--tokenizer", str(tmp_path / "tokenizer")]) == 2
        said = capsys.readouterr().err
        assert f"{tmp_path / 'tokenizer'} is of another tokenizer (SHA-256 " in said and f"than {model}" in said


@pytest.mark.parametrize(("words", "why"), [
    (["--items", "nowhere.jsonl"], "nowhere.jsonl"),
    ([], "give --model PATH"),
    (["--items", "{asked}", "--tp", "0"], "--tp: 0 must be 1 or more"),
    (["--items", "{asked}", "{asked}"], "in two files"),
    (["--items", "{asked}"], "must be named"),
    (["--items", "{asked}", "--verifier", "exam=tests.align.stages:by_letters"], "choose another name"),
    (["--items", "{asked}", "--model", "{tmp}"], "neither a checkpoint"),
    (["--compare", "{asked}", "{asked}"], "is not what"),
])
def test_mistakes_are_named(
    words: list[str], why: str, policy: Path, asked: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    given = [word.format(asked=asked, tmp=tmp_path) for word in words]
    known = [] if why == "must be named" else ["--verifier", VERIFIER]
    assert main(["evaluate", "--model", str(policy), *known, *given]) == 2
    assert why in capsys.readouterr().err
