"""Raw text to a dataset: its bytes, the lines that are refused, what its manifest says and is checked for."""

import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest

from data_tools import run as run_module
from data_tools.options import Options
from data_tools.pipeline import preprocess
from data_tools.stopping import StopRequest
from megatron_qm.data.indexed import IndexedDataset
from megatron_qm.errors import UserError
from tests.data_tools.raw_texts import (
    json_lines,
    megatron_bytes,
    reference_ids,
    rejects,
    run,
    texts,
    tokens,
    write_file,
    write_parquet,
)


@pytest.mark.parametrize("append_eod", [False, True])
@pytest.mark.parametrize("name", ["a.jsonl", "a.jsonl.gz", "a.jsonl.zst", "a.parquet"])
def test_the_bytes_are_megatrons_of_hfs_ids(tokenizer: Path, tmp_path: Path, name: str, append_eod: bool) -> None:
    documents = texts(300)
    if name == "a.parquet":
        write_parquet(tmp_path / name, documents)
    else:
        write_file(tmp_path / name, json_lines(documents))
    written = run(tokenizer, tmp_path / name, tmp_path / "out/set", append_eod=append_eod)
    ids = reference_ids(tokenizer, documents, append_eod)
    assert (written["bin"], written["idx"]) == megatron_bytes(ids, np.uint16, tmp_path)
    manifest = json.loads(written["json"])
    assert (manifest["documents"], manifest["tokens"]) == (300, sum(map(len, ids)))
    assert manifest["tokenizer"]["eod_id"] == (0 if append_eod else None)
    assert IndexedDataset.open(tmp_path / "out/set", verify=True).documents == 300
    assert sorted(os.listdir(tmp_path / "out")) == ["set.bin", "set.idx", "set.json", "set.rejects"]


def test_a_large_vocabulary_is_int32(tmp_path: Path) -> None:
    import tokenizers

    vocabulary = {"[UNK]": 0} | {f"w{number}": number for number in range(1, 65_500)}
    hf = tokenizers.Tokenizer(tokenizers.models.WordLevel(vocabulary, unk_token="[UNK]"))
    hf.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    hf.save(str(tmp_path / "tokenizer.json"))
    documents = ["w7 w65499 other", "w1"]
    written = run(tmp_path, write_file(tmp_path / "a.jsonl", json_lines(documents)), tmp_path / "set", append_eod=False)
    assert (written["bin"], written["idx"]) == megatron_bytes([[7, 65499, 0], [1]], np.int32, tmp_path / "theirs")


def test_workers_and_block_sizes_change_nothing(tokenizer: Path, tmp_path: Path) -> None:
    files = [write_file(tmp_path / f"{number}.jsonl", json_lines(texts(120, number)) + b"bad\n") for number in range(3)]
    options = {"max_bad_fraction": 1.0, "overwrite": True}
    first = run(tokenizer, files, tmp_path / "set", workers=1, **options)
    for workers, block_bytes in ((2, 1), (3, 1000), (8, 1 << 20), (1, 777)):
        assert run(tokenizer, files, tmp_path / "set", workers=workers, block_bytes=block_bytes, **options) == first
    assert rejects(first["rejects"]) == [(f"{number}.jsonl", 121, "broken JSON") for number in range(3)]


def test_bad_lines_are_listed_and_counted_and_the_rest_is_kept(tokenizer: Path, tmp_path: Path) -> None:
    good = texts(40)
    lines = json_lines(good).splitlines(keepends=True)
    lines[10:10] = [b'{"text": "\\ud800"}\n', b"{\n", b"\n", b'{"text": "' + b"a" * 5000 + b'"}\n']
    lines[30:30] = [b'{"other": 1}\n', b'{"text": "\xff"}\n', b'{"text": ""}\n']
    path = write_file(tmp_path / "a.jsonl", b"".join(lines))
    written = run(tokenizer, path, tmp_path / "set", max_bad_fraction=0.5, max_document_bytes=4000, block_bytes=300)
    assert rejects(written["rejects"]) == [
        ("a.jsonl", 11, "lone surrogate"), ("a.jsonl", 12, "broken JSON"), ("a.jsonl", 13, "empty line"),
        ("a.jsonl", 14, "document too long"), ("a.jsonl", 31, "missing key"), ("a.jsonl", 32, "invalid UTF-8"),
        ("a.jsonl", 33, "empty text"),
    ]  # fmt: skip
    assert tokens(written).tolist() == [token for ids in reference_ids(tokenizer, good) for token in ids]
    counts = json.loads(written["json"])["inputs"][0]
    assert (counts["lines"], counts["documents"], sum(counts["rejects"].values())) == (47, 40, 7)


def test_documents_without_tokens_are_rejected(tmp_path: Path) -> None:
    import tokenizers

    hf = tokenizers.Tokenizer(tokenizers.models.WordLevel({"[UNK]": 0, "a": 1}, unk_token="[UNK]"))
    hf.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    hf.save(str(tmp_path / "tokenizer.json"))
    path = write_file(tmp_path / "a.jsonl", json_lines(["a", "  ", "a a", "\n"]))
    written = run(tmp_path, path, tmp_path / "set", append_eod=False, max_bad_fraction=0.5)
    assert rejects(written["rejects"]) == [("a.jsonl", 2, "no tokens"), ("a.jsonl", 4, "no tokens")]
    assert tokens(written).tolist() == [1, 1, 1]
    assert IndexedDataset.open(tmp_path / "set").documents == 2


def test_too_many_bad_lines_stop_the_run_and_lose_nothing(tokenizer: Path, tmp_path: Path) -> None:
    path = write_file(tmp_path / "a.jsonl", json_lines(texts(50)) + b"bad\n" * 10)
    prefix = tmp_path / "set"
    with pytest.raises(UserError, match=r"10 of 60 lines .* 10 broken JSON.*set\.partial/rejects.*--resume"):
        run(tokenizer, path, prefix, max_bad_fraction=0.1)
    assert sorted(os.listdir(tmp_path)) == ["a.jsonl", "set.partial"]
    accepted = run(tokenizer, path, prefix, max_bad_fraction=0.2, resume=True)
    assert accepted == run(tokenizer, path, prefix, max_bad_fraction=0.2, overwrite=True)


def test_too_many_bad_lines_stop_early(tokenizer: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_module, "_LINES_BEFORE_JUDGING", 20)
    path = write_file(tmp_path / "a.jsonl", b"bad\n" * 30 + json_lines(texts(2000)))
    with pytest.raises(UserError, match="over --max-bad-fraction 0.1"):
        run(tokenizer, path, tmp_path / "set", max_bad_fraction=0.1, block_bytes=200)
    assert (tmp_path / "set.partial/tokens.bin").stat().st_size == 0
    accepted = run(tokenizer, path, tmp_path / "set", max_bad_fraction=0.9, resume=True)
    assert json.loads(accepted["json"])["documents"] == 2000


@pytest.mark.parametrize("kind", ["line", "file"])
def test_plain_text(tokenizer: Path, tmp_path: Path, kind: str) -> None:
    files = [write_file(tmp_path / "a.txt", b"one\ntwo\n"), write_file(tmp_path / "b.txt.gz", b"three\n")]
    written = run(tokenizer, files, tmp_path / "set", text_documents=kind)
    expected = ["one", "two", "three"] if kind == "line" else ["one\ntwo\n", "three\n"]
    assert tokens(written).tolist() == [token for ids in reference_ids(tokenizer, expected) for token in ids]


def test_a_text_file_with_blank_lines_asks_whether_it_is_one_document(tokenizer: Path, tmp_path: Path) -> None:
    path = write_file(tmp_path / "book.txt", b"one\n\ntwo\n\nthree\n")
    with pytest.raises(UserError, match="--text-documents file"):
        run(tokenizer, path, tmp_path / "set")


def test_parquet_rejects_and_schema(tokenizer: Path, tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    write_parquet(path, ["one", None, "", "x" * 500, "two"])
    written = run(tokenizer, path, tmp_path / "set", max_bad_fraction=1, max_document_bytes=400)
    assert rejects(written["rejects"]) == [
        ("a.parquet", 2, "not a string"), ("a.parquet", 3, "empty text"), ("a.parquet", 4, "document too long"),
    ]  # fmt: skip
    assert json.loads(written["json"])["documents"] == 2
    with pytest.raises(UserError, match=r"a\.parquet: no column 'body'.*n, text"):
        run(tokenizer, path, tmp_path / "other", text_key="body")
    with pytest.raises(UserError, match=r"a\.parquet: column 'n' holds int64"):
        run(tokenizer, path, tmp_path / "other", text_key="n")
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(UserError, match=r"a\.parquet: not a readable Parquet file"):
        run(tokenizer, path, tmp_path / "other")


@pytest.mark.parametrize("kind", ["string", "large_string", "string_view", "dictionary"])
def test_parquet_holds_text_in_any_of_its_types(tokenizer: Path, tmp_path: Path, kind: str) -> None:
    import pyarrow as arrow
    import pyarrow.parquet as parquet

    documents = [f"{text} and more" for text in texts(30)] * 2
    column = arrow.array(documents)
    column = column.dictionary_encode() if kind == "dictionary" else column.cast(getattr(arrow, kind)())
    parquet.write_table(arrow.table({"text": column}), tmp_path / "a.parquet", row_group_size=7)
    written = run(tokenizer, tmp_path / "a.parquet", tmp_path / "set")
    assert tokens(written).tolist() == [token for ids in reference_ids(tokenizer, documents) for token in ids]


def test_two_columns_of_one_name_are_refused(tokenizer: Path, tmp_path: Path) -> None:
    import pyarrow as arrow
    import pyarrow.parquet as parquet

    table = arrow.Table.from_arrays([arrow.array(["one"]), arrow.array(["two"])], names=["text", "text"])
    parquet.write_table(table, tmp_path / "a.parquet")
    with pytest.raises(UserError, match=r"a\.parquet: 2 columns 'text' \(--text-key\)"):
        run(tokenizer, tmp_path / "a.parquet", tmp_path / "set")


def test_the_first_false_id_stops_the_run(tokenizer: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from data_tools import job
    from data_tools import tokenizer as module

    def load(*arguments: object, **options: object) -> module.Tokenizer:
        loaded = real(*arguments, **options)

        def encode(batch: list[str]) -> tuple[np.ndarray, np.ndarray]:
            ids, offsets = loaded.encode(batch)
            ids = ids.copy()
            ids[offsets[:-1] + 2] += 1
            return ids, offsets

        return module.Tokenizer(**{**vars(loaded), "encode": encode})

    real = job.load_tokenizer
    monkeypatch.setattr(job, "load_tokenizer", load)
    path = write_file(tmp_path / "a.jsonl", b"bad\n" + json_lines(["patient 55 mg"]))
    with pytest.raises(UserError, match=r"a\.jsonl, line 2: token 2 of the document is \d+ from fastokens and \d+"):
        run(tokenizer, path, tmp_path / "set", max_bad_fraction=1)
    assert not (tmp_path / "set.bin").exists()


def test_verify_finds_what_checksums_and_inputs_do_not_give(tokenizer: Path, tmp_path: Path) -> None:
    path = write_file(tmp_path / "a.jsonl", json_lines(texts(100)) + b"bad\n")
    prefix = tmp_path / "set"
    options = {"max_bad_fraction": 1.0, "verify": True}
    written = run(tokenizer, path, prefix, **options)
    assert run(tokenizer, path, prefix, **options) == written  # of a dataset that is there: only verified
    manifest = json.loads(written["json"])
    for kind, offset in (("bin", 100), ("idx", 40)):
        data = bytearray(written[kind])
        data[offset] ^= 1
        Path(f"{prefix}.{kind}").write_bytes(data)
        with pytest.raises(UserError, match=rf"set\.{kind}"):
            run(tokenizer, path, prefix, **options)
        Path(f"{prefix}.{kind}").write_bytes(written[kind])
    # Other tokens with a manifest to match: only tokenising again tells.
    data = bytearray(written["bin"])
    data[100] ^= 1
    (tmp_path / "set.bin").write_bytes(data)
    import hashlib

    manifest["checksums"]["bin"] = hashlib.sha256(data).hexdigest()
    (tmp_path / "set.json").write_text(json.dumps(manifest, indent=2))
    with pytest.raises(UserError, match=r"set\.bin: token 50, in document \d+ of .*a\.jsonl"):
        run(tokenizer, path, prefix, **options)


def test_equal_runs_on_other_machines_give_equal_manifests(tokenizer: Path, tmp_path: Path) -> None:
    results = []
    for place in ("here", "there"):
        shutil.copytree(tokenizer, tmp_path / place / "tokenizer")
        path = write_file(tmp_path / place / "raw/a.jsonl", json_lines(texts(20)))
        results.append(run(tmp_path / place / "tokenizer", path, tmp_path / place / "set"))
    assert results[0] == results[1]


def test_inputs_without_a_document_make_no_dataset(tokenizer: Path, tmp_path: Path) -> None:
    empty = write_file(tmp_path / "empty.jsonl", b"")
    with pytest.raises(UserError, match=r"empty\.jsonl: all inputs are empty"):
        run(tokenizer, empty, tmp_path / "set")
    bad = write_file(tmp_path / "bad.jsonl", b"{\n")
    with pytest.raises(UserError, match="no documents in .*empty.jsonl, .*bad.jsonl"):
        run(tokenizer, [empty, bad], tmp_path / "set", max_bad_fraction=1)
    with pytest.raises(UserError, match="no documents in .*bad.jsonl"):
        run(tokenizer, [empty, bad], tmp_path / "new" / "set", max_bad_fraction=1)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bad.jsonl", "empty.jsonl"]
    written = run(tokenizer, [empty, write_file(tmp_path / "a.jsonl", json_lines(texts(2)))], tmp_path / "ok")
    assert [item["documents"] for item in json.loads(written["json"])["inputs"]] == [0, 2]


def test_rejects_go_where_they_are_asked_to(tokenizer: Path, tmp_path: Path) -> None:
    path = write_file(tmp_path / "a.jsonl", json_lines(texts(5)) + b"bad\n")
    preprocess(
        Options([str(path)], str(tmp_path / "set"), str(tokenizer), max_bad_fraction=1,
                rejects=str(tmp_path / "deep/list.jsonl")), StopRequest(),
    )  # fmt: skip
    assert rejects((tmp_path / "deep/list.jsonl").read_bytes()) == [("a.jsonl", 6, "broken JSON")]
    assert not (tmp_path / "set.rejects").exists()
