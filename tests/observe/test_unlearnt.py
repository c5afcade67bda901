"""A witness among the rewards: the alarm comes where it falls and what is learnt does not, and nowhere else."""

import random
from collections.abc import Sequence

import pytest

from megatron_qm.config.alarms import AlarmConfig
from megatron_qm.observe.alarms import Watch, check
from megatron_qm.observe.unlearnt import Unlearnt

WINDOW = 10


def records(proxy: Sequence[float], gold: Sequence[float | None], weight: float = 0.0) -> list[dict]:
    return [{"kind": "rl", "step": step, "reward": paid, "component_mean": {"proxy": paid, "gold": said},
             "component_weight": {"proxy": 1.0, "gold": weight}}
            for step, (paid, said) in enumerate(zip(proxy, gold, strict=True), start=1)]


def alarms(rows: list[dict]) -> list[tuple[int, str]]:
    watch = Watch(AlarmConfig(window=WINDOW))
    return [(alarm.step, alarm.metric) for row in rows for alarm in watch.see(row) if alarm.metric.startswith("reward ")]


def overoptimised(seed: int, noise: float = 0.02) -> tuple[list[float], list[float], list[float]]:
    """(proxy, gold, gold without noise) of 300 batches: both rise, then gold turns."""
    draw = random.Random(seed)
    true = [0.4 + 0.3 * min(step, 120) / 120 - 0.25 * max(step - 120, 0) / 180 for step in range(300)]
    return ([0.4 + 0.5 * step / 300 + draw.gauss(0, noise) for step in range(300)],
            [value + draw.gauss(0, noise) for value in true], true)


@pytest.mark.parametrize("seed", range(20))
def test_it_comes_before_much_of_the_gain_is_lost_and_not_while_gold_rises(seed: int) -> None:
    proxy, gold, true = overoptimised(seed)
    (first, metric), *_ = alarms(records(proxy, gold))
    assert metric == "reward gold" and first > 120  # gold turns after batch 120
    assert (true[120] - true[first - 1]) / (true[120] - true[0]) < 0.2
    # a window of ten is ten batches late: of what its own means have lost, less than a tenth
    means = [sum(true[end - WINDOW : end]) / WINDOW for end in range(WINDOW, 301)]
    assert (max(means) - means[first - WINDOW]) / (max(means) - means[0]) < 0.12


@pytest.mark.parametrize("seed", range(20))
def test_chance_raises_none(seed: int) -> None:
    draw = random.Random(seed)
    flat = [0.5 + draw.gauss(0, 0.02) for _ in range(60)]
    rising = [0.4 + 0.3 * step / 60 + draw.gauss(0, 0.02) for step in range(60)]
    assert alarms(records(rising, rising)) == []
    assert alarms(records(rising, flat)) == []


@pytest.mark.parametrize("seed", range(20))
def test_one_that_never_gained_is_missed_once_it_is_lower_than_at_the_beginning(seed: int) -> None:
    """A policy may be spoilt from its first step on: there is no gain of which a share could be lost."""
    draw = random.Random(seed)
    falling = [0.7 - 0.4 * step / 100 + draw.gauss(0, 0.05) for step in range(100)]
    (first, metric), *_ = alarms(records([0.5] * 100, falling))
    assert metric == "reward gold" and 20 <= first < 60
    flat = [0.7 + draw.gauss(0, 0.05) for _ in range(300)]
    assert alarms(records([0.5] * 300, flat)) == []


def test_not_where_the_reward_falls_with_it_nor_for_what_is_learnt_from() -> None:
    proxy, gold, _ = overoptimised(0)
    assert alarms(records(gold, gold)) == []
    assert alarms(records(proxy, gold, weight=0.5)) == []
    assert alarms(records(proxy, [None] * 300)) == []
    assert alarms(records(proxy, [*gold[:30], None, *gold[31:]])) == []  # not asked about every batch


def test_by_hand() -> None:
    seen, rows = Unlearnt(1), records([0.1, 0.2, 0.3, 0.3], [0.0, 1.0, 0.75, 0.5])
    assert [seen.see(row) for row in rows] == [{}, {"gold": 0.0}, {"gold": 0.25}, {"gold": 0.5}]
    (alarm,) = check(AlarmConfig(window=1, unlearnt_loss=0.3, reward_fall=None), rows)
    assert (alarm.metric, alarm.value, alarm.step) == ("reward gold", 0.5, 4) and "50.0%" in alarm.text


def test_two_witnesses_speak_for_themselves() -> None:
    rows = records([0.1, 0.2, 0.3, 0.4], [0.0, 1.0, 0.5, 0.4])
    for row, other in zip(rows, (0.0, 1.0, 1.0, 0.2), strict=True):
        row["component_mean"]["other"], row["component_weight"]["other"] = other, 0
    watch = Watch(AlarmConfig(window=1, reward_fall=None))
    assert [[alarm.metric for alarm in watch.see(row)] for row in rows] == [[], [], ["reward gold"], ["reward other"]]
