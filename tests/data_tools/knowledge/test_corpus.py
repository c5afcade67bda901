"""The quickstart's corpus and probes: real facts, held-out phrasings that are really held out."""

import json
import random
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from data_tools.knowledge.corpus import knowledge_documents
from data_tools.knowledge.phrasing import HELD_OUT, TRAINING
from data_tools.knowledge.probes import check_held_out
from data_tools.knowledge.triples import PREDICATES, disease_triples

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


def test_a_reader_of_the_options_alone_scores_exactly_chance(corpus: Path, training_text: str) -> None:
    probes = rows(corpus / "probes.jsonl")
    assert Counter((p["language"], p["predicate"]) for p in probes) == {
        (language, predicate): 60 for language in ("en", "zh") for predicate in PREDICATES
    }
    readers = {"longest": len, "alphabet": str, "frequency": training_text.count, "any other": lambda o: hash((o, 7))}
    for name, prior in readers.items():
        right = sum(max(p["options"], key=lambda o: (prior(o), o)) == p["options"][p["answer"]] for p in probes)  # noqa: B023
        assert right == len(probes) / 4, name
    assert Counter(p["answer"] for p in probes) == {place: 120 for place in range(4)}


def test_exactly_one_option_is_right(corpus: Path) -> None:
    true = {(t.language, t.subject, t.predicate, t.object) for lang in ("en", "zh") for t in disease_triples(lang)}
    for probe in rows(corpus / "probes.jsonl"):
        subject, predicate, value = probe["fact"]
        right = [o for o in probe["options"] if (probe["language"], subject, predicate, o.strip()) in true]
        assert right == [probe["options"][probe["answer"]]] and right[0].strip() == value
        assert not any(a is not b and a.startswith(b) for a in probe["options"] for b in probe["options"])


@pytest.mark.parametrize("predicate", PREDICATES)
def test_chinese_held_out_phrasings_recombine_sides_that_training_has_apart(predicate: str) -> None:
    taught = [tuple(phrasing.before.split("{s}")) for phrasing in TRAINING["zh", predicate]]
    for phrasing in HELD_OUT["zh", predicate]:
        left, right = phrasing.before.split("{s}")
        assert left in {one for one, _ in taught} and right in {other for _, other in taught}
        assert (left, right) not in taught


def test_a_probe_that_training_text_holds_is_refused() -> None:
    with pytest.raises(ValueError, match="en-code-0"):
        check_held_out([{"id": "en-code-0", "prompt": "has the code"}], ["Asthma has the code J45."])


def test_every_fact_is_stated_once_a_copy_and_in_every_phrasing() -> None:
    triples = disease_triples("zh")[:60]
    text = "".join(d["text"] for d in knowledge_documents(triples, 24, random.Random(0)))
    for fact in triples:
        stated = [text.count(p.sentence(fact)) for p in TRAINING["zh", fact.predicate]]
        assert all(stated), fact
    first = triples[0]
    code_sentences = TRAINING["zh", "code"]
    assert sum(text.count(p.sentence(first)) for p in code_sentences) == 24


@pytest.mark.parametrize("options", [["--probes", "0"], ["--diseases", "2"], ["--copies", "-1"]])
def test_numbers_that_make_no_corpus_are_refused(tmp_path: Path, options: list[str]) -> None:
    done = build(tmp_path / "out", *options)
    assert done.returncode == 2 and options[0] in done.stderr and "Traceback" not in done.stderr
    assert not (tmp_path / "out").exists()


def test_facts_are_the_packages_own() -> None:
    from data_tools.knowledge.triples import Triple, icd_entries

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
