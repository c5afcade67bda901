"""Runs that were stopped, and what lies where a run wants to write."""

import fcntl
import os
import random
import signal
from pathlib import Path

import pytest

from data_tools import run as run_module
from data_tools.options import Options
from data_tools.pipeline import preprocess
from data_tools.stopping import Interrupted, StopRequest
from megatron_qm.errors import UserError
from tests.data_tools.raw_texts import contents, json_lines, run, texts, write_file, write_parquet, write_tokenizer


@pytest.mark.parametrize("name", ["a.jsonl", "a.jsonl.gz", "a.parquet", "a.txt"])
def test_a_stopped_run_goes_on_to_the_same_bytes(tokenizer: Path, tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    noise = random.Random(1)  # a block of a compressed file is what 16 KiB of it hold
    documents = [f"{text} {noise.randbytes(150).hex()}".replace("\n", " ") for text in texts(600)]
    if name == "a.parquet":
        write_parquet(path, documents)
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
