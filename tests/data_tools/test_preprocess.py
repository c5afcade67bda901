import fcntl
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from data_tools import run as run_module
from data_tools.options import Options
from data_tools.pipeline import preprocess
from data_tools.stopping import Interrupted, StopRequest
from megatron_qm.data.indexed import IndexedDataset
from megatron_qm.errors import UserError
from tests.data_tools.corpus import (
    contents,
    json_lines,
    megatron_bytes,
    reference_ids,
    rejects,
    run,
    texts,
    tokens,
    write_file,
    write_tokenizer,
)

SCRIPT = Path(__file__).parents[2] / "data_tools/preprocess.py"


def _command(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, SCRIPT, *map(str, arguments)], capture_output=True, text=True, timeout=120)


@pytest.mark.parametrize("append_eod", [False, True])
@pytest.mark.parametrize("name", ["a.jsonl", "a.jsonl.gz", "a.jsonl.zst", "a.parquet"])
def test_the_bytes_are_megatrons_of_hfs_ids(tokenizer: Path, tmp_path: Path, name: str, append_eod: bool) -> None:
    documents = texts(300)
    if name == "a.parquet":
        _write_parquet(tmp_path / name, documents)
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


def _write_parquet(path: Path, documents: list, column: str = "text") -> None:
    import pyarrow as arrow
    import pyarrow.parquet as parquet

    parquet.write_table(arrow.table({"n": range(len(documents)), column: documents}), path, row_group_size=37)


def test_parquet_rejects_and_schema(tokenizer: Path, tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    _write_parquet(path, ["one", None, "", "x" * 500, "two"])
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


@pytest.mark.parametrize("name", ["a.jsonl", "a.jsonl.gz", "a.parquet", "a.txt"])
def test_a_stopped_run_goes_on_to_the_same_bytes(tokenizer: Path, tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    noise = random.Random(1)  # a block of a compressed file is what 16 KiB of it hold
    documents = [f"{text} {noise.randbytes(150).hex()}".replace("\n", " ") for text in texts(600)]
    if name == "a.parquet":
        _write_parquet(path, documents)
    else:
        write_file(path, "\n".join(documents).encode() if name == "a.txt" else json_lines(documents) + b"bad\n")
    options = {"append_eod": True, "workers": 2, "block_bytes": 1000, "commit_seconds": 0.0, "max_bad_fraction": 1.0}
    whole = run(tokenizer, path, tmp_path / "whole", **options)
    stops = 0
    while not (tmp_path / "set.json").exists():
        stop = _StopAfter(10 if name in ("a.jsonl", "a.txt") else 2)
        asked = Options([str(path)], str(tmp_path / "set"), str(tokenizer), resume=True, **options)
        try:
            preprocess(asked, stop)
        except Interrupted as interruption:
            stops += 1
            assert interruption.exit_code == 143 and "--resume" in str(interruption)
            assert not (tmp_path / "set.bin").exists()
    assert stops > 2
    assert contents(tmp_path / "set") == whole


class _StopAfter(StopRequest):
    """Asks to stop when it was looked at a number of times."""

    def __init__(self, looks: int) -> None:
        self._left = looks

    @property
    def number(self) -> int | None:  # type: ignore[override]
        self._left -= 1
        return signal.SIGTERM if self._left <= 0 else None


def _stopped(tokenizer: Path, path: Path, prefix: Path, **options: object) -> None:
    """Leave an unfinished run at `prefix`."""
    with pytest.raises(Interrupted):
        options = {"append_eod": True, "block_bytes": 500, **options}
        preprocess(Options([str(path)], str(prefix), str(tokenizer), **options), _StopAfter(2))


def test_resume_refuses_other_work_and_names_it(tokenizer: Path, tmp_path: Path) -> None:
    path = write_file(tmp_path / "a.jsonl", json_lines(texts(100)))
    prefix = tmp_path / "set"
    _stopped(tokenizer, path, prefix)
    other_tokenizer = write_tokenizer(tmp_path / "other", 350)
    refused = {
        "--append-eod was True, is False": {"append_eod": False},
        "--text-key was 'text', is 'body'": {"text_key": "body"},
        "shard 0 of 1 was asked for, now 1 of 2": {"shard_index": 1, "shard_count": 2},
    }
    for words, changed in refused.items():
        with pytest.raises(UserError, match=words):
            run(tokenizer, path, prefix, resume=True, **changed)
    with pytest.raises(UserError, match="tokenizer was another file"):
        run(other_tokenizer, path, prefix, resume=True)
    with pytest.raises(UserError, match="input b.jsonl is new"):
        run(tokenizer, [path, write_file(tmp_path / "b.jsonl", json_lines(texts(1)))], prefix, resume=True)
    before = path.stat()
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns + 1))
    with pytest.raises(UserError, match=r"a\.jsonl: its time of change changed"):
        run(tokenizer, path, prefix, resume=True)
    data = path.read_bytes()
    path.write_bytes(data[:-3] + b"X" + data[-2:])
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    with pytest.raises(UserError, match=r"a\.jsonl: its contents changed"):
        run(tokenizer, path, prefix, resume=True)
    path.write_bytes(data + b"{}\n")
    with pytest.raises(UserError, match=r"a\.jsonl: its size changed \(\d+ bytes, now \d+\)"):
        run(tokenizer, path, prefix, resume=True)
    path.write_bytes(data)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert run(tokenizer, path, prefix, resume=True) == run(tokenizer, path, prefix, overwrite=True)


def test_finished_and_unfinished_work_is_not_trodden_on(tokenizer: Path, tmp_path: Path) -> None:
    path = write_file(tmp_path / "a.jsonl", json_lines(texts(100)))
    other = write_file(tmp_path / "b.jsonl", json_lines(texts(50, 5)))
    prefix = tmp_path / "set"
    first = run(tokenizer, path, prefix)
    with pytest.raises(UserError, match=r"set\.bin: exists already; --overwrite"):
        run(tokenizer, other, prefix)
    assert run(tokenizer, path, prefix, resume=True) == first  # a requeued job finds its work done
    with pytest.raises(UserError, match=r"set\.bin is finished, but was made otherwise: input a\.jsonl is gone"):
        run(tokenizer, other, prefix, resume=True)
    _stopped(tokenizer, other, prefix, overwrite=True)
    assert contents(prefix) == first  # the old dataset lives until the new one is whole
    with pytest.raises(UserError, match=r"set\.partial: an unfinished run lies here; --resume"):
        run(tokenizer, other, prefix)
    second = run(tokenizer, other, prefix, resume=True)
    assert second == run(tokenizer, other, tmp_path / "elsewhere") != first


def test_raw_data_under_the_name_of_the_manifest_is_left_alone(tokenizer: Path, tmp_path: Path) -> None:
    path = write_file(tmp_path / "set.json", json_lines(texts(5)))
    with pytest.raises(UserError, match=r"set\.json: is a file that --output-prefix"):
        run(tokenizer, path, tmp_path / "set", overwrite=True)
    other = write_file(tmp_path / "a.jsonl", json_lines(texts(5)))
    with pytest.raises(UserError, match=r"set\.json: exists and is no manifest"):
        run(tokenizer, other, tmp_path / "set", overwrite=True)
    assert path.read_bytes() == json_lines(texts(5))
    assert not (tmp_path / "set.partial").exists()


def test_an_input_that_changes_under_the_run_is_noticed(
    tokenizer: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_file(tmp_path / "a.jsonl", json_lines(texts(50)))
    real = run_module.Run._append

    def append_and_touch(self: run_module.Run, batch: object) -> None:
        real(self, batch)  # type: ignore[arg-type]
        path.write_bytes(path.read_bytes() + b"{}\n")

    monkeypatch.setattr(run_module.Run, "_append", append_and_touch)
    with pytest.raises(UserError, match=r"a\.jsonl: changed while it was read"):
        run(tokenizer, path, tmp_path / "set", block_bytes=1 << 20)
    assert not (tmp_path / "set.bin").exists()


def test_two_runs_on_one_prefix(tokenizer: Path, tmp_path: Path) -> None:
    path = write_file(tmp_path / "a.jsonl", json_lines(texts(10)))
    (tmp_path / "set.partial").mkdir()
    with open(tmp_path / "set.partial/lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for flag in ({}, {"resume": True}, {"overwrite": True}):
            with pytest.raises(UserError, match=r"set\.partial: another run is writing"):
                run(tokenizer, path, tmp_path / "set", **flag)
    run(tokenizer, path, tmp_path / "set")


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
    assert not (tmp_path / "set.bin").exists()
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


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--input", "none.jsonl"], "none.jsonl: no such file"),
        (["--tokenizer", "nowhere"], "--tokenizer nowhere"),
        (["--output-prefix", "out/set.bin"], "give it without .bin"),
        (["--output-prefix", "."], "is a folder"),
        (["--eod-token", "x"], "--eod-token without --append-eod"),
        (["--resume", "--overwrite"], "choose one"),
        (["--shard-index", "0"], "belong together"),
        (["--shard-index", "4", "--shard-count", "4"], "0 to 3"),
        (["--max-bad-fraction", "2"], "--max-bad-fraction 2.0"),
        (["--max-bad-fraction", "nan"], "--max-bad-fraction nan"),
        (["--workers", "0"], "--workers 0"),
        (["--text-key", ""], "--text-key is empty"),
    ],
)
def test_what_the_command_line_refuses(
    tokenizer: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
    arguments: list[str], words: str,
) -> None:  # fmt: skip
    from data_tools.preprocess import main

    monkeypatch.chdir(tmp_path)
    write_file(tmp_path / "a.jsonl", json_lines(texts(5)))
    usual = ["--input", "a.jsonl", "--output-prefix", "set", "--tokenizer", str(tokenizer)]
    assert main([*usual, *arguments]) == 2
    assert "error: " in capsys.readouterr().err.replace("\n", " ") and not list(tmp_path.glob("set*"))
    main([*usual, *arguments])
    assert words in capsys.readouterr().err


def test_the_script_runs_from_anywhere(tokenizer: Path, tmp_path: Path) -> None:
    path = write_file(tmp_path / "a.jsonl", json_lines(texts(20)))
    done = _command("--input", path, "--output-prefix", tmp_path / "set", "--tokenizer", tokenizer, "--append-eod")
    assert (done.returncode, done.stdout) == (0, "") and "20 documents" in done.stderr
    assert contents(tmp_path / "set") == run(tokenizer, path, tmp_path / "again")
    again = _command("--input", path, "--output-prefix", tmp_path / "set", "--tokenizer", tokenizer)
    assert again.returncode == 2 and again.stderr.startswith("error: ") and "Traceback" not in again.stderr


def test_a_signal_stops_cleanly(tokenizer: Path, tmp_path: Path) -> None:
    path = write_file(tmp_path / "a.jsonl", json_lines(texts(2000)) * 500)
    command = [sys.executable, SCRIPT, "--input", path, "--output-prefix", tmp_path / "set", "--tokenizer", tokenizer]
    process = subprocess.Popen([str(word) for word in command], stderr=subprocess.PIPE, text=True)
    while not (tmp_path / "set.partial/tokens.bin").exists() and process.poll() is None:
        time.sleep(0.001)
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=120)
    assert process.returncode == 130, stderr
    assert "--resume" in stderr and "Traceback" not in stderr
    assert not (tmp_path / "set.bin").exists()
