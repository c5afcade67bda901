"""Each alarm goes on and off at its bound, speaks once, and is the same after a resume."""

import json
import math
import random
from pathlib import Path

import pytest

from megatron_qm.config.alarms import AlarmConfig, check_alarms
from megatron_qm.errors import UserError
from megatron_qm.observe.alarms import Alarm, Watch, check, watch_of
from megatron_qm.observe.metrics import MetricsWriter
from megatron_qm.observe.records import RlRecord, to_plain
from tests.observe.test_metrics import strict_lines, train_record

OFF = {"unscored": None, "truncated": None, "zero_variance": None, "entropy_below": None, "entropy_above": None, "kl": None,
       "clipped": None, "disagreement": None, "reward_fall": None, "length_growth": None, "unlearnt_loss": None}
SIMPLE = [("unscored", "unscored"), ("truncated", "truncated"), ("zero_variance", "zero_variance"),
          ("entropy_above", "entropy"), ("disagreement", "disagreement")]


def only(**bounds) -> AlarmConfig:
    return AlarmConfig(**(OFF | bounds))


def rl(step: int, **values) -> dict:
    return {"kind": "rl", "step": step, **values}


def train(step: int, **others) -> dict:
    return {"kind": "train", "step": step, "others": others}


def raised(config: AlarmConfig, records: list[dict]) -> list[tuple[int, str]]:
    """(step, metric) of the alarms of a whole run, one batch after another, each from the records up to it."""
    found = []
    for at, record in enumerate(records, 1):
        if record["kind"] == "rl":
            found += [(alarm.step, alarm.metric) for alarm in check(config, records[:at])]
    return found


@pytest.mark.parametrize(("name", "metric"), SIMPLE)
def test_a_share_above_its_bound(name: str, metric: str) -> None:
    (alarm,) = check(only(**{name: 0.3}), [rl(7, **{metric: 0.31})])
    assert (alarm.metric, alarm.value, alarm.bound, alarm.step) == (metric, 0.31, 0.3, 7)
    assert "\n" not in alarm.text and ("31.0%" in alarm.text or "0.31 nats" in alarm.text)
    assert check(only(**{name: 0.3}), [rl(7, **{metric: 0.3})]) == []  # at the bound is within it
    assert check(only(), [rl(7, **{metric: 0.31})]) == []


def test_entropy_below_its_bound() -> None:
    (alarm,) = check(only(entropy_below=0.1), [rl(3, entropy=0.09)])
    assert (alarm.metric, alarm.bound) == ("entropy", 0.1) and "0.09 nats" in alarm.text
    assert check(only(entropy_below=0.1), [rl(3, entropy=0.1)]) == []


@pytest.mark.parametrize("name", ["kl", "clipped"])
def test_what_training_measures_is_that_of_the_newest_record_before(name: str) -> None:
    config = only(**{name: 0.2})
    assert check(config, [train(1, **{name: 0.1}), train(2, **{name: 0.3}), rl(2)])[0].step == 2
    assert check(config, [train(1, **{name: 0.3}), train(2, **{name: 0.1}), rl(2)]) == []
    assert check(config, [rl(2), train(2, **{name: 0.3})]) == []  # not yet this batch's
    assert check(only(), [train(2, **{name: 0.3}), rl(2)]) == []


def test_an_alarm_speaks_once_until_the_value_has_come_back() -> None:
    shares = [0.1, 0.4, 0.5, None, 0.4, 0.3, 0.31, 0.2]
    assert raised(only(truncated=0.3), [rl(step, truncated=share) for step, share in enumerate(shares)]) == [
        (1, "truncated"), (6, "truncated")]


def test_alarms_are_quiet_one_by_one() -> None:
    records = [rl(1, truncated=0.5), rl(2, truncated=0.5, unscored=0.5), train(3, kl=3.0), rl(3, truncated=0.5, unscored=0.5)]
    assert raised(AlarmConfig(), records) == [(1, "truncated"), (2, "unscored"), (3, "kl")]


def test_the_reward_falls() -> None:
    config = only(reward_fall=0.1, window=3)
    rewards = [0.5, 0.6, 0.7, 0.5, 0.5, 0.4]  # 0.6, then 0.467
    records = [rl(step, reward=reward) for step, reward in enumerate(rewards, 1)]
    assert raised(config, records) == [(6, "reward")]
    (alarm,) = check(config, records)
    assert alarm.value == pytest.approx(0.6 - 1.4 / 3) and "last 3 batches" in alarm.text
    assert raised(config, [rl(step, reward=reward) for step, reward in enumerate([0.5, 0.6, 0.7, 0.5, 0.5, 0.51], 1)]) == []
    assert raised(config, records[:5]) == []
    # a batch without a reward is passed over, and takes no alarm back
    unscored = [*records[:3], rl(4, reward=None), *records[3:], rl(7), rl(8, reward=0.3)]
    assert raised(config, unscored) == [(6, "reward")]


@pytest.mark.parametrize(("gain", "growth", "expected"), [
    (0.0, 0.3, [(4, "length")]), (0.01, 0.3, [(4, "length")]), (0.05, 0.3, []), (0.0, 0.2, []), (-0.2, 0.3, [(4, "length")]),
])
def test_length_grows_without_reward(gain: float, growth: float, expected: list) -> None:
    config = only(length_growth=0.25, length_reward=0.02, window=2)
    records = [rl(step, reward=0.5, length={"mean": 100.0}) for step in (1, 2)]
    records += [rl(step, reward=0.5 + gain, length={"mean": 100.0 * (1 + growth)}) for step in (3, 4)]
    assert raised(config, records) == expected
    assert raised(only(window=2), records) == []


@pytest.mark.parametrize("value", [math.nan, "NaN", math.inf, "Infinity"])
def test_a_value_that_is_not_finite_is_beyond_every_bound(value: float | str) -> None:
    (alarm,) = check(only(kl=0.5), [train(1, kl=value), rl(1)])
    assert json.loads(json.dumps(alarm.to_json(), allow_nan=False))["value"] in ("NaN", "Infinity")


@pytest.mark.parametrize("record", [
    {}, {"reward": None, "length": None, "truncated": None, "unscored": None, "zero_variance": None, "entropy": None,
         "disagreement": None},
    {"length": 3, "reward": "high", "unscored": True, "truncated": [1], "entropy": {}},
    {"reward": 0.5, "length": {"mean": None}}, {"reward": 0.5, "length": {"mean": 0}},
])
def test_what_was_not_measured_raises_nothing(record: dict) -> None:
    config = AlarmConfig(window=1)
    assert raised(config, [rl(1, **record), train(2), {"kind": "train", "step": 2, "others": None},
                           rl(2, **record), rl(3, **record)]) == []


def test_the_sentence_names_the_commonest_reason_on_one_line() -> None:
    reasons = {"a": 1, "time\nlimit " + "x" * 500: 9, "b": None}
    (alarm,) = check(only(unscored=0.1), [rl(1, unscored=0.2, unscored_reasons=reasons)])
    assert "Most often: time limit xxx" in alarm.text and "\n" not in alarm.text and len(alarm.text) < 400
    assert check(only(unscored=0.1), [rl(1, unscored=0.2, unscored_reasons=3)])


def test_an_alarm_is_a_record_of_the_run(tmp_path: Path) -> None:
    alarm = Alarm("truncated", 0.4, 0.25, 12, "why")
    plain = {"kind": "alarm", "step": 12, "metric": "truncated", "value": 0.4, "bound": 0.25, "text": "why",
             "samples": ["a", "b"], "file": "rollouts/12.jsonl"}
    assert alarm.to_json(["a", "b"], "rollouts/12.jsonl") == plain
    with MetricsWriter(tmp_path) as writer:
        writer.write(alarm.record(["a", "b"], "rollouts/12.jsonl"))
    (line,) = strict_lines(tmp_path / "metrics.jsonl")
    assert line.pop("time") and line == plain


def test_a_resumed_run_raises_what_it_would_have_raised(tmp_path: Path) -> None:
    """Random batches, the run cut off anywhere: watch and check agree with the run that was never interrupted."""
    draw = random.Random(3)
    config = AlarmConfig(truncated=0.5, unscored=0.5, kl=0.5, reward_fall=0.2, length_growth=0.1, window=2)
    records = []
    for step in range(1, 41):
        share = lambda: draw.choice([None, draw.random(), draw.random()])  # noqa: E731
        if draw.random() < 0.7:
            records.append(to_plain(train_record(step, others={"kl": draw.random(), "clipped": 0.1})))
        records.append(to_plain(RlRecord(step, 0, 4, 16, share(), {"mean": 50 + 50 * draw.random(), "max": 100.0}, share() or 0,
                                         share(), share() or 0, 1.0, reward_by_length=[(1, 9, 3, share())])))
    watch = Watch(config)
    straight = [(record["step"], watch.see(record)) for record in records]
    assert len([alarms for _, alarms in straight if alarms]) > 10
    for cut in range(0, 41, 4):
        run = tmp_path / str(cut)
        run.mkdir()
        (run / "metrics.jsonl").write_text("".join(json.dumps(record) + "\n" for record in records))
        with MetricsWriter(run) as writer:
            writer.truncate_after(cut)
        resumed = watch_of(config, run)
        rest = [record for record in records if record["step"] > cut]
        assert [resumed.see(record) for record in rest] == [alarms for step, alarms in straight if step > cut]
    for at, record in enumerate(records):
        if record["kind"] == "rl":
            assert check(config, records[: at + 1]) == straight[at][1]


def test_a_run_that_has_written_nothing_has_a_fresh_watch(tmp_path: Path) -> None:
    assert watch_of(AlarmConfig(), tmp_path).raised == set()


@pytest.mark.parametrize(("change", "text"), [
    ({"truncated": 1.5}, "alarms.truncated = 1.5: is a share"), ({"unscored": -0.1}, "alarms.unscored"),
    ({"kl": -1.0}, "alarms.kl = -1.0: must not be negative"), ({"window": 0}, "alarms.window = 0"),
    ({"entropy_below": 5.0}, "alarms.entropy_below = 5.0 must lie under alarms.entropy_above = 4.0"),
])
def test_bounds_that_make_no_sense_are_refused(change: dict, text: str) -> None:
    with pytest.raises(UserError) as error:
        check_alarms(AlarmConfig(**change))
    assert text in str(error.value)


def test_the_defaults_and_all_switched_off_are_fine() -> None:
    check_alarms(AlarmConfig())
    check_alarms(only())


def test_a_named_reward_that_says_nothing_is_missed_as_a_response_without_a_score_is() -> None:
    one = rl(7, unscored=0.1, component_unscored={"right": 0.0, "honesty": 0.5})
    (alarm,) = check(only(unscored=0.3), [one])
    assert (alarm.metric, alarm.value) == ("unscored", 0.5)
    assert check(only(unscored=0.3), [rl(7, unscored=0.1, component_unscored={"right": 0.2, "honesty": "NaN?"})]) == []
