"""Which updates are refused: a loss or a gradient that is not finite, or a gradient far above the usual.

The verdict is a function of numbers that are the same on every rank, and the ranks agree on it all the same: with float
sums in another order somewhere, one rank could stand on the other side of the bound and train another model from there.
"""

import math
import statistics
from collections import deque
from collections.abc import Mapping

import torch
import torch.distributed as dist

from megatron_qm.config.train import GuardConfig
from megatron_qm.errors import UserError
from megatron_qm.exits import BAD_NUMBERS
from megatron_qm.json_types import JsonObject, numbers_of, whole_of


class BadNumbers(UserError):
    """The run is sick: starting it again would end here again."""

    exit_code = BAD_NUMBERS


class Guard:
    """`reason` each step; the state goes into the checkpoint, so that a resumed run refuses the same steps."""

    def __init__(self, config: GuardConfig, device: torch.device) -> None:
        self._config, self._device = config, device
        self._norms: deque[float] = deque(maxlen=config.window)
        self.in_a_row = 0
        self.skipped = 0

    def reason(self, loss: float, grad_norm: float) -> str | None:
        """Why the update with this loss and gradient norm must not be made; None if it may. Collective."""
        reason = self._reason(loss, grad_norm)
        refused = torch.tensor(int(reason is not None), device=self._device)
        dist.all_reduce(refused, op=dist.ReduceOp.MAX)
        if refused:
            self.in_a_row += 1
            self.skipped += 1
            return reason or "another rank refused it"
        self.in_a_row = 0
        self._norms.append(grad_norm)
        return None

    def _reason(self, loss: float, grad_norm: float) -> str | None:
        if not math.isfinite(loss):
            return f"the loss is {loss}"
        if not math.isfinite(grad_norm):
            return f"the gradient norm is {grad_norm}"
        bound = self._config.max_grad_norm
        if bound is not None and grad_norm > bound:
            return f"the gradient norm {grad_norm:.4g} is over guard.max_grad_norm = {bound:g}"
        return self._spike(grad_norm)

    def _spike(self, grad_norm: float) -> str | None:
        factor = self._config.spike_factor
        if factor is None or len(self._norms) < self._config.window:
            return None
        usual = statistics.median(self._norms)
        if grad_norm <= factor * usual:
            return None
        return (f"the gradient norm {grad_norm:.4g} is over guard.spike_factor = {factor:g} times {usual:.4g}, the median of "
                f"the last {len(self._norms)} updates")

    @property
    def exhausted(self) -> bool:
        """Whether so many steps in a row were refused that the run is sick, not the data."""
        return self.in_a_row >= self._config.max_in_a_row

    def state(self) -> JsonObject:
        return {"norms": list(self._norms), "in_a_row": self.in_a_row, "skipped": self.skipped}

    def restore(self, state: Mapping[str, object]) -> None:
        known: JsonObject = {"norms": [], "in_a_row": 0, "skipped": 0, **state}
        self._norms.clear()
        self._norms.extend(numbers_of(known, "norms"))
        self.in_a_row, self.skipped = whole_of(known, "in_a_row"), whole_of(known, "skipped")
