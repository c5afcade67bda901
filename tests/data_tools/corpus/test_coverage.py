"""Coverage: what is near and what is not, against a plain search of every pair of places; and the files of the command."""

import json
import random
from pathlib import Path

import pytest

from data_tools.corpus.coverage.points import Point, point_of, wilson
from data_tools.corpus.coverage.probes import OPTIONS, probes_of

pytest.importorskip("ahocorasick_rs", reason="needs the extra corpus")

from data_tools.corpus.coverage.find import Finder  # noqa: E402
from data_tools.coverage import main  # noqa: E402
from megatron_qm.evals.probes import read_probes  # noqa: E402


def point(*terms: tuple[str, ...], name: str = "p") -> Point:
    return Point(name, "factual", "en", terms)


@pytest.mark.parametrize(
    ("text", "terms", "covered"),
    [
        ("Asthma brings cough.", [("asthma",), ("cough",)], True),
        ("Asthma is common." + " x" * 200 + " Cough.", [("asthma",), ("cough",)], False),
        ("Influenza", [("flu",)], False),
        ("The FLU, that is", [("flu",)], True),
        ("哮喘患者可出现咳嗽", [("哮喘",), ("咳嗽", "喘息")], True),
        ("2型糖尿病", [("糖尿病",)], True),
        ("dose of 15 mg", [("5 mg",)], False),
        ("wheeze in asthma", [("asthma",), ("cough", "wheeze")], True),
    ],
)
def test_what_a_document_covers(text: str, terms: list[tuple[str, ...]], covered: bool) -> None:
    assert bool(Finder([point(*terms)], 100)(text).covered) == covered


def test_near_is_what_a_search_of_all_places_finds() -> None:
    draw = random.Random(1)
    for _ in range(200):
        words = [draw.choice(["aa", "bb", "cc", "dd", "ee"]) for _ in range(draw.randint(3, 25))]
        text, within = " ".join(words), draw.randint(5, 40)
        starts = [index * 3 for index in range(len(words))]
        terms = draw.sample(["aa", "bb", "cc"], draw.randint(2, 3))
        near = any(
            all(
                any(
                    word == term and low <= start and start + 2 <= low + within for word, start in zip(words, starts, strict=True)
                )
                for term in terms
            )
            for low in starts
        )
        assert bool(Finder([point(*((term,) for term in terms))], within)(text).covered) == near, (text, terms, within)


def test_wilson_against_its_published_values() -> None:
    assert wilson(20, 20) == pytest.approx((0.8389, 1.0), abs=1e-4)
    assert wilson(0, 0) == (0.0, 1.0)


GOOD = {"id": "a", "kind": "factual", "language": "en", "terms": ["b"]}


@pytest.mark.parametrize(
    "row",
    [
        {"id": "a"},
        GOOD | {"kind": "x"},
        GOOD | {"terms": []},
        GOOD | {"terms": [""]},
        GOOD | {"question": "?"},
        GOOD | {"term": 1},
    ],
)
def test_points_that_are_none(row: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="."):
        point_of(row)


def test_probes_know_nothing_of_the_answer_but_by_the_question() -> None:
    points = [Point(f"p{n}", "factual", "en", (("x",),), f"What of {n}?", f"answer {n:02}", "drug") for n in range(11)]
    probes = list(probes_of(points, 0))
    assert len(probes) == 8 and len({row["prompt"] for row in probes}) == 8
    for start in range(0, 8, OPTIONS):
        some = probes[start : start + OPTIONS]
        assert {row["answer"] for row in some} == set(range(OPTIONS))
        assert len({frozenset(row["options"]) for row in some}) == 1  # type: ignore[arg-type]
    for row in probes:
        number = str(row["prompt"]).split("of ")[1].split("?")[0]
        assert row["options"][row["answer"]] == f" answer {int(number):02}"  # type: ignore[index, call-overload]


def test_the_command(tmp_path: Path) -> None:
    rows = []
    for n in range(8):
        terms = [f"disease{n}", ["sign", f"mark{n}"]]
        rows.append(GOOD | {"id": f"f{n}", "terms": terms, "question": f"Of {n}?", "answer": f"sign {n:02}"})
    (tmp_path / "points.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows) + "bad\n")
    texts = ["disease0 has a sign", "disease1 has mark1", "disease2" + " " * 500 + "sign", "disease0 and a sign again"]
    (tmp_path / "corpus.jsonl").write_text("".join(json.dumps({"text": text}) + "\n" for text in texts) + "{}\n")
    named = {name: str(tmp_path / name) for name in ("report.json", "missing.jsonl", "probes.jsonl", "counts.jsonl", "page.html")}
    for workers in ("1", "2"):
        files = ["--corpus", str(tmp_path / "corpus.jsonl"), "--points", str(tmp_path / "points.jsonl"), "--workers", workers]
        outputs = ["--output", named["report.json"], "--missing", named["missing.jsonl"], "--probes", named["probes.jsonl"]]
        assert main([*files, *outputs, "--counts", named["counts.jsonl"], "--html", named["page.html"], "--overwrite"]) == 0
        report = json.loads((tmp_path / "report.json").read_text())
        assert (report["documents"], report["refused"], report["number of points refused"]) == (4, 1, 1)
        assert report["by kind"]["factual"]["covered"] == 2 and report["all"]["points"] == 8
    todo = [json.loads(line) for line in (tmp_path / "missing.jsonl").read_text().splitlines()]
    assert {row["id"]: (row["nowhere"], row["documents_with_terms_apart"]) for row in todo[:2]} == {
        "f2": ([], 1),
        "f3": (["disease3"], 0),
    }
    assert [json.loads(line)["documents"] for line in (tmp_path / "counts.jsonl").read_text().splitlines()] == [2, 1] + [0] * 6
    assert len(read_probes(tmp_path / "probes.jsonl")) == 8 and "disease3" in (tmp_path / "page.html").read_text()
