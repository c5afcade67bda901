"""The launcher of every multi-process test: results come back, failures are shown, nothing is left behind."""

import os
import signal
import time

import pytest

from tests.distributed import run_ranks


def echo(word: str, number: int) -> dict[str, object]:
    names = ("RANK", "WORLD_SIZE", "LOCAL_RANK", "MASTER_ADDR", "OMP_NUM_THREADS")
    return {"word": word, "number": number, "port": int(os.environ["MASTER_PORT"]), **{n: os.environ[n] for n in names}}


def fail_on_rank_one(pid_folder: str) -> None:
    rank = os.environ["RANK"]
    with open(os.path.join(pid_folder, rank), "w") as stream:
        stream.write(str(os.getpid()))
    if rank == "1":
        raise ValueError("the wrong kind of number")
    time.sleep(600)


def die_on_rank_one() -> str:
    if os.environ["RANK"] == "1":
        os.kill(os.getpid(), signal.SIGKILL)
    return "alive"


def never_end() -> None:
    time.sleep(600)


def test_results_by_rank() -> None:
    results = run_ranks("tests.test_distributed:echo", 2, "医学", 3)
    assert [result["RANK"] for result in results] == ["0", "1"]
    assert {(r["word"], r["number"], r["WORLD_SIZE"], r["OMP_NUM_THREADS"]) for r in results} == {("医学", 3, "2", "1")}
    assert results[0]["port"] == results[1]["port"] > 0


def test_failing_rank_is_shown_and_the_others_are_stopped(tmp_path) -> None:
    with pytest.raises(AssertionError, match="(?s)rank 1, exit code 1.*the wrong kind of number"):
        run_ranks("tests.test_distributed:fail_on_rank_one", 2, str(tmp_path))
    for path in tmp_path.iterdir():
        with pytest.raises(ProcessLookupError):
            os.kill(int(path.read_text()), 0)


def test_timeout_and_expected_death() -> None:
    with pytest.raises(AssertionError, match="still ran after 0.2 s"):
        run_ranks("tests.test_distributed:never_end", 1, timeout=0.2)
    assert run_ranks("tests.test_distributed:die_on_rank_one", 2, expect={1: -9}) == ["alive", None]
