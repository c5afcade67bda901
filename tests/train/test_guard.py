"""A refused update leaves no trace, on any rank, at any layout."""

import math

import pytest
import torch

from megatron_qm.config.train import GuardConfig
from megatron_qm.train.guard import Guard
from tests.distributed import run_ranks

CASES = {
    "TP2+SP": {"tp": 2, "sp": True},
    "PP2": {"pp": 2},
    "DP2": {"distributed_optimizer": False},
    "DP2 distributed": {"distributed_optimizer": True},
    "DP2 overlapped": {"distributed_optimizer": True, "overlap_grad_reduce": True, "overlap_param_gather": True},
}


@pytest.fixture(scope="module")
def runs() -> list[dict]:
    return run_ranks("tests.train.guard_runs:poisoned_and_clean", 2, CASES, timeout=240)


@pytest.mark.parametrize("case", CASES)
def test_one_ranks_nan_gradient_is_refused_by_all_and_leaves_no_trace(runs: list[dict], case: str) -> None:
    for rank in runs:
        poisoned, clean = rank[case]["poisoned"], rank[case]["clean"]
        assert [row["refused"] is not None for row in poisoned] == [False, False, True, False]
        assert poisoned[2]["norm"] == "nan"
        assert poisoned[3] == clean[2], "the step after it sees the weights from before it"
        assert rank[case]["weights_equal"]


@pytest.fixture
def alone():
    torch.distributed.init_process_group("gloo", store=torch.distributed.HashStore(), rank=0, world_size=1)
    yield torch.device("cpu")
    torch.distributed.destroy_process_group()


def test_a_spike_is_measured_against_the_median_of_accepted_norms(alone: torch.device) -> None:
    guard = Guard(GuardConfig(spike_factor=3.0, window=5), alone)
    for norm in (9.0, 1.0, 1.1, 0.9):
        assert guard.reason(1.0, norm) is None, "without a full window nothing is a spike"
    assert guard.reason(1.0, 1.0) is None
    reason = guard.reason(1.0, 3.1)  # median of 9, 1, 1.1, 0.9, 1 is 1
    assert reason is not None and "3.1" in reason and "guard.spike_factor" in reason
    assert guard.reason(1.0, 2.9) is None
    assert guard.reason(1.0, 3.4) is not None, "the refused norm did not move the median; the accepted one did"


def test_the_bound_and_what_is_not_finite(alone: torch.device) -> None:
    guard = Guard(GuardConfig(max_grad_norm=2.0, max_in_a_row=3), alone)
    assert guard.reason(1.0, 2.0) is None
    for loss, norm, word in ((1.0, 2.1, "guard.max_grad_norm"), (math.nan, 1.0, "loss is nan"), (1.0, math.inf, "norm is inf")):
        assert not guard.exhausted
        reason = guard.reason(loss, norm)
        assert reason is not None and word in reason
    assert guard.exhausted and guard.skipped == 3
    assert guard.reason(1.0, 1.0) is None and not guard.exhausted


def test_a_restored_guard_refuses_the_same(alone: torch.device) -> None:
    config = GuardConfig(spike_factor=2.0, window=3)
    guard, other = Guard(config, alone), Guard(config, alone)
    for norm in (1.0, 1.2, 5.0, 1.1, 9.0):
        guard.reason(1.0, norm)
    other.restore(guard.state())
    assert other.state() == guard.state()
    for norm in (2.6, 2.0, 11.0):
        assert (guard.reason(1.0, norm) is None) == (other.reason(1.0, norm) is None)
