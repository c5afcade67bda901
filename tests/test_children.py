"""Who started processes ends, by whatever signal: none of them is left. Real processes, which sleep where ranks would train."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from megatron_qm.children import ended_by_signals
from tests.jobs import wait_for

_SLEEP = 600

# Ranks are `sys.executable -m megatron_qm.cli ...`: here something that says that it is there, and sleeps.
_RANK = f"#!/bin/sh\necho $$ >> \"$PIDS\"\nexec sleep {_SLEEP}\n"
_LAUNCH = """
import sys
from pathlib import Path
from megatron_qm.train.launch import launch_local
sys.executable = sys.argv[1]
sys.exit(launch_local(["pretrain"], 3, Path(sys.argv[2])))
"""
_WALK = """
import sys
from megatron_qm import children
with children.ended_by_signals(), children.running([sys.argv[1]]) as child:
    sys.exit(child.wait())
"""
_DRILL = """
import sys
from pathlib import Path
from megatron_qm.children import ended_by_signals
from megatron_qm.drills.job import finish
sys.executable = sys.argv[1]
with ended_by_signals():
    finish(["pretrain"], Path(sys.argv[2]))
"""
STARTERS = {"ranks": (_LAUNCH, 3), "a step of the quickstart": (_WALK, 1), "a drill": (_DRILL, 1)}
LINUX = pytest.mark.skipif(sys.platform != "linux", reason="the system ends children of a killed process on Linux alone")


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def eventually(condition: Callable[[], bool], seconds: float = 20) -> bool:
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.05)
    return condition()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, pytest.param(signal.SIGKILL, marks=LINUX)])
@pytest.mark.parametrize("what", STARTERS)
def test_none_is_left(what: str, number: signal.Signals, tmp_path: Path) -> None:
    script, count = STARTERS[what]
    rank, pids = tmp_path / "rank", tmp_path / "pids"
    rank.write_text(_RANK)
    rank.chmod(0o755)
    pids.touch()
    starter = subprocess.Popen([sys.executable, "-c", script, str(rank), str(tmp_path / "logs")],
                               env=os.environ | {"PIDS": str(pids)}, start_new_session=True)
    try:
        wait_for(lambda: len(pids.read_text().split()) == count, starter, 60)
        started = [int(pid) for pid in pids.read_text().split()]
        assert all(map(alive, started))
        starter.send_signal(number)
        assert starter.wait(60) != 0
        assert eventually(lambda: not any(map(alive, started)))
    finally:
        for pid in map(int, pids.read_text().split()):
            if alive(pid):
                os.kill(pid, signal.SIGKILL)
        starter.kill()


def test_what_nohup_has_ignored_stays_ignored() -> None:
    previous = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with ended_by_signals():
            os.kill(os.getpid(), signal.SIGHUP)
            with pytest.raises(SystemExit) as ended:
                os.kill(os.getpid(), signal.SIGTERM)
                time.sleep(5)
        assert ended.value.code == 128 + signal.SIGTERM
    finally:
        signal.signal(signal.SIGHUP, previous)


@LINUX
def test_a_chain_ends_with_its_first(tmp_path: Path) -> None:
    """As a drill, its launcher and their ranks: the first is killed and can tell nobody."""
    pids = tmp_path / "pids"
    pids.touch()
    link = ("import os, sys, time\nfrom megatron_qm import children\n"
            "open(sys.argv[1], 'a').write(f'{os.getpid()}\\n')\n"
            "left = int(sys.argv[2])\n"
            "left and children.start([sys.executable, '-c', sys.argv[3], sys.argv[1], str(left - 1), sys.argv[3]],"
            " start_new_session=True)\n"
            f"time.sleep({_SLEEP})\n")
    first = subprocess.Popen([sys.executable, "-c", link, str(pids), "2", link])
    wait_for(lambda: len(pids.read_text().split()) == 3, first, 60)
    first.kill()
    first.wait()
    assert eventually(lambda: not any(alive(int(pid)) for pid in pids.read_text().split()))


def test_verify_resume_leaves_no_ranks_training(recipe: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "megatron_qm.cli", "verify-resume", "--config", str(recipe), "--nproc", "2",
               "--steps", "9999", "--folder", str(tmp_path / "drill")]
    drill = subprocess.Popen(command, env=os.environ | {"OMP_NUM_THREADS": "1"})
    wait_for((tmp_path / "drill" / "undisturbed" / "metrics.jsonl").exists, drill)
    ranks = of_folder(tmp_path)
    assert len(ranks) >= 3  # the launcher, and two ranks
    drill.terminate()
    assert drill.wait(60) == 128 + signal.SIGTERM
    assert eventually(lambda: not of_folder(tmp_path))


def of_folder(folder: Path) -> list[int]:
    """Processes whose command line names it."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            words = (process / "cmdline").read_bytes()
        except OSError:
            continue
        if f"output={folder}".encode() in words:
            found.append(int(process.name))
    return found
