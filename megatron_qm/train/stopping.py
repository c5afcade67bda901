"""SIGTERM and SIGUSR1: finish the step, save, and end, on all ranks alike.

Slurm sends them before the time limit and on preemption, to one process or to all, at a moment that differs from rank
to rank: so the ranks agree after each step.
"""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

import torch
import torch.distributed as dist

_SIGNALS = (signal.SIGTERM, signal.SIGUSR1)


class StopRequest:
    """Whether this process was asked to stop; `name` is the signal that did."""

    def __init__(self) -> None:
        self.name: str | None = None

    def _ask(self, number: int, _: FrameType | None) -> None:
        self.name = signal.Signals(number).name

    def anywhere(self, device: torch.device) -> bool:
        """Whether any rank was asked. Collective."""
        asked = torch.tensor(int(self.name is not None), device=device)
        dist.all_reduce(asked, op=dist.ReduceOp.MAX)
        return bool(asked)


@contextmanager
def stop_on_signals() -> Iterator[StopRequest]:
    """Within this block the signals only set the request."""
    request = StopRequest()
    before = {number: signal.signal(number, request._ask) for number in _SIGNALS}
    try:
        yield request
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
