"""A step as a command: what it writes against a plain loop over the lines, whatever the workers; and what it refuses."""

import gzip
import json
import resource
import signal
from pathlib import Path
from typing import Any

import pyarrow as arrow
import pyarrow.parquet as parquet
import pytest
import zstandard

from data_tools.corpus import packed
from data_tools.corpus.command import Files, run_step, step_command
from data_tools.corpus.steps import StepOf
from data_tools.stopping import Interrupted, StopRequest
from tests.data_tools.corpus.toy import ToyConfig, rows, toy
from tests.data_tools.raw_texts import write_file

BAD_LINES = [b"{broken", b"", b"[1]", b'{"tex": "x"}', b'{"text": null}', b'{"text": ""}', b'{"text": "\xff"}',
             b'{"text": "\\ud800"}', b'{"text": "a", "k": "\\ud800"}']  # fmt: skip


def test_packed_lines_do_not_depend_on_how_many_threads_pack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = raw(rows(20_000) * 4)
    assert len(lines) > 3 << 22  # several of the pieces that zstd gives to its threads
    for threads in (1, 2, 4):
        monkeypatch.setattr(packed, "_THREADS", threads)
        with packed.packed_lines(tmp_path / f"{threads}.jsonl.zst") as stream:
            for start in range(0, len(lines), 1_000_003 * threads):
                stream.write(lines[start : start + 1_000_003 * threads])
    one = (tmp_path / "1.jsonl.zst").read_bytes()
    assert one == (tmp_path / "2.jsonl.zst").read_bytes() == (tmp_path / "4.jsonl.zst").read_bytes()
    assert zstandard.ZstdDecompressor().stream_reader(one).read() == lines


def run(*words: object) -> int:
    return step_command("toy", "", ToyConfig, toy, [str(word) for word in words])


def raw(items: list[dict[str, object]]) -> bytes:
    return b"".join(json.dumps(item, ensure_ascii=False).encode() + b"\n" for item in items)


def expected(items: list[dict[str, object]], least: int) -> list[dict[str, object]]:
    kept = [item for item in items if len(str(item["text"])) >= least and "bad" not in str(item["text"])]
    return [{**item, "text": str(item["text"]).replace("z", "")} for item in kept]


def read(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_bytes().splitlines()]


def test_counts_documents_and_rejects_against_a_plain_loop(tmp_path: Path) -> None:
    items = rows(300)
    lines = raw(items).splitlines(keepends=True)
    for number, bad in enumerate(BAD_LINES):
        lines.insert(20 * number + 7, bad + b"\n")
    source = write_file(tmp_path / "in.jsonl.gz", b"".join(lines))
    assert run("--input", source, "--output", tmp_path / "out.jsonl", "--report", tmp_path / "r.json",
               "--rejects", tmp_path / "j", "--least", 80) == 0  # fmt: skip
    kept = expected(items, 80)
    assert read(tmp_path / "out.jsonl") == kept

    report = json.loads((tmp_path / "r.json").read_bytes())
    documents, size = report["documents"], report["bytes"]
    assert documents["in"] == len(lines) == documents["kept"] + sum(documents["dropped"].values()) + len(BAD_LINES)
    assert sum(documents["rejected"].values()) == len(BAD_LINES)
    assert size["in"] == sum(len(str(item["text"]).encode()) for item in items)
    assert size["kept"] == sum(len(str(item["text"]).encode()) for item in kept)
    unchanged = size["kept"] - size["changed_to"]
    assert size["in"] == unchanged + size["changed_from"] + sum(size["dropped"].values())
    rejects = read(tmp_path / "j")
    assert [reject["line"] for reject in rejects] == [20 * number + 8 for number in range(len(BAD_LINES))]
    assert all(reject["file"] == str(source) and reject["reason"] for reject in rejects)


def test_any_number_of_workers_writes_the_same_bytes_and_samples(tmp_path: Path) -> None:
    source = write_file(tmp_path / "in.jsonl", raw(rows(12_000)))
    found = []
    for workers in (1, 2, 3):
        files = [tmp_path / f"{workers}.jsonl.zst", tmp_path / f"{workers}.json"]
        assert run("--input", source, "--output", files[0], "--report", files[1], "--least", 40, "--workers", workers) == 0
        report = json.loads(files[1].read_bytes())
        assert len(report["samples"]) == 20 * len(report["documents"]["dropped"])
        found.append((files[0].read_bytes(), report["samples"], report["documents"], report["bytes"]))
    assert found[0] == found[1] == found[2]


def test_parquet_gives_what_json_lines_give_all_columns(tmp_path: Path) -> None:
    items = rows(3000)
    parquet.write_table(arrow.Table.from_pylist(items), tmp_path / "in.parquet", row_group_size=1300)
    write_file(tmp_path / "in.jsonl.xz", raw(items))
    for name in ("in.parquet", "in.jsonl.xz"):
        assert run("--input", tmp_path / name, "--output", tmp_path / f"{name}.jsonl") == 0
    assert read(tmp_path / "in.parquet.jsonl") == read(tmp_path / "in.jsonl.xz.jsonl") == expected(items, 0)


def test_values_beside_the_text_come_back_to_the_letter(tmp_path: Path) -> None:
    known = {"n": 2**70, "deep": [{"a": None}, 1.5, "é\u0000"], "-": -(2**64)}
    write_file(tmp_path / "in.jsonl", raw([{**known, "text": "fever"}]))
    assert run("--input", tmp_path / "in.jsonl", "--output", tmp_path / "out.jsonl", "--mark") == 0
    assert read(tmp_path / "out.jsonl") == [{**known, "toy": True, "text": "fever"}]


def test_a_cut_file_gives_what_it_holds_and_a_reason(tmp_path: Path) -> None:
    data = gzip.compress(raw(rows(4000)))
    (tmp_path / "in.jsonl.gz").write_bytes(data[: len(data) // 2])
    write_file(tmp_path / "more.jsonl", raw(rows(10, seed=1)))
    assert run("--input", tmp_path / "in.jsonl.gz", tmp_path / "more.jsonl", "--output", tmp_path / "out.jsonl",
               "--report", tmp_path / "r.json", "--rejects", tmp_path / "j") == 0  # fmt: skip
    report = json.loads((tmp_path / "r.json").read_bytes())
    assert 1 <= report["documents"]["rejected"]["damaged file"] <= 2
    assert "truncated" in (tmp_path / "j").read_text()
    assert read(tmp_path / "out.jsonl")[-1]["id"].startswith("1-")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--output", "in.jsonl", "--overwrite"], "--output in.jsonl: is an input"),
        (["--output", "there.jsonl"], "exists already; --overwrite"),
        (["--output", "o.jsonl", "--report", "o.jsonl"], "is the file of --output, too"),
        (["--output", "o.csv"], "JSON lines are written"),
        (["--output", "o.jsonl", "--workers", "0"], "--workers 0"),
        (["--output", "o.jsonl", "--least", "-1"], "--least -1: least = -1: must not be negative"),
        (["--output", "o.jsonl", "--mode", "lod"], "did you mean 'loud'"),
        (["--output", "o.jsonl", "--text-key", "tex"], "holds no document: 300 missing key"),
        (["--output", "o.jsonl", "--fail-on", "[fever 999]"], "in.jsonl:300: toy failed on this document: ValueError: broken"),
        (["--output", "o.jsonl", "--rejects", "there.jsonl", "--overwrite"], "is no list of rejected lines"),
    ],
)
def test_refusals_are_a_sentence_and_nothing_is_written(
    words: list[str], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    write_file(tmp_path / "in.jsonl", raw([*rows(299), {"text": "fever 999"}]))
    (tmp_path / "there.jsonl").write_bytes(b'{"text": "mine"}\n')
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert run("--input", "in.jsonl", *words) == 2
    assert said in capsys.readouterr().err
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_a_stop_leaves_nothing(tmp_path: Path) -> None:
    source = write_file(tmp_path / "in.jsonl", raw(rows(50)))
    stop = StopRequest()
    stop.number = signal.SIGINT
    with pytest.raises(Interrupted, match="nothing was written"):
        run_step(StepOf("toy", toy, ToyConfig()), Files([str(source)], tmp_path / "out.jsonl"), stop)
    assert [path.name for path in tmp_path.iterdir()] == ["in.jsonl"]


def test_a_full_disk_ends_with_a_sentence_and_leaves_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_file(tmp_path / "in.jsonl.gz", raw(rows(3000)))
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 16, hard))
    try:
        assert run("--input", tmp_path / "in.jsonl.gz", "--output", tmp_path / "out.jsonl") == 2
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert "the disk is full" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["in.jsonl.gz"]
