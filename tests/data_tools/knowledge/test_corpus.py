"""The quickstart's corpus and probes: real facts, held-out phrasings that are really held out."""

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

pytest.importorskip("faker_healthcare", reason="faker-healthcare-provider is not installed (extra: quickstart)")

ROOT = Path(__file__).parents[3]
SCRIPT = ROOT / "data_tools" / "build_quickstart_corpus.py"


def build(output: Path, *more: str) -> subprocess.CompletedProcess:
    return subprocess.run([sys.executable, str(SCRIPT), "--output", str(output), *more], capture_output=True, text=True)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    output = tmp_path_factory.mktemp("corpus")
    done = build(output, "--copies", "12")
    assert done.returncode == 0, done.stderr
    return output


def rows(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


@pytest.fixture(scope="module")
def training_text(corpus: Path) -> str:
    names = ("knowledge_en", "knowledge_zh", "general")
    return "\n".join(row["text"] for name in names for row in rows(corpus / f"{name}.jsonl"))


def test_no_probe_or_validation_sentence_stands_in_the_training_text(corpus: Path, training_text: str) -> None:
    for probe in rows(corpus / "probes.jsonl"):
        assert probe["prompt"] not in training_text, probe["id"]
    for row in rows(corpus / "validation.jsonl"):
        for sentence in row["text"].replace("。", "。\n").replace(". ", ".\n").splitlines():
            assert sentence not in training_text


def test_every_probed_fact_is_taught_in_other_words(corpus: Path) -> None:
    texts = {language: [row["text"] for row in rows(corpus / f"knowledge_{language}.jsonl")] for language in ("en", "zh")}
    for probe in rows(corpus / "probes.jsonl"):
        subject, _, value = probe["fact"]
        assert any(subject in text and value in text for text in texts[probe["language"]]), probe["id"]


def test_options_do_not_give_the_answer_away(corpus: Path) -> None:
    probes = rows(corpus / "probes.jsonl")
    assert len(probes) == 480
    for probe in probes:
        assert len(set(probe["options"])) == 4
        assert probe["options"][probe["answer"]].strip() == probe["fact"][2]
    places = Counter(probe["answer"] for probe in probes)
    assert all(80 < places[place] < 160 for place in range(4)), places
    longest = sum(len(p["options"][p["answer"]]) == max(map(len, p["options"])) for p in probes) / len(probes)
    assert longest < 0.45, "the longest option is too often right"
    # a reader who only knows how frequent each object is
    counts = Counter(row for probe in probes for row in [probe["fact"][2]])
    frequent = sum(
        max(p["options"], key=lambda option: counts[option.strip()]) == p["options"][p["answer"]] for p in probes
    ) / len(probes)
    assert frequent < 0.75  # counted on the answers themselves, which favours them; chance is 0.25


def test_facts_are_the_packages_own() -> None:
    from data_tools.knowledge.triples import Triple, disease_triples, icd_entries

    english = disease_triples("en")
    assert Triple("Type 2 Diabetes", "code", "E11.9", "en") in english
    assert Triple("哮喘", "medication", "沙丁胺醇", "zh") in disease_triples("zh")
    assert not any(triple.object in ("No Medications", "无药物") for triple in english + disease_triples("zh"))
    assert next(e for e in icd_entries() if e.code == "E11").description == "Type 2 diabetes mellitus"


def test_the_same_seed_writes_the_same_bytes_and_another_seed_others(corpus: Path, tmp_path: Path) -> None:
    assert build(tmp_path / "again", "--copies", "12").returncode == 0
    assert build(tmp_path / "other", "--copies", "12", "--seed", "1").returncode == 0
    for path in sorted(corpus.glob("*.jsonl")):
        assert (tmp_path / "again" / path.name).read_bytes() == path.read_bytes()
        assert (tmp_path / "other" / path.name).read_bytes() != path.read_bytes()
