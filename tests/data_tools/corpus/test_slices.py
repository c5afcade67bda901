"""A first pass made in slices: joined, it is byte for byte what one run writes, or is refused by name."""

import errno
import fcntl
import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from data_tools.build_corpus import main
from data_tools.corpus.slices import files_of_slice
from data_tools.sources.inputs import Input
from tests.data_tools.corpus.built import build, outcome, write_sources
from tests.data_tools.corpus.toy import TOYS

FILES = 7


@pytest.fixture
def sources(tmp_path: Path) -> tuple[Path, dict[str, Any]]:
    """corpus.yaml of seven files of many sizes, one of them empty, and what one run makes of them."""
    config = write_sources(tmp_path, 150)
    lines = (tmp_path / "a.jsonl").read_bytes().splitlines(keepends=True)
    for name, some in (("0", lines[:3]), ("1", []), ("2", lines[::-1]), ("3", [b"{broken\n"])):
        (tmp_path / f"b.{name}.jsonl").write_bytes(b"".join(some))
    assert build(config) == 0
    made = outcome(tmp_path / "out")
    shutil.rmtree(tmp_path / "out")
    return config, made


def tasks(config: Path, count: int, *which: int) -> None:
    for index in which or range(count):
        assert build(config, "--tasks", str(count), "--task", str(index)) == 0


@pytest.mark.parametrize("compression", ["zst", "none"])
def test_any_number_of_slices_in_any_order_writes_what_one_run_writes(sources: tuple[Path, dict], compression: str) -> None:
    config, made = sources
    out = config.parent / "out"
    if compression == "none":
        config.write_text(config.read_text().replace("stages: {toy", "compression: none\nstages: {toy").replace("once: {}, ", ""))
        assert build(config) == 0
        made = outcome(out)
        shutil.rmtree(out)
    for count in (1, 2, 3, FILES):
        tasks(config, count, *reversed(range(count)))
        assert build(config, "--tasks", str(count)) == 0
        assert build(config) == 0  # what is there is there, however it was made
        assert outcome(out) == made, count
        shutil.rmtree(out)


def test_slices_that_nobody_made_are_made_where_they_are_joined_and_other_counts_do_not_mix(sources: tuple[Path, dict]) -> None:
    config, made = sources
    tasks(config, 3, 1)
    tasks(config, 2, 1)
    assert build(config, "--tasks", "3", "--workers", "2") == 0
    assert outcome(config.parent / "out") == made


def test_one_run_and_slices_take_turns(sources: tuple[Path, dict]) -> None:
    config, made = sources
    out = config.parent / "out"
    tasks(config, 2)
    assert build(config) == 0  # nobody asked for slices: they are not joined
    assert outcome(out) == made
    tasks(config, 2)  # nothing is left to do
    assert outcome(out) == made


def test_every_file_is_of_one_slice_and_slices_are_even() -> None:
    sizes = [5, 0, 700, 10, 10, 10, 10, 10, 10, 0]
    files = [Input(Path(str(number)), "", "jsonl", None, size, 0, "") for number, size in enumerate(sizes)]
    for count in range(1, 20):
        found = [share for index in range(count) for share in files_of_slice(files, index, count)]
        assert [(share.input, share.start, share.stop) for share in found] == [(at, 0, size) for at, size in enumerate(sizes)]
    even = [Input(Path(str(number)), "", "jsonl", None, 100, 0, "") for number in range(12)]
    assert [len(files_of_slice(even, index, 4)) for index in range(4)] == [3, 3, 3, 3]
    assert files_of_slice([], 0, 2) == []


def test_a_slice_that_was_changed_is_refused_by_name(sources: tuple[Path, dict], capsys: pytest.CaptureFixture[str]) -> None:
    config, _ = sources
    tasks(config, 2)
    shard = config.parent / "out/stages/1-toy.partial/slices/00000-of-00002/00000.jsonl.zst"
    data = bytearray(shard.read_bytes())
    data[len(data) // 2] ^= 1
    shard.write_bytes(data)
    assert build(config, "--tasks", "2") == 2
    assert str(shard) in capsys.readouterr().err


def test_a_slice_at_which_another_works_is_left_alone(sources: tuple[Path, dict], capsys: pytest.CaptureFixture[str]) -> None:
    config, _ = sources
    tasks(config, 2, 0)
    folder = config.parent / "out/stages/1-toy.partial/slices/00000-of-00002"
    with open(folder / ".lock", "wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert build(config, "--tasks", "2", "--task", "0") == 2
    assert f"{folder}: another process is at this slice" in capsys.readouterr().err


def test_while_a_task_works_no_run_joins_and_a_second_task_may_work(
    sources: tuple[Path, dict], capsys: pytest.CaptureFixture[str]
) -> None:
    config, _ = sources
    (config.parent / "out").mkdir()
    with open(config.parent / "out/.lock", "wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_SH)
        tasks(config, 2, 1)
        assert build(config, "--tasks", "2") == 2
    assert "another run is writing this corpus" in capsys.readouterr().err


def test_storage_without_locks_is_refused_by_name(
    sources: tuple[Path, dict], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_locks(*_: object) -> None:
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))

    config, _ = sources
    monkeypatch.setattr(fcntl, "flock", no_locks)
    for words in (["--tasks", "2", "--task", "0"], []):
        assert build(config, *words) == 2
        assert f"{config.parent}/out/.lock: cannot be locked: Function not implemented" in capsys.readouterr().err


@pytest.mark.parametrize(("words", "said"), [
    (("--tasks", "0"), "--tasks 0: 1 or more are meant"),
    (("--task", "0"), "--task 0: of how many?"),
    (("--tasks", "2", "--task", "2"), "--task 2: 0 to 1 is meant"),
    (("--tasks", "2", "--task", "-1"), "--task -1: 0 to 1 is meant"),
    (("--tasks", "2", "--task", "1", "--redo", "toy"), "--redo toy: tasks make what is missing"),
    (("--tasks", "8"), "--tasks 8: the sources have 7 files"),
])
def test_slices_that_cannot_be_are_refused(
    sources: tuple[Path, dict], capsys: pytest.CaptureFixture[str], words: tuple[str, ...], said: str
) -> None:
    config, _ = sources
    try:
        code: Any = main(["--config", str(config), *words], TOYS)
    except SystemExit as ended:
        code = ended.code
    assert code == 2 and said in capsys.readouterr().err
    assert not (config.parent / "out").exists()


@pytest.mark.parametrize(("words", "jobs"), [
    ((), ["job toy: 7 tasks: --tasks 7 --task %a", "job once: one task: --tasks 7 --until once",
          "job publish: one task: --tasks 7"]),
    (("--tasks", "2", "--until", "once"), ["job toy: 2 tasks: --tasks 2 --until once --task %a",
                                           "job once: one task: --tasks 2 --until once",
                                           "job publish: one task: --tasks 2 --until once"]),
])
def test_a_dry_run_says_what_a_cluster_would_be_given(
    sources: tuple[Path, dict], capsys: pytest.CaptureFixture[str], words: tuple[str, ...], jobs: list[str]
) -> None:
    config, _ = sources
    assert build(config, *words, "--dry-run") == 0
    shown = capsys.readouterr().out.splitlines()
    assert [line for line in shown if line.startswith("job ")] == jobs
    assert shown[0] == f"output: {config.parent}/out" and not (config.parent / "out").exists()
