"""What rl.rewards and rl.fusion may say, and what is said where they do not go together."""

import pytest

from megatron_qm.config.rl import RlRun
from megatron_qm.config.rl_rules import check_rl
from megatron_qm.config.run import load_run
from megatron_qm.errors import UserError

MODEL = ["model={shape: qwen3-0.6b}", "data.tokenizer=x", "rl.advantage.kind=grpo", "train.start_from=start"]
TWO = "rl.rewards=[{name: right}, {name: honesty, part: honesty, weight: 0.5}]"
TASK = "http://127.0.0.1:8077"


def loaded(*overrides: str) -> RlRun:
    return load_run("rl-tiny-cpu", [*MODEL, *overrides], RlRun, rules=check_rl)


@pytest.mark.parametrize(("overrides", "said"), [
    (["rl.fusion={kind: gdpo}"], "rl.fusion joins the rewards that rl.rewards names, and there are none"),
    ([TWO, "rl.fusion={kind: gdop}"], "'gdop' is not one of sum, gdpo, frozen, adaptive; did you mean 'gdpo'"),
    (["rl.rewards=[{name: a, wieght: 2}]"], "unknown key 'rl.rewards.0.wieght'; did you mean 'rl.rewards.0.weight'"),
    (["rl.rewards=[{weight: 2}]"], "rl.rewards.0 lacks the key 'rl.rewards.0.name'"),
    (["rl.rewards=[{name: a}, {name: b}, {name: a}]"], "rl.rewards.2.name = 'a': rl.rewards.0 has this name, too"),
    (["rl.rewards=[{name: a b}]"], "rl.rewards.0.name = 'a b': must be 1 to 60 letters"),
    (["rl.rewards=[{name: a, weight: -1}]"], "rl.rewards.0.weight = -1.0: must not be negative"),
    (["rl.rewards=[{name: a, weight: 1e9}]"], "rl.rewards.0.weight = 1000000000.0: must be 1,000 or less"),
    (["rl.rewards=[{name: a, weight: .nan}]"], "rl.rewards.0.weight wants a number, not nan"),
    (["rl.rewards=[{name: a, weight: 0}, {name: b, weight: 0}]"], "the weights add up to 0"),
    (["rl.rewards=[{name: a, verifier: ''}]"], "rl.rewards.0.verifier = '' names nothing; say what is meant, or null"),
    (["rl.rewards=[{name: a, endpoint: 'file:///etc'}]"], "rl.rewards.0.endpoint = 'file:///etc': must be a URL"),
    (["rl.rewards=[{name: a, tasks: [exam, exam]}]"], "rl.rewards.0.tasks names a task twice"),
    (["rl.rewards=[{name: a, target: 0.5}]"], "rl.rewards.0.target is for rl.fusion.kind = adaptive, not sum"),
    ([TWO, "rl.shaping.format_weight=0.1"], "make it one of them, {name: format, verifier: format"),
    ([TWO, "rl.fusion={kind: gdpo, clip: 3}"],
     "rl.fusion.clip is for rl.fusion.kind = frozen or adaptive over frozen, and the kind is gdpo, which has no keys of its own"),
    ([TWO, "rl.fusion={kind: frozen, weakness: 3}"],
     "rl.fusion.weakness is for rl.fusion.kind = adaptive, and the kind is frozen; its keys are statistics, batches, clip, "
     "least_deviation"),
    ([TWO, "rl.fusion={kind: adaptive, clip: 3}"], "rl.fusion.clip is for rl.fusion.kind = frozen, over frozen"),
    ([TWO, "rl.fusion={kind: sum, cap: {reward: right}}"], "rl.fusion.cap is for rl.fusion.kind = adaptive"),
    ([TWO, "rl.fusion={kind: adaptive, cap: {reward: honest}}"], "'honest' is none of rl.rewards; did you mean 'honesty'"),
    ([TWO, "rl.fusion={kind: adaptive, momentum: 0}"], "rl.fusion.momentum = 0.0: must lie in (0, 1]"),
    ([TWO, "rl.fusion={kind: frozen, least_deviation: 0}"], "rl.fusion.least_deviation = 0.0: must be above 0"),
    ([TWO, "rl.fusion={kind: gdpo}", "rl.advantage.kind=rloo"], "rl.advantage.kind = rloo has no part in that: leave it at grpo"),
    ([TWO, "rl.fusion={kind: frozen, statistics: x.json, batches: 2}"], "rl.fusion.statistics is measured"),
    ([TWO, "rl.fusion={kind: frozen}", "rl.reference=other"], "rl.reference = other is another: name its statistics"),
    ([TWO, "rl.fusion={kind: frozen}", "rl.saved_rollouts=[x]"], "rl.saved_rollouts are of whatever weights"),
])
def test_what_does_not_go_together_is_refused(overrides: list[str], said: str) -> None:
    with pytest.raises(UserError) as caught:
        loaded(*overrides)
    assert said in str(caught.value)


@pytest.mark.parametrize("overrides", [
    [TWO], [TWO, "rl.fusion={kind: gdpo}"], [TWO, "rl.fusion={kind: frozen, clip: 3, batches: 4}", "rl.advantage.kind=rloo"],
    [TWO, "rl.fusion={kind: frozen, statistics: x.json}", "rl.reference=other"],
    [TWO, "rl.fusion={kind: adaptive, cap: {reward: honesty, below: 0.9, total: -1}}"],
    [TWO, "rl.fusion={kind: adaptive, over: frozen, clip: 3}"],
    [f"rl.rewards=[{{name: a, endpoint: '{TASK}', verifier: exam, part: f1, tasks: [exam]}}, {{name: 诊断, weight: 0}}]"],
])
def test_what_does_go_together_is_taken(overrides: list[str]) -> None:
    loaded(*overrides)


def test_without_rewards_there_are_none() -> None:
    assert loaded().rl.rewards == []
