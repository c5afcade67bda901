import os
from pathlib import Path

import pytest

from data_tools.sources.inputs import find_inputs
from megatron_qm.errors import UserError
from tests.data_tools.raw_texts import write_file


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in ("b.jsonl", "a.jsonl.gz", ".hidden.jsonl", "sub/c.txt", "sub/[x].ndjson.zst", "d.csv", "e.parquet"):
        write_file(tmp_path / name, name.encode())
    write_file(tmp_path / "array.json", b' [\n{"text": "a"}]')
    return tmp_path


def _names(*patterns: str, format: str | None = None) -> list[str]:
    return [item.name for item in find_inputs(patterns, format, "line")]


def test_globs_are_sorted_and_patterns_keep_their_order() -> None:
    assert _names("*.jsonl*") == ["a.jsonl.gz", "b.jsonl"]
    assert _names("sub/*", "b.jsonl", "*.gz") == ["sub/[x].ndjson.zst", "sub/c.txt", "b.jsonl", "a.jsonl.gz"]
    assert _names("sub/[x].ndjson.zst") == ["[x].ndjson.zst"]
    assert _names("**/*.txt") == ["c.txt"]


def test_kinds_are_told_by_name() -> None:
    found = find_inputs(["a.jsonl.gz", "sub/c.txt", "sub/[x].ndjson.zst", "e.parquet"], None, "file")
    assert [(item.kind, item.compression) for item in found] == [
        ("jsonl", "gzip"), ("file", None), ("jsonl", "zstd"), ("parquet", None),
    ]  # fmt: skip
    assert find_inputs(["d.csv"], "jsonl", "line")[0].kind == "jsonl"


def test_a_file_named_twice_is_read_once(here: Path, caplog: pytest.LogCaptureFixture) -> None:
    os.symlink("b.jsonl", here / "again.jsonl")
    assert _names("b.jsonl", "*.jsonl", f"{here}/b.jsonl") == ["b.jsonl"]
    assert "read once" in caplog.text


@pytest.mark.parametrize(
    ("patterns", "words"),
    [
        (["missing.jsonl"], "missing.jsonl: no such file"),
        (["*.nothing"], "matches no file"),
        (["b.jsonl", "sub"], r"sub: is a folder.*sub/\*\.jsonl"),
        (["d.csv"], r"d\.csv: its name tells no format.*--format"),
        (["array.json"], "array.json: holds one JSON array"),
        (["/dev/null"], "/dev/null"),
    ],
)
def test_inputs_that_cannot_be_are_refused_by_name(patterns: list[str], words: str) -> None:
    with pytest.raises(UserError, match=words):
        _names(*patterns)


def test_names_do_not_depend_on_where_the_folder_lies(here: Path) -> None:
    assert _names(f"{here}/b.jsonl", f"{here}/sub/c.txt") == ["b.jsonl", "sub/c.txt"]
    assert _names(f"{here}/sub/c.txt") == ["c.txt"]
