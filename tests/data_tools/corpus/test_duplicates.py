"""The command's decisions against all pairs compared by sets of texts, in one order from the best document to the worst."""

import gzip
import itertools
import json
import os
import signal
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest

from data_tools.corpus.duplicates import outcome
from data_tools.corpus.duplicates.config import DuplicatesConfig
from data_tools.corpus.duplicates.decide import nearest_kept
from data_tools.corpus.duplicates.verify import jaccards
from data_tools.corpus.places import working_folder
from data_tools.corpus.rows import pieces
from data_tools.deduplicate import main
from tests.data_tools.corpus import reference

for library in ("rensa", "duckdb"):
    pytest.importorskip(library, reason=f"{library} is not installed (extra: corpus)")

EVERY_PAIR = ["--bands", "24", "--rows", "2"]  # at Jaccard 0.8 one pair of 10^10 is not looked at
FEW = ["--bands", "8", "--rows", "3"]
WORDS = [f"word{letter}{other}" for letter in "abcdefghij" for other in "klmnopqrst"]
CHARACTERS = "患者诉胸痛三天伴发热咳嗽经检查诊断为肺炎给予抗生素治疗后好转出院随访高血压糖尿病史无过敏"
Row = dict[str, Any]


def test_decisions_are_those_of_all_pairs_compared(tmp_path: Path) -> None:
    rows = corpus(Random(3))
    kept, removed, report = run(tmp_path, rows, *EVERY_PAIR, "--best", "grade")
    expected = by_hand(rows, 0.8)
    assert len(expected) > 30 and {row["kind"] for row in removed} == {"exact", "near"}
    assert {row["id"]: (row["kept"], row["jaccard"]) for row in removed} == {
        one: (other, pytest.approx(nearness, abs=1e-6)) for one, (other, nearness) in expected.items()}
    assert kept == [row for row in rows if row["id"] not in expected]
    assert report["kept"] + sum(report["removed"].values()) == report["documents"] == len(rows)


@pytest.mark.parametrize(("best", "rows", "why"), [
    ("grad", [{"id": "a", "text": "one", "grade": "A"}, {"id": "b", "text": "two"}], "did you mean 'grade'?"),
    ("quality", [{"id": "a", "text": "one"}], "their keys are id;"), ("grade", [{"text": "one"}], "none but the text"),
    ("text", [{"text": "one"}], "none of 1 documents has this key"),
])
def test_a_grade_that_no_document_has_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture, best: str, rows: list[Row], why: str
) -> None:
    write(tmp_path / "in.jsonl", rows)
    words = ["--input", str(tmp_path / "in.jsonl"), "--output", str(tmp_path / "out.jsonl"), "--shards", "2", *FEW]
    assert main([*words, "--best", best]) == 2
    said = capsys.readouterr().err
    assert f"deduplicate.best (--best) = {best!r}: " in said and why in said and "Traceback" not in said
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.jsonl"]


def test_one_graded_document_is_enough(tmp_path: Path) -> None:
    kept, _, _ = run(tmp_path, [{"id": "a", "text": "one", "grade": "B"}, {"id": "b", "text": "two"}], *FEW, "--best", "grade")
    assert len(kept) == 2


@pytest.mark.parametrize(("shards", "workers"), [(1, 1), (2, 1), (3, 2), (7, 1)])
def test_the_same_bytes_from_any_number_of_shards_and_workers(tmp_path: Path, shards: int, workers: int) -> None:
    rows = corpus(Random(4))
    parts = [rows[:50], rows[50:51], rows[51:]]
    for number, part in enumerate(parts):
        write(tmp_path / f"in{number}.jsonl", part)
    (tmp_path / "in2.jsonl.gz").write_bytes(gzip.compress((tmp_path / "in2.jsonl").read_bytes()))
    inputs = [str(tmp_path / name) for name in ("in0.jsonl", "in1.jsonl", "in2.jsonl.gz")]
    found = []
    for one, other in ((1, 1), (shards, workers)):
        target = tmp_path / f"{len(found)}.jsonl"
        options = ["--shards", str(one), "--workers", str(other), "--removed", str(tmp_path / "r.jsonl"), "--overwrite", *FEW]
        assert main(["--input", *inputs, "--output", str(target), *options]) == 0
        found.append((target.read_bytes(), (tmp_path / "r.jsonl").read_bytes()))
    assert len(set(found)) == 1 and found[0][1]


@pytest.mark.parametrize(("copy", "kind"), [
    (str.upper, "exact"), (lambda text: text.replace(" ", "\n"), "exact"), (lambda text: text.replace(".", "。"), "exact"),
    (lambda text: text + " And one clause more.", "near"),
])  # fmt: skip
def test_kinds(tmp_path: Path, copy: Callable[[str], str], kind: str) -> None:
    text = " ".join(WORDS[:60]) + ". " + " ".join(WORDS[30:90]) + "."
    _, removed, _ = run(tmp_path, [{"id": "a", "text": text}, {"id": "b", "text": copy(text)}])
    assert [row["kind"] for row in removed] == [kind]


def test_which_of_duplicates_is_kept(tmp_path: Path) -> None:
    """The best grade, then the longest, then the first; a text without units is a duplicate of its equal alone."""
    text = " ".join(WORDS)
    rows = [{"id": "none", "text": text + " and"}, {"id": "E", "text": text, "grade": "E"},
            {"id": "B", "text": text, "grade": "B"}, {"id": "long B", "text": text + " x", "grade": "B"},
            {"id": "second", "text": text + " x", "grade": "B"},
            {"id": "dots", "text": "..."}, {"id": "more", "text": "…!"}, {"id": "same", "text": "..."}]
    kept, removed, _ = run(tmp_path, rows, "--best", "grade")
    assert [row["id"] for row in kept] == ["long B", "dots", "more"]
    assert {row["kept"] for row in removed} == {"long B", "dots"}
    assert [row["id"] for row in run(tmp_path, rows, "--overwrite")[0]] == ["none", "dots", "more"]  # without grades the longest


def test_pairs_that_are_passed_over_are_counted(tmp_path: Path) -> None:
    """Six documents of one set of shingles meet in both bands; the best alone is compared with others: ten pairs each are not."""
    rows = [{"id": str(at), "text": " ".join(WORDS[:30] * (8 - at))} for at in range(6)]
    _, removed, report = run(tmp_path, rows, "--heads", "1", "--bands", "2", "--rows", "1")
    assert [(row["kept"], row["jaccard"], row["kind"]) for row in removed] == 5 * [("0", 1.0, "near")]
    assert report["candidates"] == 5 and report["passed_over"] == 20


@pytest.mark.parametrize(("pairs", "gone"), [
    ([(0, 1, 0.9), (1, 2, 0.9)], {1: 0}),  # 2 is near 1 alone, which is gone
    ([(0, 2, 0.8), (1, 2, 0.9)], {2: 1}),  # the nearer of two that stay
    ([(0, 1, 0.8), (0, 2, 0.8), (1, 2, 0.9), (2, 3, 0.9)], {1: 0, 2: 0}),
    ([(0, 2, 0.9), (1, 2, 0.9)], {2: 0}),
])  # fmt: skip
def test_nothing_goes_over_a_third(pairs: list[tuple[int, int, float]], gone: dict[int, int]) -> None:
    assert {worse: kept for worse, kept, _ in nearest_kept(pairs, 4)} == gone


def test_lines_that_hold_no_document_are_told(tmp_path: Path) -> None:
    lines = [b'{"text": "one two three"}', b"", b"{", b'{"text": 1}', b"[]", b'{"text": "good", "grade": "F"}',
             b'{"text": "last"}']
    (tmp_path / "in.jsonl").write_bytes(b"\n".join(lines))
    options = ["--rejects", str(tmp_path / "bad"), "--best", "grade", *FEW]
    assert main(["--input", str(tmp_path / "in.jsonl"), "--output", str(tmp_path / "out.jsonl"), *options]) == 0
    assert (tmp_path / "out.jsonl").read_bytes() == lines[0] + b"\n" + lines[-1] + b"\n"
    told = [json.loads(line) for line in (tmp_path / "bad").read_bytes().splitlines()]
    assert [row["line"] for row in told] == [2, 3, 4, 5, 6] and {row["file"] for row in told} == {str(tmp_path / "in.jsonl")}
    assert "'F'" in told[-1]["detail"]


def test_a_document_without_an_id_is_called_by_file_and_line(tmp_path: Path) -> None:
    _, removed, _ = run(tmp_path, [{"text": "one two three four five six"}, {"id": 7, "text": "One two three four five six!"}])
    assert [(row["id"], row["kept"]) for row in removed] == [(f"{tmp_path / 'in.jsonl'}:1", "7")]


@pytest.mark.parametrize(("options", "said"), [
    (["--bands", "16", "--rows", "8"], "22 bands look at 98%"), (["--threshold", "0.3"], "threshold"),
    (["--output", "{in}"], "is an input"), (["--removed", "{out}"], "--output"), (["--output", "x.txt"], ".jsonl"),
    (["--input", "{none}"], "no such file"),
])  # fmt: skip
def test_refusals(tmp_path: Path, options: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    write(tmp_path / "in.jsonl", [{"text": "a"}])
    names = {"in": tmp_path / "in.jsonl", "out": tmp_path / "out.jsonl", "none": tmp_path / "none.jsonl"}
    given = [option.format_map(names) for option in options]
    assert main(["--input", str(names["in"]), "--output", str(names["out"]), *given]) == 2
    assert said in capsys.readouterr().err and sorted(tmp_path.iterdir()) == [names["in"]]


def test_what_is_there_is_kept_unless_all_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = corpus(Random(5))[:20]
    write(tmp_path / "out.jsonl", [{"text": "old"}])
    before = (tmp_path / "out.jsonl").read_bytes()
    write(tmp_path / "in.jsonl", rows)
    command = ["--input", str(tmp_path / "in.jsonl"), "--output", str(tmp_path / "out.jsonl"), *FEW]
    assert main(command) == 2

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device", "somewhere")

    monkeypatch.setattr(outcome, "pieces", full)
    assert main([*command, "--overwrite"]) == 2
    assert (tmp_path / "out.jsonl").read_bytes() == before and len(list(tmp_path.iterdir())) == 2


def test_what_a_killed_run_left_is_thrown_away(tmp_path: Path) -> None:
    rows = corpus(Random(6))[:20]
    kept, removed, _ = run(tmp_path, rows)
    left = tmp_path / ".output.jsonl.duplicates"
    left.mkdir()
    for name in ("signatures-0.parquet", "signatures-9.parquet", "removed.parquet"):
        (left / name).write_bytes(b"cut")
    again = run(tmp_path, rows, "--overwrite")
    assert again[:2] == (kept, removed) and not left.exists()


def test_two_processes_do_not_write_one_output(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(tmp_path / "in.jsonl", [{"text": "a"}])
    with working_folder(tmp_path / "out.jsonl", ".duplicates"):
        assert main(["--input", str(tmp_path / "in.jsonl"), "--output", str(tmp_path / "out.jsonl")]) == 2
    assert "another process" in capsys.readouterr().err


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_with_nothing_written(tmp_path: Path, number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path / "in.jsonl", corpus(Random(6))[:20])
    monkeypatch.setattr(outcome, "pieces", lambda corpus: os.kill(os.getpid(), number) or pieces(corpus))
    before = signal.getsignal(number)
    assert main(["--input", str(tmp_path / "in.jsonl"), "--output", str(tmp_path / "out.jsonl"), *FEW]) == 128 + number
    assert [file.name for file in tmp_path.iterdir()] == ["in.jsonl"] and signal.getsignal(number) == before


def test_a_damaged_file_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    packed = gzip.compress(b'{"text": "one two"}\n' * 1000 + bytes(Random(1).randbytes(1000)))
    (tmp_path / "in.jsonl.gz").write_bytes(packed[:-500])
    assert main(["--input", str(tmp_path / "in.jsonl.gz"), "--output", str(tmp_path / "out.jsonl")]) == 2
    assert "damaged" in capsys.readouterr().err and not (tmp_path / "out.jsonl").exists()


@pytest.mark.parametrize("sizes", [(1, 1), (1, 50), (50, 50), (300, 20), (40, 1, 60, 300, 40)])
def test_jaccards_of_sorted_numbers_are_those_of_sets(sizes: tuple[int, ...]) -> None:
    rng = np.random.default_rng(sum(sizes))
    one, *others = (np.unique(rng.integers(0, 200, size, np.uint64)) for size in sizes)
    first, rest = set(one.tolist()), [set(other.tolist()) for other in others]
    assert jaccards(one, others).tolist() == [len(first & second) / len(first | second) for second in rest]


@pytest.mark.parametrize(("bands", "rows", "threshold"), [(18, 7, 0.8), (14, 5, 0.75)])
def test_recall_is_that_of_independent_bands(bands: int, rows: int, threshold: float) -> None:
    """By drawing: each hash of two documents agrees with probability Jaccard."""
    config = DuplicatesConfig(threshold, bands=bands, rows=rows)
    drawn = np.random.default_rng(1).random((20_000, bands, rows)) < threshold
    assert drawn.all(axis=2).any(axis=1).mean() == pytest.approx(config.recall, abs=0.005)


def corpus(rng: Random) -> list[Row]:
    """Documents in families of up to five, each changed from another one of its family; some equal but for their writing."""
    rows: list[Row] = []
    for family in range(26):
        texts = [_new(rng, chinese=family % 2 == 0)]
        for _ in range(rng.randrange(5)):
            texts.append(_changed(rng.choice(texts), rng) if rng.random() < 0.8 else rng.choice(texts).upper() + "!")
        rows += [{"id": f"{family}-{at}", "text": text, "grade": rng.choice("ABE")} for at, text in enumerate(texts)]
    rng.shuffle(rows)
    return rows


def _new(rng: Random, chinese: bool) -> str:
    return "".join(rng.choices(CHARACTERS, k=120)) if chinese else " ".join(rng.choices(WORDS, k=120))


def _changed(text: str, rng: Random) -> str:
    units = text.split(" ") if " " in text else list(text)
    for _ in range(rng.randrange(1, 4)):
        units[rng.randrange(len(units))] = rng.choice(units)
    return (" " if " " in text else "").join(units)


def by_hand(rows: list[Row], threshold: float) -> dict[str, tuple[str, float]]:
    """{id that goes: (id that stays, Jaccard)}."""
    order = sorted(range(len(rows)), key=lambda at: (rows[at]["grade"], -len(rows[at]["text"]), at))
    units = [reference.units(row["text"]) for row in rows]
    nearness = {pair: reference.jaccard(rows[pair[0]]["text"], rows[pair[1]]["text"])
                for pair in itertools.permutations(range(len(rows)), 2)}
    first = {at: next(other for other in order if units[other] == units[at]) for at in order}
    gone: dict[int, tuple[int, float]] = {}
    staying: list[int] = []
    for at in (one for one in order if first[one] == one):
        near = [(-nearness[at, other], order.index(other)) for other in staying if nearness[at, other] >= threshold]
        if near:
            gone[at] = (order[min(near)[1]], -min(near)[0])
        else:
            staying.append(at)
    for at in order:
        if first[at] != at:
            gone[at] = gone.get(first[at], (first[at], 1.0))
    return {rows[at]["id"]: (rows[other]["id"], value) for at, (other, value) in gone.items()}


def write(file: Path, rows: list[Row]) -> None:
    file.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))


def run(folder: Path, rows: list[Row], *options: str) -> tuple[list[Row], list[Row], Row]:
    """(lines that are kept, lines of --removed, the report)."""
    write(folder / "in.jsonl", rows)
    named = {name: folder / f"{name}.jsonl" for name in ("output", "removed", "report")}
    files = itertools.chain(*((f"--{name}", str(file)) for name, file in named.items()))
    assert main(["--input", str(folder / "in.jsonl"), *files, *FEW, *options]) == 0
    kept, removed = ([json.loads(line) for line in named[name].read_text().splitlines()] for name in ("output", "removed"))
    return kept, removed, json.loads(named["report"].read_text())
