"""What a corpus's report says of identifiers and of points of knowledge, against a plain loop over its documents."""

import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from data_tools.corpus.corpus_report import PLACES
from tests.data_tools.corpus.built import build, documents

PEOPLE = ["Patient John Smith, phone 555-123-4567, came on 2021-03-04.", "患者王建国，电话13800138000，2021年3月4日入院。",
          "Fever and cough for three days, nothing else.", "发热、咳嗽三天，无其他不适。"]
POINTS = [
    {"id": "p1", "kind": "factual", "language": "en", "terms": ["fever", "cough"]},
    {"id": "p2", "kind": "conceptual", "language": "zh", "terms": ["发热", "咳嗽"]},
    {"id": "p3", "kind": "procedural", "language": "en", "terms": ["lumbar puncture <b>", "fever"]},
]


def write_corpus(folder: Path) -> Path:
    rows = [{"text": f"{PEOPLE[number % 4]} No. {number}", "language": ("en", "zh")[number % 2]} for number in range(40)]
    del rows[2]["language"]
    rows[3]["phi_counts"] = {"NAME": 2, "odd": "x", "less": -1, "true": True}  # another tool's, as far as it can be counted
    rows[6]["phi_counts"] = "none"
    (folder / "notes.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (folder / "points.jsonl").write_text("".join(json.dumps(point) + "\n" for point in POINTS))
    config = folder / "corpus.yaml"
    config.write_text(f"""\
output: {folder}/out
sources: [{{name: notes, paths: ['{folder}/notes.jsonl'], licence: own, kind: record}}]
stages: {{deidentify: {{}}}}
coverage: {{points: '{folder}/points.jsonl'}}
""")
    return config


def report(out: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((out / "report.json").read_bytes())
    return found


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("report")
    assert build(write_corpus(folder)) == 0
    return folder / "out"


def test_identifiers_are_counted_by_type_and_language_as_a_loop_counts_them(out: Path) -> None:
    read, touched, values = Counter(), Counter(), Counter()
    for item in documents(out / "corpus"):
        language, counts = item.get("language", ""), item.get("phi_counts")
        counts = counts if isinstance(counts, dict) else {}
        found = {kind: count for kind, count in counts.items() if isinstance(count, int) and count is not True and count > 0}
        read[language] += 1
        touched[language] += bool(found)
        values.update({(language, kind): count for kind, count in found.items()})
    assert set(read) == {"en", "zh", ""} and sum(touched.values()) > 20 and len({kind for _, kind in values}) > 2
    told = report(out)["phi"]["by language"]
    assert {name: of["documents"] for name, of in told.items()} == dict(read)
    assert {name: of["touched"] for name, of in told.items()} == {name: touched[name] for name in read}
    assert {(name, kind): count for name, of in told.items() for kind, count in of["values"].items()} == dict(values)


def test_points_are_told_by_kind_and_the_missing_ones_are_a_list_to_do(out: Path) -> None:
    found = report(out)["coverage"]
    assert {kind: (of["covered"], of["points"]) for kind, of in found["by kind"].items()} == {
        "factual": (1, 1), "conceptual": (1, 1), "procedural": (0, 1)}  # fmt: skip
    missing = [json.loads(line) for line in (out / "missing.jsonl").read_text().splitlines()]
    assert [row["id"] for row in missing] == ["p3"] == [row["id"] for row in found["first missing"]]
    assert found["documents"] == len(documents(out / "corpus"))


def test_the_page_shows_them_and_loads_nothing(out: Path) -> None:
    page = (out / "report.html").read_text()
    for said in ("Identifiers that were replaced", "per 1,000", "Places to read", "Points of knowledge that are covered",
                 "procedural", "lumbar puncture &lt;b&gt;", "not said"):
        assert said in page, said
    assert "puncture <b>" not in page and not re.search(r"""(src|href)=["']?(https?:)?//""", page)


def test_places_to_read_are_counted_where_they_lie_and_other_files_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = write_corpus(tmp_path)
    assert build(config) == 0
    assert report(tmp_path / "out")["phi"]["samples"]["places"] == {}
    places = tmp_path / "out" / PLACES
    places.write_text("".join(json.dumps({"document": 0, "type": kind}) + "\n" for kind in ("NAME", "NAME", "DATE")))
    assert build(config) == 0
    assert report(tmp_path / "out")["phi"]["samples"] == {"file": str(places), "places": {"DATE": 1, "NAME": 2}}
    assert f"They lie in {places}" in (tmp_path / "out/report.html").read_text()
    places.write_text("[1]\n")
    assert build(config) == 2 and f"{places}: holds no places" in capsys.readouterr().err


def test_coverage_is_of_the_points_and_the_corpus_that_are_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = write_corpus(tmp_path)
    assert build(config) == 0
    before = (tmp_path / "out/coverage.json").stat().st_mtime_ns
    assert build(config) == 0
    assert (tmp_path / "out/coverage.json").stat().st_mtime_ns == before
    (tmp_path / "points.jsonl").write_text(json.dumps(POINTS[2]) + "\n")
    assert build(config) == 0
    assert report(tmp_path / "out")["coverage"]["all"]["points"] == 1
    (tmp_path / "out/coverage.json").write_text("{")
    assert build(config) == 2 and "coverage.json: is damaged" in capsys.readouterr().err
    for points, said in ((b"{}\n", "holds no point"), (None, "is no file that is there")):
        (tmp_path / "points.jsonl").write_bytes(points) if points else (tmp_path / "points.jsonl").unlink()
        assert build(config, f"output={tmp_path}/other") == 2 and said in capsys.readouterr().err
    assert not (tmp_path / "other").exists()


def test_who_looked_for_nothing_is_shown_nothing(tmp_path: Path) -> None:
    config = write_corpus(tmp_path)
    asked = config.read_text().replace("deidentify", "clean").replace("kind: record", "kind: material")
    config.write_text(asked.split("coverage:")[0])
    rows = [row for row in map(json.loads, (tmp_path / "notes.jsonl").read_text().splitlines()) if "phi_counts" not in row]
    (tmp_path / "notes.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert build(config) == 0
    found, page = report(tmp_path / "out"), (tmp_path / "out/report.html").read_text()
    assert found["phi"] is None and found["coverage"] is None and "Identifiers" not in page and "Points of" not in page
