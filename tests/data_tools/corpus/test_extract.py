"""extract.py: many files, in their order, by processes that may be killed by what they read."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from data_tools import extract
from data_tools.corpus.document import Document
from data_tools.corpus.readers import child, formats
from data_tools.corpus.readers.item import At, Item, ReadLimits
from data_tools.corpus.reading import ReadAs, read_block
from data_tools.sources.blocks import Position
from data_tools.sources.inputs import find_inputs, shares_of
from data_tools.sources.read import read_blocks
from megatron_qm.errors import UserError


def run(*words: object) -> int:
    return extract.main([str(word) for word in words])


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_bytes().splitlines()]


def texts(folder: Path, count: int) -> list[str]:
    for number in range(count):
        (folder / f"{number:03}.txt").write_text(f"text {number} " * (number * 97 % 50 + 1))
    return [f"text {number} " * (number * 97 % 50 + 1) for number in range(count)]


@pytest.mark.parametrize("workers", [1, 3])
def test_documents_come_in_the_order_of_the_files(tmp_path: Path, workers: int) -> None:
    said = texts(tmp_path, 40)
    output = tmp_path / "out.jsonl"
    assert run("--input", tmp_path / "*.txt", "--output", output, "--workers", workers) == 0
    assert [line["text"] for line in lines(output)] == said
    assert lines(output)[3] == {"id": str(tmp_path / "003.txt"), "origin": {"file": str(tmp_path / "003.txt"), "format": "text"},
                                "text": said[3]}  # fmt: skip


def test_what_cannot_be_read_is_listed_and_counted(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    texts(tmp_path, 2)
    (tmp_path / "a.txt").write_bytes(b"words " * 9 + b"\xff\xfe words")
    (tmp_path / "b.txt").write_bytes(b"PK\x03\x04\0\0")
    (tmp_path / "c.pdf").write_text("text that is called a PDF")
    with open(tmp_path / "d.txt", "wb") as stream:
        stream.write(b"a" * 70_000)
        stream.truncate(1 << 40)
    output, rejects, report = tmp_path / "out.jsonl.zst", tmp_path / "rejects.jsonl", tmp_path / "report.json"
    assert run("--input", tmp_path / "*", "--output", output, "--rejects", rejects, "--report", report) == 0
    assert [(Path(line["file"]).name, line["reason"], line.get("offset")) for line in lines(rejects)] == [
        ("a.txt", "invalid bytes", 54), ("b.txt", "no known format", None), ("d.txt", "too large", 32 << 20)]  # fmt: skip
    told = json.loads(report.read_bytes())
    assert (told["files"], told["documents"], told["wrongly_named"]) == (6, 3, 1)
    assert told["rejected"] == {"invalid bytes": 1, "no known format": 1, "too large": 1}
    assert told["wrong_names"] == [{"file": str(tmp_path / "c.pdf"), "is": "text"}]
    assert "not what their names say" in capfd.readouterr().err
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]


def test_nothing_is_written_where_nothing_is_read(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.txt").write_bytes(b"")
    assert run("--input", tmp_path / "a.txt", "--output", tmp_path / "out.jsonl") == 2
    assert "no document" in capfd.readouterr().err and not (tmp_path / "out.jsonl").exists()


@pytest.mark.parametrize("words", [["--seconds", "0"], ["--memory-gb", "0.1"], ["--dpi", "9999"], ["--min-confidence", "2"]])
def test_limits_out_of_bounds_are_refused(tmp_path: Path, words: list[str], capfd: pytest.CaptureFixture[str]) -> None:
    texts(tmp_path, 1)
    assert run("--input", tmp_path / "000.txt", "--output", tmp_path / "out.jsonl", *words) == 2
    assert words[0].lstrip("-").replace("-", "_") in capfd.readouterr().err


def test_a_library_that_is_not_there_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"pip install -e '\.\[ocr\]'"):
        from data_tools.corpus.extra import needed

        needed("no_such_module", "ocr")


def test_a_source_of_a_corpus_keeps_the_origin_that_a_reader_told(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"id": "i", "origin": {"file": "a.pdf", "format": "pdf"}, "text": "words"}\n')
    (source,) = find_inputs([str(tmp_path / "a.jsonl")], None, "line")
    (block,) = read_blocks([source], shares_of([source], 0, 1), Position(0, 0, 0), None, 1 << 20, 1 << 20)
    (found,) = read_block(block, ReadAs(source, trace=True, name="s"), 1 << 20).documents
    assert found.known["origin"] == {"file": str(tmp_path / "a.jsonl"), "line": 1, "origin": {"file": "a.pdf", "format": "pdf"}}


# A reader that misbehaves, in the process of a child: each line of its file is a record


def misbehaving(path: Path, limits: ReadLimits, start: int = 0) -> Iterator[Item]:
    data, at = path.read_bytes(), start
    while at and at < len(data) and data[at - 1 : at] != b"\n":
        at += 1
    while at < len(data):
        yield At("offset", at)
        word = data[at:].split(b"\n", 1)[0].decode()
        if word == "hang":
            while True:
                pass
        if word == "crash":
            os.abort()
        if word == "eat":
            yield Document("x" * (1 << 40))
        yield Document(word, {"origin": {"offset": at}})
        at += len(word) + 1


def _serve_misbehaving(connection: Any, limits: ReadLimits) -> None:
    toy = formats.Format("text", (".txt",), misbehaving, resume=misbehaving)
    child.format_of = lambda path: toy
    _serve(connection, limits)


_serve = child._serve


@pytest.mark.parametrize("workers", [1, 2])
def test_reading_goes_on_behind_what_hangs_or_crashes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, workers: int) -> None:
    monkeypatch.setattr(child, "_serve", _serve_misbehaving)
    (tmp_path / "a.txt").write_text("one\nhang\ntwo\ncrash\nthree\n")
    (tmp_path / "b.txt").write_text("four\neat\nfive\n")
    (tmp_path / "c.txt").write_text("six\n")
    output, rejects = tmp_path / "out.jsonl", tmp_path / "rejects.jsonl"
    assert run("--input", tmp_path / "*.txt", "--output", output, "--rejects", rejects, "--seconds", 3, "--workers", workers) == 0
    assert [line["text"] for line in lines(output)] == ["one", "two", "three", "four", "six"]
    assert [(Path(line["file"]).name, line.get("offset"), line["reason"]) for line in lines(rejects)] == [
        ("a.txt", 4, "time"), ("a.txt", 13, "crashed"), ("b.txt", 5, "memory")]  # fmt: skip
