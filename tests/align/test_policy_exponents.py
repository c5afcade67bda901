"""Policies that are far apart: every loss and its gradient stay finite, and are those of float64 wherever FP32 can hold them."""

import math

import pytest
import torch

from megatron_qm.align.rl.exponents import LARGEST_EXPONENT, bounded_exp
from megatron_qm.align.rl.objective import PolicyObjective, k3, policy_loss
from megatron_qm.config.rl import PolicyLossConfig
from megatron_qm.train.batches import MicroBatch

FAR = [sign * size for size in (30.0, 100.0, 1000.0) for sign in (-1, 1)]
LOGP = -2.0
LOW, HIGH = 0.2, 0.3


def exp(exponent: float) -> float:
    """In float64, whose range ends at 709."""
    return math.exp(exponent) if exponent < 709 else math.inf


def truth(kind: str, log_ratio: float, advantage: float) -> tuple[float, float]:
    """Loss and its derivative by the log-probability."""
    ratio = exp(log_ratio)
    bounded = min(max(ratio, 1 - LOW), 1 + HIGH)
    if kind == "reinforce":
        return -advantage * LOGP, -advantage
    if kind == "cispo":
        return -bounded * advantage * LOGP, -bounded * advantage
    clipped = ratio > 1 + HIGH if advantage > 0 else ratio < 1 - LOW
    return (-bounded * advantage, 0.0) if clipped else (-ratio * advantage, -ratio * advantage)


def check(found: float, want: float) -> None:
    """Equal; or, of what FP32 cannot hold, finite, of the same sign, and large."""
    if abs(want) <= torch.finfo(torch.float32).max:
        assert found == pytest.approx(want, rel=1e-5, abs=1e-30)
    else:
        assert math.isfinite(found) and found * want > 0 and abs(found) > 1e16


@pytest.mark.parametrize("log_ratio", FAR)
@pytest.mark.parametrize("advantage", [1.0, -1.0, 0.0])
@pytest.mark.parametrize("kind", ["ppo", "gspo", "cispo", "reinforce"])
def test_losses_of_far_policies(kind: str, advantage: float, log_ratio: float) -> None:
    config = PolicyLossConfig(kind, clip_low=LOW, clip_high=HIGH)
    logp = torch.tensor([[LOGP]], requires_grad=True)
    loss, ratio, _ = policy_loss(logp, torch.tensor([[LOGP - log_ratio]]), torch.tensor([[advantage]]), torch.ones(1, 1), config,
                                 torch.zeros(1, 1, dtype=torch.long))
    loss.sum().backward()
    want = truth(kind, log_ratio, advantage) if advantage else (0.0, 0.0)
    check(loss.item(), want[0])
    check(logp.grad.item(), want[1])
    assert torch.isfinite(ratio).all()


@pytest.mark.parametrize("difference", FAR)
def test_k3_of_a_far_reference_holds_on_to_it(difference: float) -> None:
    logp = torch.tensor([LOGP], requires_grad=True)
    found = k3(logp, torch.tensor([LOGP + difference]))
    found.sum().backward()
    check(found.item(), exp(difference) - difference - 1)
    check(logp.grad.item(), 1 - exp(difference))


@pytest.mark.parametrize("kind", ["ppo", "gspo", "cispo", "reinforce"])
def test_the_whole_objective_is_finite(kind: str) -> None:
    """Old policy, reference and engine far from the policy at once; so is the sum of squares that a gradient's norm needs."""
    config = PolicyLossConfig(kind, kl=0.1, importance_cap=2.0)
    shape = (1, len(FAR))
    far, ones = torch.tensor([FAR]), torch.ones(shape)
    for advantage in (1.0, -1.0):
        nll = torch.full(shape, -LOGP, requires_grad=True)
        extra = {"old_logp": LOGP - far, "reference_logp": LOGP + far, "behaviour_logp": LOGP - far.flip(1), "weight": ones,
                 "advantage": advantage * ones, "response": torch.arange(len(FAR))[None]}
        none = torch.zeros(shape, dtype=torch.long)
        total, _, reported = PolicyObjective(config)(1, MicroBatch(none, none, ones, none, none, ones, extra=extra), nll)
        total.backward()
        assert torch.isfinite(total) and torch.isfinite(reported).all() and torch.isfinite(nll.grad.square().sum())


@pytest.mark.parametrize("gap", FAR)
def test_importance_weights_of_a_far_engine(gap: float) -> None:
    cap, none, one = 1.5, torch.zeros((1, 1), dtype=torch.long), torch.ones(1, 1)
    nll = torch.tensor([[-LOGP]], requires_grad=True)
    extra = {"behaviour_logp": torch.tensor([[LOGP - gap]]), "weight": one, "advantage": one}
    batch = MicroBatch(none, none, one, none, none, one, extra=extra)
    total, *_ = PolicyObjective(PolicyLossConfig(kl=0.0, importance_cap=cap))(1, batch, nll)
    total.backward()
    weight = min(exp(gap), cap)
    check(total.item(), -weight)  # the ratio of the first update is 1, and has its gradient
    check(nll.grad.item(), weight)


def test_beyond_the_bound_the_exponential_goes_on_straight() -> None:
    at = torch.tensor([-800.0, 0.0, 1.0, 39.9, LARGEST_EXPONENT, 41.0, 90.0], dtype=torch.float64, requires_grad=True)
    value = bounded_exp(at)
    value.sum().backward()
    edge = math.exp(LARGEST_EXPONENT)
    want = [0.0, 1.0, math.e, math.exp(39.9), edge, 2 * edge, 51 * edge]
    assert value.tolist() == pytest.approx(want, rel=1e-12)
    assert at.grad.tolist() == pytest.approx([*want[:5], edge, edge], rel=1e-12)
