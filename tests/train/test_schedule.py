"""The learning rate against closed forms."""

import math

import pytest

from megatron_qm.config.train import OptimizerConfig, ScheduleConfig
from megatron_qm.train.schedule import learning_rate

OPTIMIZER = OptimizerConfig(lr=1.0, min_lr=0.1)


def rates(schedule: ScheduleConfig, steps: int = 100) -> list[float]:
    return [learning_rate(step, steps, OPTIMIZER, schedule) for step in range(steps)]


def test_cosine_with_warm_up() -> None:
    got = rates(ScheduleConfig("cosine", warmup_steps=10))
    assert got[:10] == pytest.approx([(i + 1) / 10 for i in range(10)])
    want = [0.1 + 0.9 * 0.5 * (1 + math.cos(math.pi * i / 90)) for i in range(90)]
    assert got[10:] == pytest.approx(want)


@pytest.mark.parametrize(("style", "half"), [("linear", 0.5), ("cosine", 0.5), ("sqrt", 1 - math.sqrt(0.5))])
def test_wsd_is_stable_then_decays(style: str, half: float) -> None:
    got = rates(ScheduleConfig("wsd", warmup_steps=10, decay_steps=20, decay_style=style))
    assert got[10:81] == pytest.approx([1.0] * 71)
    assert got[90] == pytest.approx(0.1 + 0.9 * half)
    assert all(a > b for a, b in zip(got[80:], got[81:], strict=False))


def test_linear_and_constant() -> None:
    assert rates(ScheduleConfig("linear"))[50] == pytest.approx(0.55)
    assert set(rates(ScheduleConfig("constant"))) == {1.0}


def test_re_warm_up_starts_a_cycle_from_the_floor() -> None:
    got = rates(ScheduleConfig("cosine", warmup_steps=10, rewarmup_at=[50]))
    assert got[49] < 0.11
    assert got[50:60] == pytest.approx([0.1 + 0.9 * (i + 1) / 10 for i in range(10)])
    assert got[99] < 0.11


def test_steps_past_the_end_stay_at_the_floor() -> None:
    assert learning_rate(150, 100, OPTIMIZER, ScheduleConfig("cosine")) == pytest.approx(0.1, abs=1e-3)
