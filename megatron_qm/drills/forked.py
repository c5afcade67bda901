"""A run whose ranks are forked from this process, which has torch and Megatron imported: a start takes a second, not ten.

For drills that start a run some hundred times. The parent must not have used torch's threads or process groups.
"""

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import torch

from megatron_qm.children import end_with
from megatron_qm.config.run import RunConfig
from megatron_qm.exits import DONE, STOPPED
from megatron_qm.platform.ports import free_port
from megatron_qm.training import train

_END_SECONDS = 5.0  # for the others to notice, before they are ended


class ForkedJob:
    """All ranks of one start of a run, as children of this process."""

    def __init__(self, config: RunConfig, ranks: int, ranks_per_node: int) -> None:
        self._ranks, self._ranks_per_node = ranks, ranks_per_node
        self.output = Path(config.output)
        self.output.mkdir(parents=True, exist_ok=True)
        port = free_port()
        self.pids = [self._fork(rank, config, port) for rank in range(ranks)]
        self.codes: dict[int, int] = {}

    def _fork(self, rank: int, config: RunConfig, port: int) -> int:
        parent = os.getpid()
        pid = os.fork()
        if pid:
            return pid
        code = 1
        try:
            end_with(parent)
            os.environ |= {"RANK": str(rank), "WORLD_SIZE": str(self._ranks), "LOCAL_RANK": str(rank % self._ranks_per_node),
                           "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
            with open(self.output / f"rank-{rank}.log", "ab") as log:
                os.dup2(log.fileno(), 1)
                os.dup2(log.fileno(), 2)
            torch.set_num_threads(1)
            code = DONE if train(config) else STOPPED
        except BaseException as error:
            print(repr(error), flush=True)
        finally:
            os._exit(code)

    def reap(self) -> bool:
        """Collect those that have ended; whether any still runs."""
        for rank, pid in enumerate(self.pids):
            if rank not in self.codes:
                done, status = os.waitpid(pid, os.WNOHANG)
                if done:
                    self.codes[rank] = os.waitstatus_to_exitcode(status)
        return len(self.codes) < self._ranks

    def wait(self, until: Callable[[], bool], seconds: float) -> bool:
        """Whether `until` came true while the job ran."""
        deadline = time.monotonic() + seconds
        while self.reap() and time.monotonic() < deadline:
            if until():
                return True
            if self.codes:
                return False
            time.sleep(0.002)
        return False

    def strike(self, ranks: list[int]) -> None:
        for rank in ranks:
            if rank not in self.codes:
                os.kill(self.pids[rank], signal.SIGKILL)
        self.wait(lambda: False, _END_SECONDS)
        self.end()

    def end(self) -> None:
        while self.reap():
            for rank, pid in enumerate(self.pids):
                if rank not in self.codes:
                    os.kill(pid, signal.SIGKILL)
            time.sleep(0.01)
