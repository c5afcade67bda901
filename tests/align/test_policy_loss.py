"""Each policy loss against its closed form, written out by hand or with a loop; gradients against finite differences."""

import math

import numpy as np
import pytest
import torch

from megatron_qm.align.rl.advantages import advantages, zero_variance
from megatron_qm.align.rl.objective import NAMES, PolicyObjective, k3, policy_loss, token_weights
from megatron_qm.config.rl import AdvantageConfig, PolicyLossConfig
from megatron_qm.train.batches import MicroBatch
from megatron_qm.train.objective import OTHERS

REWARDS, GROUPS = [1.0, 0.0, 0.5, None, 1.0, 1.0, 0.0, 0.25], [0, 0, 0, 0, 1, 1, 2, 2]


def test_grpo_advantages_by_hand() -> None:
    found = advantages(REWARDS, GROUPS, AdvantageConfig("grpo", epsilon=0.0 + 1e-12))
    np.testing.assert_allclose(found[:3], [1.0, -1.0, 0.0], atol=1e-9)  # mean 0.5, sample deviation 0.5
    assert found[3] == 0.0, "an unscored response has no advantage"
    np.testing.assert_array_equal(found[4:6], 0.0)
    np.testing.assert_allclose(found[6:], [-math.sqrt(0.5), math.sqrt(0.5)], atol=1e-9)


def test_an_unscored_response_does_not_move_the_statistics_of_its_group() -> None:
    with_it = advantages([1.0, 0.0, None], [0, 0, 0], AdvantageConfig())
    without = advantages([1.0, 0.0], [0, 0], AdvantageConfig())
    np.testing.assert_array_equal(with_it[:2], without)


def test_dr_grpo_and_rloo_by_hand() -> None:
    np.testing.assert_allclose(advantages([1.0, 0.0, 0.5], [7, 7, 7], AdvantageConfig("dr_grpo")), [0.5, -0.5, 0.0])
    np.testing.assert_allclose(advantages([1.0, 0.0, 0.5], [7, 7, 7], AdvantageConfig("rloo")), [0.75, -0.75, 0.0])


def test_zero_variance_groups() -> None:
    assert zero_variance(REWARDS, GROUPS) == {1}
    assert zero_variance([None, 1.0, None], [0, 0, 1]) == {0, 1}


def test_a_reward_that_is_not_a_number_is_refused() -> None:
    with pytest.raises(ValueError, match="finite"):
        advantages([math.nan, 1.0], [0, 0], AdvantageConfig())


def by_hand(kind: str, logp: float, old: float, advantage: float, low: float = 0.2, high: float = 0.3) -> float:
    ratio = math.exp(logp - old)
    bounded = min(max(ratio, 1 - low), 1 + high)
    return {"ppo": -min(ratio * advantage, bounded * advantage), "cispo": -bounded * advantage * logp,
            "reinforce": -advantage * logp}[kind]


@pytest.mark.parametrize("kind", ["ppo", "cispo", "reinforce"])
@pytest.mark.parametrize("advantage", [1.5, -0.7])
def test_a_token_by_hand(kind: str, advantage: float) -> None:
    config = PolicyLossConfig(kind, clip_low=0.2, clip_high=0.3)
    old = [-1.0, -1.0, -1.0, -1.0]
    new = [-1.0, -0.6, -1.5, -1.1]  # ratios 1, 1.49, 0.61, 0.90
    loss, ratio, clipped = policy_loss(torch.tensor([new]), torch.tensor([old]), torch.full((1, 4), advantage),
                                       torch.ones(1, 4), config, None)
    want = [by_hand(kind, a, b, advantage) for a, b in zip(new, old, strict=True)]
    torch.testing.assert_close(loss[0], torch.tensor(want))
    torch.testing.assert_close(ratio[0], torch.tensor([math.exp(a - b) for a, b in zip(new, old, strict=True)]))
    expected = {"ppo": [0, 1, 0, 0] if advantage > 0 else [0, 0, 1, 0], "cispo": [0, 1, 1, 0], "reinforce": [0, 0, 0, 0]}
    assert clipped[0].tolist() == expected[kind]


def test_what_is_clipped_has_no_gradient_but_in_cispo_it_has() -> None:
    for kind, want in (("ppo", 0.0), ("cispo", -1.3)):
        logp = torch.tensor([[-0.6]], requires_grad=True)  # ratio 1.49, bound 1.3
        loss, *_ = policy_loss(logp, torch.tensor([[-1.0]]), torch.ones(1, 1), torch.ones(1, 1),
                               PolicyLossConfig(kind, clip_high=0.3), None)
        loss.sum().backward()
        assert logp.grad.item() == pytest.approx(want)


@pytest.mark.parametrize("kind", ["ppo", "gspo"])
@pytest.mark.parametrize("advantage", [2.0, -2.0])
def test_dual_clip_bounds_what_a_negative_advantage_loses(kind: str, advantage: float) -> None:
    ratios, c = [0.5, 1.0, 1.49, 2.9, 3.1, 60.0], 3.0
    logp = torch.tensor([ratios]).log().requires_grad_()
    none, own = torch.zeros(1, 6), torch.arange(6)[None]
    config = PolicyLossConfig(kind, clip_low=0.2, clip_high=0.3, dual_clip=c)
    loss, _, clipped = policy_loss(logp, none, torch.full_like(none, advantage), torch.ones(1, 6), config, own)
    loss.sum().backward()
    if advantage > 0:  # as without it: at most (1 + clip_high) x advantage is gained
        want, free = [-2 * min(ratio, 1.3) for ratio in ratios], [True, True, False, False, False, False]
    else:
        want, free = [2 * min(max(ratio, 0.8), c) for ratio in ratios], [False, True, True, True, False, False]
    slopes = [-advantage * ratio if learnt else 0.0 for ratio, learnt in zip(ratios, free, strict=True)]
    assert loss[0].tolist() == pytest.approx(want, rel=1e-6)
    assert logp.grad[0].tolist() == pytest.approx(slopes, rel=1e-6)
    assert clipped[0].tolist() == [not learnt for learnt in free]


def test_gspo_has_one_ratio_per_response() -> None:
    logp = torch.tensor([[-1.0, -1.2, -0.5, -9.0, -2.0]])
    old = torch.tensor([[-1.1, -1.0, -0.5, -1.0, -2.1]])
    mask = torch.tensor([[1.0, 1.0, 1.0, 0.0, 1.0]])
    response = torch.tensor([[0, 0, 0, 0, 1]])
    advantage = torch.tensor([[1.0, 1.0, 1.0, 1.0, -1.0]])
    loss, ratio, _ = policy_loss(logp, old, advantage, mask, PolicyLossConfig("gspo", clip_low=0.5, clip_high=0.5), response)
    first, second = math.exp((0.1 - 0.2 + 0.0) / 3), math.exp(0.1)
    torch.testing.assert_close(ratio[0, :3], torch.full((3,), first))
    torch.testing.assert_close(loss[0, [0, 4]], torch.tensor([-first, second]))


def test_k3_is_the_kl_divergence_on_average() -> None:
    policy = torch.tensor([0.6, 0.3, 0.1], dtype=torch.float64)
    reference = torch.tensor([0.2, 0.5, 0.3], dtype=torch.float64)
    estimate = (policy * k3(policy.log(), reference.log())).sum()
    torch.testing.assert_close(estimate, (policy * (policy / reference).log()).sum())
    assert (k3(policy.log(), reference.log()) >= 0).all()


@pytest.mark.parametrize("normalise", ["token", "sequence", "constant"])
def test_weights_make_the_steps_mean_the_wanted_one(normalise: str) -> None:
    response = np.array([[-1, 0, 0, 0, 1, 1], [2, 2, 2, 2, 2, -1]])
    mask = np.array([[0, 1, 1, 1, 1, 1], [1, 0, 1, 1, 1, 0]], np.float32)
    losses = np.random.default_rng(0).normal(size=mask.shape)
    weights = token_weights(mask, response, normalise, longest=8)
    got = (weights * losses * mask).sum() / mask.sum()
    per_response = [losses[(response == q) & (mask > 0)] for q in range(3)]
    want = {
        "token": np.concatenate(per_response).mean(),
        "sequence": np.mean([values.mean() for values in per_response]),
        "constant": sum(values.sum() for values in per_response) / (3 * 8),
    }[normalise]
    assert got == pytest.approx(want, rel=1e-6)


def micro_batch(config: PolicyLossConfig) -> tuple[MicroBatch, torch.Tensor]:
    draw = torch.Generator().manual_seed(0)
    shape = (2, 6)
    mask = (torch.rand(shape, generator=draw) < 0.7).float()
    response = torch.tensor([[0] * 6, [1] * 6])
    extra = {
        "old_logp": -torch.rand(shape, generator=draw), "reference_logp": -torch.rand(shape, generator=draw),
        "behaviour_logp": -torch.rand(shape, generator=draw), "advantage": torch.randn(2, 1, generator=draw).expand(shape),
        "weight": torch.from_numpy(token_weights(mask.numpy(), response.numpy(), config.normalise, 6)), "response": response,
    }
    zeros = torch.zeros(shape, dtype=torch.long)
    batch = MicroBatch(zeros, zeros, mask, zeros, torch.tensor([[0] * 6, [1] * 6]), torch.ones(shape), extra=extra)
    return batch, (torch.rand(shape, generator=draw) + 0.2).requires_grad_()


@pytest.mark.parametrize("kind", ["ppo", "gspo", "cispo", "reinforce"])
def test_the_whole_objective_against_a_loop(kind: str) -> None:
    config = PolicyLossConfig(kind, kl=0.05, normalise="sequence", importance_cap=1.1)
    batch, nll = micro_batch(config)
    total, tokens, reported = PolicyObjective(config)(2, batch, nll)
    e, want = batch.extra, 0.0
    for row in range(2):
        at = [s for s in range(6) if batch.loss_mask_bs[row, s]]
        mean_ratio = math.exp(sum(float((-nll[row, s] - e["old_logp"][row, s]).detach()) for s in at) / len(at))
        for s in at:
            logp, old, advantage = float(-nll[row, s]), float(e["old_logp"][row, s]), float(e["advantage"][row, s])
            if kind == "gspo":
                bounded = min(max(mean_ratio, 0.8), 1.2)
                loss = -min(mean_ratio * advantage, bounded * advantage)
            else:
                loss = by_hand(kind, logp, old, advantage, 0.2, 0.2)
            loss *= min(math.exp(old - float(e["behaviour_logp"][row, s])), 1.1)
            gap = float(e["reference_logp"][row, s]) - logp
            want += (loss + 0.05 * (math.exp(gap) - gap - 1)) / len(at) / 2
    assert float(total) / int(tokens) == pytest.approx(want, rel=1e-5)
    assert reported.shape == (OTHERS + len(NAMES), 2)
    assert reported[2].tolist() == batch.loss_mask_bs.sum(1).tolist()


def test_what_is_masked_is_of_no_consequence() -> None:
    config = PolicyLossConfig()
    batch, nll = micro_batch(config)
    total, *_ = PolicyObjective(config)(2, batch, nll)
    outside = batch.loss_mask_bs == 0
    for name in ("old_logp", "reference_logp", "advantage"):
        batch.extra[name] = torch.where(outside, torch.tensor(-1e6), batch.extra[name])
    again, *_ = PolicyObjective(config)(2, batch, nll)
    again.backward()
    assert torch.equal(total, again) and torch.isfinite(nll.grad).all() and not nll.grad[outside].any()
