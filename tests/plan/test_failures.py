"""Simulated failures against closed forms."""

import math
from dataclasses import replace

import pytest

from megatron_qm.errors import UserError
from megatron_qm.plan.failures import Scenario, best_interval, expected_total, simulate, summarise

BUSY = Scenario(work=400.0, gpus=1, gpu_hours_between_failures=5.0, interval=0.5, checkpoint=0.02, detect=0.05, restart=0.3)


def test_without_failures_only_saves_cost() -> None:
    calm = replace(BUSY, gpu_hours_between_failures=1e12)
    outcome = simulate(calm, 0)
    assert (outcome.failures, outcome.lost_work, outcome.down) == (0, 0, 0)
    assert outcome.total == pytest.approx(400 + 800 * 0.02)


def test_every_hour_is_accounted_for() -> None:
    outcome = simulate(BUSY, 3)
    assert outcome.total == pytest.approx(BUSY.work + outcome.lost_work + outcome.down + outcome.saves)
    assert outcome.failures > 20


def test_the_mean_is_that_of_the_closed_form() -> None:
    totals = [simulate(BUSY, seed).total for seed in range(400)]
    mean = sum(totals) / len(totals)
    error = math.sqrt(sum((total - mean) ** 2 for total in totals) / len(totals) / len(totals))
    assert abs(mean - expected_total(BUSY)) < 4 * error
    assert error < 0.01 * mean, "or the test could not fail"


def test_dalys_interval_is_about_the_best() -> None:
    """Of the closed form over a grid; the formula is of first order."""
    scenario = replace(BUSY, gpu_hours_between_failures=20.0)
    grid = [0.02 * n for n in range(2, 250)]
    best = min(grid, key=lambda interval: expected_total(replace(scenario, interval=interval)))
    assert best_interval(scenario) == pytest.approx(best, rel=0.1)


def test_the_same_seed_gives_the_same_summary() -> None:
    assert summarise(BUSY, trials=20, seed=5) == summarise(BUSY, trials=20, seed=5)
    assert summarise(BUSY, trials=20, seed=5) != summarise(BUSY, trials=20, seed=6)


def test_the_published_rate() -> None:
    """Llama 3: 419 interruptions in 54 days of 16,384 GPUs: one each 3.1 hours."""
    assert Scenario(work=1, gpus=16384).mtbf == pytest.approx(54 * 24 / 419)


@pytest.mark.parametrize("field", ["work", "gpu_hours_between_failures", "interval", "checkpoint", "detect", "restart"])
@pytest.mark.parametrize("value", [math.nan, math.inf, -1.0])
def test_hours_that_are_no_hours_are_refused(field: str, value: float) -> None:
    with pytest.raises(UserError, match="must be a finite number"):
        simulate(replace(BUSY, **{field: value}), 0)


def test_a_run_of_too_many_checkpoints_is_refused() -> None:
    with pytest.raises(UserError, match="take a longer one"):
        simulate(replace(BUSY, interval=1e-6), 0)


def test_a_run_that_would_never_end_is_refused() -> None:
    with pytest.raises(UserError, match="never end"):
        simulate(replace(BUSY, gpu_hours_between_failures=0.01), 0)
