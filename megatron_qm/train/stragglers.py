"""Which rank is slow by itself: in a synchronous step all ranks take the same time, and only what each does alone tells.

Two things are measured: reading its batch, and a small matrix product that every rank does without the others (a GPU
that throttles, or a core that somebody else uses, shows there).
"""

import socket
import statistics
import time

import torch
import torch.distributed as dist

from megatron_qm.observe.records import StragglerRecord
from megatron_qm.platform.runtime import Platform

_SHOWN = 3
_SIZE, _REPEATS = {"cpu": 256, "cuda": 4096}, 3


class Stragglers:
    """`data` seconds are added as they come; every `every` steps `compare` gathers them (0: never)."""

    def __init__(self, platform: Platform, every: int) -> None:
        self._platform, self._every = platform, every
        self._data, self._steps = 0.0, 0
        size = _SIZE[platform.name]
        self._matrix = torch.ones(size if every else 0, size, device=platform.device)

    def add_data(self, seconds: float) -> None:
        self._data += seconds
        self._steps += 1

    def compare(self, step: int) -> list[StragglerRecord]:
        """Collective where `step` is due: the slowest ranks of each phase, slowest first; empty elsewhere."""
        if self._matrix is None or step % self._every or not self._steps:
            return []
        mine = (socket.gethostname(), {"data": self._data / self._steps, "matmul": self._product(self._matrix)})
        self._data, self._steps = 0.0, 0
        everybody = [mine] * dist.get_world_size()
        dist.all_gather_object(everybody, mine)
        return slowest(step, everybody)

    def _product(self, matrix: torch.Tensor) -> float:
        """Seconds of the fastest of a few products."""
        best = float("inf")
        for _ in range(_REPEATS):
            self._platform.synchronize()
            began = time.perf_counter()
            matrix @ matrix
            self._platform.synchronize()
            best = min(best, time.perf_counter() - began)
        return best


def slowest(step: int, everybody: list[tuple[str, dict[str, float]]]) -> list[StragglerRecord]:
    """The ranks that lose most against the median of a phase, `everybody` being (host, seconds by phase) by rank."""
    records = []
    for phase in everybody[0][1]:
        median = statistics.median(seconds[phase] for _, seconds in everybody)
        for rank, (host, seconds) in enumerate(everybody):
            records.append(StragglerRecord(step, rank, host, phase, seconds[phase], median))
    return sorted(records, key=lambda record: record.median_seconds - record.seconds)[:_SHOWN]
