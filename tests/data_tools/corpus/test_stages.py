"""All stages that ship, one after another: what each drops, counts that add up, grades that decide, refusals before any work."""

import json
import subprocess
import sys
from pathlib import Path
from random import Random
from typing import Any

import pytest

pytest.importorskip("duckdb", reason="needs the extra corpus")
pytest.importorskip("rensa", reason="needs the extra corpus")
pytest.importorskip("lingua", reason="needs the extra corpus")

from data_tools.build_corpus import main
from data_tools.corpus import extra
from data_tools.corpus.config import read_config
from data_tools.corpus.order import check_order
from data_tools.corpus.stages import STAGES as KNOWN
from data_tools.knowledge.corpus import general_documents
from tests.data_tools.corpus.built import documents, manifest
from tests.data_tools.corpus.test_build_corpus import ROOT

STAGES = ("clean", "language", "quality", "deidentify", "grade", "deduplicate", "decontaminate")
NOTE = "患者王建国，男，58岁，因胸痛三天入院，联系电话13912345678。查体血压150/95 mmHg，心肺听诊未见异常，予阿司匹林100 mg口服。"
QUESTION = "A woman of 63 with atrial fibrillation and a creatinine of 2.1 mg/dL has to take apixaban; which dose is right?"


def write_corpus(folder: Path, stages: str = "", count: int = 60) -> Path:
    """corpus.yaml: guides with broken characters, boilerplate, a near copy and an exact one of a lesser grade, an item; notes."""
    texts = [row["text"] for row in general_documents(count, Random(3))]
    words = texts[0].split(" ")
    near = " ".join([*words[:-1], "altogether"])
    guides = [*texts, "x" * 40 + " !!!! " * 9, f"{texts[1]} {QUESTION} {texts[2]}"]
    web = [{"text": near, "type": "qa"}, {"text": texts[3].upper(), "type": "qa"}]
    _write(folder / "web.jsonl", web)
    _write(folder / "guides.jsonl", [{"text": text} for text in guides])
    _write(folder / "notes.jsonl", [{"text": NOTE, "patient": "7"}])
    _write(folder / "exam.jsonl", [{"question": QUESTION, "options": ["5 mg twice a day", "2.5 mg twice a day"]}])
    stages = stages or ("{clean: {}, language: {}, quality: {}, deidentify: {}, grade: {}, deduplicate: {best: grade}, "
                        f"decontaminate: {{against: {{exam: '{folder}/exam.jsonl'}}}}}}")
    config = folder / "corpus.yaml"
    config.write_text(f"""\
output: {folder}/out
sources:
  - {{name: web, paths: ['{folder}/web.jsonl'], licence: CC0, kind: material}}
  - {{name: guides, paths: ['{folder}/guides.jsonl'], licence: CC0, kind: material, type: guideline, year: 2020}}
  - {{name: notes, paths: ['{folder}/notes.jsonl'], licence: own, kind: record, type: inpatient}}
stages: {stages}
block_bytes: 8192
""")
    return config


def _write(path: Path, rows: list[dict[str, Any]]) -> None:
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))


def test_the_example_of_the_docs_is_understood_and_names_all_stages(tmp_path: Path) -> None:
    page = (ROOT / "docs/corpus.md").read_text()
    config = tmp_path / "corpus.yaml"
    config.write_text(page.partition("```yaml\n")[2].partition("```")[0])
    asked = read_config(config, [], KNOWN)
    assert {stage.name for stage, _ in asked.stages} == {stage.name for stage in KNOWN} == set(STAGES)
    check_order(asked)
    for name in STAGES:
        assert f"| `{name}` |" in page


def build(config: Path, *words: str) -> int:
    return main(["--config", str(config), *words])


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("stages")
    assert build(write_corpus(folder)) == 0
    return folder


def steps_of(built: Path) -> dict[str, Any]:
    report = json.loads((built / "out/report.json").read_bytes())
    return {step["name"]: step for of in report["passes"] for step in of["steps"]}


def test_counts_of_all_stages_add_up_to_the_byte(built: Path) -> None:
    steps = steps_of(built)
    assert tuple(steps) == ("read", *STAGES)
    for step in steps.values():
        counts, size = step["documents"], step["bytes"]
        assert counts["in"] == counts["kept"] + sum(counts["dropped"].values()) + sum(counts["rejected"].values())
        assert size["in"] - size["changed_from"] + size["changed_to"] == size["kept"] + sum(size["dropped"].values())
    for one, other in zip(list(steps.values()), list(steps.values())[1:], strict=False):
        assert (other["documents"]["in"], other["bytes"]["in"]) == (one["documents"]["kept"], one["bytes"]["kept"])
    left = [item["text"] for item in documents(built / "out/corpus")]
    last = steps["decontaminate"]
    assert (last["documents"]["kept"], last["bytes"]["kept"]) == (len(left), sum(len(text.encode()) for text in left))


def test_each_stage_drops_what_it_is_there_for_and_says_so(built: Path) -> None:
    steps = steps_of(built)
    assert sum(steps["quality"]["documents"]["dropped"].values()) == 1
    assert steps["deduplicate"]["documents"]["dropped"] == {"exact": 1, "near": 1}
    assert steps["decontaminate"]["documents"]["dropped"] == {"holds an item of exam": 1}
    removed = [json.loads(line) for line in (built / "out/stages/2-deduplicate/removed.jsonl").read_bytes().splitlines()]
    assert {row["kind"] for row in removed} == {"exact", "near"}
    samples = {sample["reason"]: sample for sample in steps["deduplicate"]["samples"]}
    assert samples["near"]["id"] in {row["id"] for row in removed} and " stays, Jaccard 0." in samples["near"]["detail"]
    assert steps["decontaminate"]["samples"][0]["text"] and QUESTION not in str(documents(built / "out/corpus"))


def test_of_duplicates_the_best_grade_stays_although_it_came_later(built: Path) -> None:
    left = documents(built / "out/corpus")
    assert {item["source"] for item in left} == {"guides", "notes"}
    assert {(item["source"], item["grade"]) for item in left} == {("guides", "A"), ("notes", "C")}


def test_every_document_has_a_source_a_language_and_no_person(built: Path) -> None:
    left = documents(built / "out/corpus")
    for item in left:
        assert item["origin"]["file"].endswith(f"{item['source']}.jsonl") and item["licence"] and item["language"] in ("en", "zh")
    note = left[-1]["text"]
    assert "[NAME]" in note and "[PHONE]" in note and "王建国" not in note and "100 mg" in note


def test_a_changed_evaluation_is_told(built: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = (built / "exam.jsonl").read_text()
    (built / "exam.jsonl").write_text(before + json.dumps({"question": "Another one of a good many words, is it?"}) + "\n")
    assert build(built / "corpus.yaml") == 2
    (built / "exam.jsonl").write_text(before)
    assert f"stages.decontaminate.contents.{built}/exam.jsonl was" in capsys.readouterr().err
    assert build(built / "corpus.yaml") == 0


@pytest.mark.parametrize(("stages", "said"), [
    ("{deidentify: {}, deduplicate: {best: grade}, grade: {}}", "the stage grade has to stand before it"),
    ("{deidentify: {}, deduplicate: {best: grade}}", "the stage grade has to stand before it"),
    ("{grade: {}}", "notes: records hold what identifies persons"),
    ("{deidentify: {}, decontaminate: {}}", "decontaminate: against is empty"),
    ("{deidentify: {}, decontaminate: {against: {exam: none.jsonl}}}", "against.exam = none.jsonl: is no file that is there"),
    ("{deidentify: {mode: surrogate, key_file: none}}", "key_file none: cannot be read"),
])  # fmt: skip
def test_what_cannot_be_is_refused_before_any_work(
    stages: str, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = write_corpus(tmp_path, stages, 4)
    for words in (["--dry-run"], []):
        assert build(config, *words) == 2
        assert said in capsys.readouterr().err and not (tmp_path / "out").exists()


@pytest.mark.parametrize("name", ["ftfy", "opencc", "lingua", "rensa", "duckdb"])
def test_a_missing_library_is_a_sentence_before_any_work(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    real = extra.importlib.import_module

    def missing(module: str) -> Any:
        if module == name:
            raise ImportError(f"No module named {module!r}")
        return real(module)

    monkeypatch.setattr(extra.importlib, "import_module", missing)
    assert build(write_corpus(tmp_path, count=4)) == 2
    shown = capsys.readouterr().err
    assert f"{name} is needed" in shown and "pip install -e '.[corpus]'" in shown and not (tmp_path / "out").exists()


def test_a_name_that_would_be_a_pattern_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert build(write_corpus(tmp_path, count=4), f"output={tmp_path}/a[b") == 2
    assert "may not hold *, ? or [" in capsys.readouterr().err


def test_whole_stages_killed_at_random_moments_end_with_the_same_bytes(tmp_path: Path) -> None:
    stages = ("{deidentify: {}, grade: {}, deduplicate: {best: grade, bands: 8, rows: 3}, "
              f"decontaminate: {{against: {{exam: '{tmp_path}/exam.jsonl'}}}}}}")  # fmt: skip
    config = write_corpus(tmp_path, stages, 20)
    command = [sys.executable, "-m", "tests.data_tools.corpus.kill_anywhere", str(config), "8", "1", "90", "0"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-3000:]
    assert done.stdout.split()[-2] == "8"
    assert len(manifest(tmp_path / "out/corpus")["shards"]) == 1


@pytest.mark.slow  # 30 builds
def test_all_stages_killed_at_30_random_moments_end_with_the_same_bytes(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.data_tools.corpus.kill_anywhere", str(write_corpus(tmp_path)), "30", "2", "160"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=1200)
    assert done.returncode == 0, done.stderr[-3000:]
    assert done.stdout.split()[-2] == "30"
