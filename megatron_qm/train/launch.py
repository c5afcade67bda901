"""`--nproc N`: this program N times on this machine, as torchrun would, without importing torch to do so."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from megatron_qm import children
from megatron_qm.exits import DONE, STOPPED, USER_MUST_MEND
from megatron_qm.files import make_folder, obstacles_named, remove_empty
from megatron_qm.platform.ports import free_port

_POLL_SECONDS = 0.1
_GRACE_SECONDS = 3.0
_LOGS = "rank-*.log"


def launch_local(arguments: Sequence[str], processes: int, logs: Path, begun: Path | None = None) -> int:
    """Run `python -m megatron_qm.cli ARGUMENTS` as ranks 0 .. processes-1 and return the first bad exit code, or 0.

    Rank 0 keeps the terminal; the others write to `logs`/rank-N.log. When one fails the rest are stopped; when this process
    ends, however it does, so do they. begun: a file that changes once the work begins; what rank 0 refuses before that leaves the
    logs as they were. Raises UserError where the logs cannot be written.
    """
    before = _Before(logs, begun)
    port = free_port()
    ranks: list[subprocess.Popen[bytes]] = []
    previous = {number: signal.signal(number, lambda got, _: _forward(ranks, got))
                for number in (signal.SIGTERM, signal.SIGUSR1)}
    try:
        for rank in range(processes):
            ranks.append(_start(arguments, rank, processes, port, logs))
        first, code = _wait(ranks)
    finally:
        _stop(ranks)
        for number, handler in previous.items():
            signal.signal(number, handler)
    if ranks[0].returncode == USER_MUST_MEND:  # its sentence stands on the terminal; the others have said the same
        before.bring_back()
    elif first is not None:
        _report(first, code, logs)
    return code if code >= 0 else 128 - code


class _Before:
    """What the logs were before any rank wrote, and the file that changes once the work begins."""

    def __init__(self, logs: Path, begun: Path | None) -> None:
        self._made, self._logs, self._begun = make_folder(logs), logs, begun
        self._stats = {path: path.stat() for path in logs.glob(_LOGS)}
        self._mark = _mark(begun)

    def bring_back(self) -> None:
        if self._begun is None or _mark(self._begun) != self._mark:
            return
        for path in self._logs.glob(_LOGS):
            stat = self._stats.get(path)
            if stat is None:
                path.unlink()
            elif path.stat().st_size > stat.st_size:
                os.truncate(path, stat.st_size)
                os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
        remove_empty(self._made)


def _mark(path: Path | None) -> tuple[int, int] | None:
    if path is None or not path.is_file():
        return None
    return path.stat().st_size, path.stat().st_mtime_ns


def _start(arguments: Sequence[str], rank: int, processes: int, port: int, logs: Path) -> subprocess.Popen[bytes]:
    environment = os.environ | {
        "RANK": str(rank), "WORLD_SIZE": str(processes), "LOCAL_RANK": str(rank),
        "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "PYTHONFAULTHANDLER": "1",
    }
    # Ranks on one CPU share its cores; each taking all of them is several times slower.
    environment.setdefault("OMP_NUM_THREADS", str(max(1, (os.cpu_count() or 1) // processes)))
    command = [sys.executable, "-m", "megatron_qm.cli", *arguments]
    if rank == 0:
        return children.start(command, env=environment)
    path = logs / f"rank-{rank}.log"
    with obstacles_named(path):
        log = open(path, "ab")  # noqa: SIM115  closed below
    with log:
        return children.start(command, env=environment, stdout=log, stderr=log, stdin=subprocess.DEVNULL)


def _wait(ranks: Sequence[subprocess.Popen[bytes]]) -> tuple[int | None, int]:
    """(the first rank that ended badly, its exit code) as soon as there is one; (None, the job's exit code) once all are done."""
    while True:
        polled = ((rank, child.poll()) for rank, child in enumerate(ranks))
        ended = {rank: code for rank, code in polled if code is not None}
        bad = next(((rank, code) for rank, code in ended.items() if code not in (DONE, STOPPED)), None)
        if bad is not None:
            return bad
        if len(ended) == len(ranks):
            return None, max(ended.values())  # all done, or all stopped by a signal
        time.sleep(_POLL_SECONDS)


def _report(rank: int, code: int, logs: Path) -> None:
    """Say which rank ended the job; rank 0 has already spoken on the terminal."""
    how = f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"
    if rank == 0 and code > 0:
        return
    log = logs / f"rank-{rank}.log"
    tail = log.read_text(errors="replace").strip().splitlines()[-1:] if rank and log.exists() else []
    where = f"; its log is {log}" if rank else ""
    print(f"error: rank {rank} {how}{where}", *tail, sep="\n  ", file=sys.stderr)


def _forward(ranks: list[subprocess.Popen[bytes]], number: int) -> None:
    for child in ranks:
        if child.poll() is None:
            child.send_signal(number)


def _stop(ranks: list[subprocess.Popen[bytes]]) -> None:
    """One rank has failed: the others have a moment to say the same, and are then ended (SIGTERM would ask for a save)."""
    deadline = time.monotonic() + _GRACE_SECONDS
    for child in ranks:
        try:
            child.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
