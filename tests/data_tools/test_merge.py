import json
import os
from pathlib import Path

import numpy as np
import pytest

from data_tools import merging
from data_tools.merge import main
from data_tools.merging import merge
from data_tools.stopping import Interrupted, StopRequest
from megatron_qm.errors import UserError
from megatron_qm.files import sha256
from tests.data_tools.raw_texts import contents, json_lines, run, texts, tokens, write_file, write_tokenizer

COUNT = 5


@pytest.fixture
def shards(tokenizer: Path, tmp_path: Path) -> list[str]:
    """Prefixes of the shards of two files, one of them compressed; `whole` is the run without shards."""
    lines = json_lines(texts(90)).splitlines(keepends=True)
    lines.insert(60, b"bad\n")
    halves = {"a.jsonl": lines[:70], "b.jsonl.gz": lines[70:]}
    files = [write_file(tmp_path / name, b"".join(half)) for name, half in halves.items()]
    run(tokenizer, files, tmp_path / "whole", max_bad_fraction=1)
    for index in range(COUNT):
        options = {"shard_index": index, "shard_count": COUNT, "max_bad_fraction": 1}
        run(tokenizer, files, tmp_path / f"part-{index}", **options)
    return [str(tmp_path / f"part-{index}") for index in range(COUNT)]


def _merge(folder: Path, parts: list[str], **flags: bool) -> dict[str, bytes]:
    merge(str(folder / "merged"), parts, StopRequest(), **flags)
    return contents(folder / "merged")


@pytest.mark.parametrize("pieces", [(1 << 18, 1 << 23), (2, 1 << 23), (1 << 18, 10)])
def test_merged_shards_are_the_run_without_shards(
    tmp_path: Path, shards: list[str], monkeypatch: pytest.MonkeyPatch, pieces: tuple[int, int]
) -> None:
    monkeypatch.setattr(merging, "_PIECE_DOCUMENTS", pieces[0])
    monkeypatch.setattr(merging, "_PIECE_TOKENS", pieces[1])
    assert _merge(tmp_path, shards) == contents(tmp_path / "whole")  # line numbers of rejects included


def test_shards_may_be_named_by_a_glob_of_their_files(tmp_path: Path, shards: list[str]) -> None:
    names = sorted((str(path) for path in tmp_path.glob("part-*")), reverse=True)
    assert main(["--output-prefix", str(tmp_path / "merged"), *names]) == 0
    assert contents(tmp_path / "merged") == contents(tmp_path / "whole")
    assert _merge(tmp_path, shards, resume=True) == contents(tmp_path / "whole")
    with pytest.raises(UserError, match=r"merged\.bin: exists already"):
        _merge(tmp_path, shards)


def test_a_stopped_merge_goes_on(tmp_path: Path, shards: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(merging, "_PIECE_DOCUMENTS", 7)

    class Stop(StopRequest):
        number = 15

    stops = 0
    while not (tmp_path / "merged.json").exists():
        try:
            merge(str(tmp_path / "merged"), shards, Stop(), resume=True)
        except Interrupted:
            stops += 1
    assert stops > 10
    assert contents(tmp_path / "merged") == contents(tmp_path / "whole")


def test_datasets_that_are_no_shards_are_joined_in_order(tokenizer: Path, tmp_path: Path) -> None:
    parts = []
    for name in ("x", "y"):
        file = write_file(tmp_path / name / "same.jsonl", json_lines(texts(10, ord(name))))
        parts.append(str(tmp_path / name / "set"))
        run(tokenizer, file, Path(parts[-1]))
    for order in (parts, parts[::-1]):
        merged = _merge(tmp_path, order, overwrite=True)
        expected = np.concatenate([tokens(contents(Path(part))) for part in order])
        assert np.array_equal(tokens(merged), expected)
        assert [item["documents"] for item in json.loads(merged["json"])["inputs"]] == [10, 10]


def test_what_does_not_belong_together_is_refused(tokenizer: Path, tmp_path: Path, shards: list[str]) -> None:
    file = tmp_path / "a.jsonl"
    run(write_tokenizer(tmp_path / "other", 350), file, tmp_path / "foreign", max_bad_fraction=1)
    run(tokenizer, file, tmp_path / "other-0", shard_index=0, shard_count=COUNT, max_bad_fraction=1)
    run(tokenizer, file, tmp_path / "other-1", shard_index=1, shard_count=2, max_bad_fraction=1)
    whole, foreign = str(tmp_path / "whole"), str(tmp_path / "foreign")
    cases = {
        "shards 1, 3 of 5 are missing": [shards[0], shards[2], shards[4]],
        r"other-0 and .*part-1 are shards of different runs": [*shards[1:], str(tmp_path / "other-0")],
        r"other-1 and .*part-0 are shards of different runs": [shards[0], str(tmp_path / "other-1")],
        r"part-0 is a shard and .*whole is not": [shards[0], whole],
        r"foreign: its tokenizer": [whole, foreign],
        r"nothing\.idx: no such file": [*shards, str(tmp_path / "nothing")],
    }
    for words, parts in cases.items():
        with pytest.raises(UserError, match=words):
            _merge(tmp_path, parts)
    with pytest.raises(Interrupted):
        request = StopRequest()
        request.number = 15
        merge(str(tmp_path / "begun"), shards, request)
    with pytest.raises(UserError, match=r"begun\.partial was begun by merge"):
        run(tokenizer, file, tmp_path / "begun", resume=True, max_bad_fraction=1)
    for kind in ("bin", "idx", "json"):
        os.link(f"{shards[0]}.{kind}", tmp_path / f"copy.{kind}")
    with pytest.raises(UserError, match="are both shard 0"):
        _merge(tmp_path, [*shards, str(tmp_path / "copy")])
    with pytest.raises(UserError, match="is one of the datasets to be merged"):
        merge(shards[0], shards, StopRequest(), overwrite=True)
    assert not list(tmp_path.glob("merged*"))


def test_a_damaged_or_unfinished_shard_is_refused(tmp_path: Path, shards: list[str]) -> None:
    path = Path(f"{shards[2]}.bin")
    good = path.read_bytes()
    path.write_bytes(good[:-2])
    with pytest.raises(UserError, match=r"part-2\.bin"):
        _merge(tmp_path, shards)
    path.write_bytes(good)
    Path(f"{shards[2]}.json").unlink()
    with pytest.raises(UserError, match=r"part-2\.json: no manifest"):
        _merge(tmp_path, shards)


def test_bytes_that_are_not_those_of_the_manifest_are_noticed_while_copying(
    tmp_path: Path, shards: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("megatron_qm.data.indexed._SMALL_BYTES", 0)  # as with large files: opening reads samples only
    path = Path(f"{shards[3]}.bin")
    data = bytearray(path.read_bytes())
    data[10] ^= 1
    path.write_bytes(data)
    with pytest.raises(UserError, match=r"part-3\.bin: its bytes differ"):
        _merge(tmp_path, shards)
    assert not (tmp_path / "merged.bin").exists()
    data[10] ^= 1
    path.write_bytes(data)
    assert _merge(tmp_path, shards, overwrite=True)["bin"] == (tmp_path / "whole.bin").read_bytes()
    assert sha256(tmp_path / "merged.bin") == json.loads((tmp_path / "merged.json").read_bytes())["checksums"]["bin"]
