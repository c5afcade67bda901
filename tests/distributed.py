"""Run a function in several processes that form one torch.distributed job, and collect what each returns.

Let one start serve many cases: return a dict of results and assert on it in the test.
"""

import importlib
import json
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from megatron_qm.platform.ports import free_port
from tests import warm
from tests.warm import Process

_POLL_SECONDS = 0.05
_GRACE_SECONDS = 1.0  # the ranks that fail because one has failed: their errors help too
_SHOWN_CHARACTERS = 6000


def run_ranks(
    target: str,
    world_size: int,
    *arguments: Any,
    timeout: float = 120.0,
    environment: dict[str, str] | None = None,
    expect: dict[int, int] | None = None,
) -> list[Any]:
    """Call `target`, "package.module:function" below the repository root, with `arguments` in `world_size` processes.

    Arguments and results travel as JSON. RANK, WORLD_SIZE, LOCAL_RANK, MASTER_ADDR and MASTER_PORT (a free one) are
    set, so megatron_qm.platform's `ranks_from_environment` and `process_group` work unchanged. Returns results by rank.
    expect: exit codes that are wanted from some ranks, such as {1: -9}; the result of such a rank is None.
    Raises AssertionError with the failing rank's stderr; no process is left when this returns.
    """
    port, wanted = free_port(), expect or {}
    with tempfile.TemporaryDirectory(prefix="ranks-") as name:
        folder = Path(name)
        (folder / "arguments.json").write_text(json.dumps(arguments))
        processes = [_start(target, rank, world_size, port, folder, environment or {}) for rank in range(world_size)]
        try:
            _wait(processes, folder, timeout, wanted)
        finally:
            for process in processes:
                if process.poll() is None:
                    process.kill()
                process.wait()
        return [_result(folder, rank) for rank in range(world_size)]


def _start(target: str, rank: int, world_size: int, port: int, folder: Path, more: dict[str, str]) -> Process:
    environment = os.environ | {
        "RANK": str(rank), "LOCAL_RANK": str(rank), "WORLD_SIZE": str(world_size),
        "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "OMP_NUM_THREADS": "1",
    } | more
    # Files, not pipes: a process that outlives a killed rank would hold a pipe open for ever.
    return warm.start("tests.distributed", [target, str(folder)], environment, folder / f"out-{rank}", folder / f"err-{rank}")


def _wait(
    processes: list[Process], folder: Path, timeout: float, wanted: dict[int, int]
) -> None:
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        if _failed(processes, wanted):
            time.sleep(_GRACE_SECONDS)
            failed = _failed(processes, wanted)
            raise AssertionError("\n".join(_report(rank, processes[rank], folder) for rank in failed))
        if all(process.poll() is not None for process in processes):
            return
        time.sleep(_POLL_SECONDS)
    running = [rank for rank, process in enumerate(processes) if process.poll() is None]
    reports = "\n".join(_report(rank, processes[rank], folder) for rank in running)
    raise AssertionError(f"ranks {running} still ran after {timeout:g} s\n{reports}")


def _failed(processes: list[Process], wanted: dict[int, int]) -> list[int]:
    codes = [process.poll() for process in processes]
    return [rank for rank, code in enumerate(codes) if code is not None and code != wanted.get(rank, 0)]


def _report(rank: int, process: Process, folder: Path) -> str:
    texts = [(folder / f"{stream}-{rank}").read_text(errors="replace") for stream in ("out", "err")]
    shown = "\n".join(text[-_SHOWN_CHARACTERS:] for text in texts)
    return f"--- rank {rank}, exit code {process.returncode}\n{shown}"


def _result(folder: Path, rank: int) -> Any:
    path = folder / f"result-{rank}.json"
    return json.loads(path.read_text()) if path.exists() else None


def _main(target: str, folder: Path) -> None:
    """In the child: call the function and leave its result in a file."""
    module, _, function = target.partition(":")
    arguments = json.loads((folder / "arguments.json").read_text())
    result = getattr(importlib.import_module(module), function)(*arguments)
    (folder / f"result-{os.environ['RANK']}.json").write_text(json.dumps(result))


if __name__ == "__main__":  # also keeps multiprocessing's children from starting the function again
    _main(sys.argv[1], Path(sys.argv[2]))
