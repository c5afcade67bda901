"""Several rewards as one: closed forms by hand, what must change no advantage, and what is left out where there is no score."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from megatron_qm.align.rl.advantages import advantages, zero_variance
from megatron_qm.align.rl.fusion.components import Components, joined
from megatron_qm.align.rl.fusion.fuse import Fused, Plan, fuse
from megatron_qm.align.rl.fusion.reference import Reference, measured
from megatron_qm.align.rl.fusion.told import component_summary
from megatron_qm.align.rl.fusion.trend import Trend, weights
from megatron_qm.config.fusion import CapConfig, FusionConfig, RewardConfig
from megatron_qm.config.rl import AdvantageConfig

FINE = AdvantageConfig("grpo", epsilon=1e-12)
NONE = math.nan


def table(*rows: tuple[float, ...], names: str = "abcdefgh", asked: object = True) -> Components:
    """NaN: no score."""
    value_nk = np.array(rows, np.float64)
    asked_nk = np.broadcast_to(np.array(asked, bool), value_nk.shape).copy()
    why = {(n, k): "deadline: late" for n, k in np.argwhere(np.isnan(value_nk) & asked_nk).tolist()}
    return Components(tuple(names[: value_nk.shape[1]]), value_nk, asked_nk, why, [{}] * len(rows))


def reference(means: list[float], deviations: list[float]) -> Reference:
    return Reference({}, tuple("abcdefgh"[: len(means)]), np.array(means), np.array(deviations), np.array([9] * len(means)))


def plan(kind: str, weight: list[float], advantage: AdvantageConfig = FINE, **more: object) -> Plan:
    weight_k = np.array(weight)
    given: dict = {"sum": {}, "gdpo": {"within_group": True}, "frozen": {"reference": more.pop("reference", None)}}[kind]
    return Plan(weight_k, weight_k, advantage, **given, **more)


def fused(found: Components, groups: list[int], how: Plan, shaping: list[float] | None = None) -> Fused:
    return fuse(found, groups, how, shaping or [0.0] * len(found))


# --- closed forms

def test_the_plain_sum_by_hand() -> None:
    """1 x a + 0.5 x b: 1, 0.5, 0.75 of one group, and 0, 2 of the other."""
    found = table((1, 0), (0, 1), (0.5, 0.5), (0, 0), (1, 2))
    result = fused(found, [0, 0, 0, 1, 1], plan("sum", [1, 0.5]))
    assert result.total_n == result.reward_n == [1.0, 0.5, 0.75, 0.0, 2.0]
    np.testing.assert_allclose(result.advantage_n, [1, -1, 0, -math.sqrt(0.5), math.sqrt(0.5)], atol=1e-9)


def test_gdpo_by_hand() -> None:
    """a: 1, 0, 0.5 has mean 0.5 and deviation 0.5, so 1, -1, 0; b: 0, 0, 3 has mean 1 and deviation sqrt(3)."""
    found = table((1, 0), (0, 0), (0.5, 3))
    z = [1 - 2 / math.sqrt(3), -1 - 2 / math.sqrt(3), 4 / math.sqrt(3)]  # weights 1 and 2
    mean = sum(z) / 3
    deviation = math.sqrt(sum((one - mean) ** 2 for one in z) / 2)
    result = fused(found, [0, 0, 0], plan("gdpo", [1, 2]))
    np.testing.assert_allclose(result.total_n, z, atol=1e-9)
    np.testing.assert_allclose(result.advantage_n, [(one - mean) / deviation for one in z], atol=1e-9)
    assert result.reward_n == [1.0, 0.0, 6.5]  # what is told of is in the unit of the values


def test_gdpo_normalises_over_the_batch_and_not_over_the_group() -> None:
    """Two rewards that agree make larger advantages than two that cancel: the batch's deviation is one for both groups."""
    agree, cancel = [(1, 1), (0, 0)], [(1, 0.5), (0, 0.5)]
    result = fused(table(*agree, *cancel), [0, 0, 1, 1], plan("gdpo", [1, 1]))
    assert result.advantage_n[0] == pytest.approx(2 * result.advantage_n[2]) == pytest.approx(-result.advantage_n[1])
    assert np.std(result.advantage_n, ddof=1) == pytest.approx(1)


def test_frozen_by_hand() -> None:
    """(r - mean) / deviation, within +-2: a: 1, -1, 2 (of 3); b: 0, 2, -2 (of -4)."""
    found = table((0.75, 0.5), (0.25, 0.7), (1.25, 0.1))
    how = plan("frozen", [1, 0.5], AdvantageConfig("dr_grpo"), reference=reference([0.5, 0.5], [0.25, 0.1]), clip=2.0)
    result = fused(found, [0, 0, 0], how)
    np.testing.assert_allclose(result.total_n, [1, 0, 1], atol=1e-9)
    np.testing.assert_allclose(result.advantage_n, [1 / 3, -2 / 3, 1 / 3], atol=1e-9)


def test_what_the_reference_earns_is_measured_over_batches() -> None:
    first, second = table((1, 5), (0, NONE)), table((1, 5.5), (NONE, 6.5))
    found = measured([first, second], {"weights": "x"}, 0.7)
    assert found is not None and found.count_k.tolist() == [3, 3]
    np.testing.assert_allclose(found.mean_k, [2 / 3, 17 / 3])
    np.testing.assert_allclose(found.deviation_k, [0.7, np.std([5, 5.5, 6.5], ddof=1)])  # of 1, 0, 1 it is below the least
    assert measured([table((1, NONE), (0, 2))], {}, 0.01) is None


def test_shaping_is_added_to_the_total() -> None:
    found, off = table((1, 0), (0, 1)), [-0.25, 0.0]
    assert fused(found, [0, 0], plan("sum", [1, 1]), off).total_n == [0.75, 1.0]
    result = fused(found, [0, 0], plan("gdpo", [1, 1]), off)  # the rewards cancel: what is left is shaping
    np.testing.assert_allclose(result.total_n, [-0.125, 0.125])


# --- adaptive weights

def rewards(**more: dict) -> list[RewardConfig]:
    return [RewardConfig(name, **fields) for name, fields in more.items()]


ADAPTIVE = FusionConfig("adaptive", weakness=2.0, momentum=0.5)


def test_a_reward_far_below_its_target_weighs_more() -> None:
    asked = rewards(a={"target": 0.8}, b={"target": 0.5}, c={})
    trend = Trend.none(3).followed(table((0.2, 0.9, 0.1), (0.2, 0.9, 0.1)), [0, 0], 0.5)
    weight = np.array([1 + 2 * 0.75, 1, 1])  # (0.8 - 0.2) / 0.8
    np.testing.assert_allclose(weights(asked, trend, ADAPTIVE), weight * 3 / weight.sum())
    later = trend.followed(table((0.6, 0.9, NONE), (0.6, 0.9, NONE)), [0, 0], 0.5)
    np.testing.assert_allclose(later.mean_k, [0.4, 0.9, 0.1])  # halfway; what nobody scored stays


def test_correlated_rewards_share_their_weights() -> None:
    """a and b are the same but for the prompt, c is independent of them in both groups: 1/2, 1/2 and 1, times 3/2."""
    found = table((0, 1, 0), (1, 2, 0), (0, 1, 1), (1, 2, 1), (0, 0, 0), (1, 1, 0), (0, 0, 1), (1, 1, 1))
    trend = Trend.none(3).followed(found, [0] * 4 + [1] * 4, 1.0)
    np.testing.assert_allclose(trend.correlation_kk, [[0, 1, 0], [1, 0, 0], [0, 0, 0]], atol=1e-12)
    np.testing.assert_allclose(weights(rewards(a={}, b={}, c={}), trend, ADAPTIVE), [0.75, 0.75, 1.5])
    half = replace(ADAPTIVE, redundancy=0.5)
    np.testing.assert_allclose(weights(rewards(a={}, b={}, c={}), trend, half), np.array([2 / 3, 2 / 3, 1]) * 3 / (7 / 3))
    watched = rewards(a={}, b={"weight": 0.0}, c={})  # what is only watched takes no weight away
    np.testing.assert_allclose(weights(watched, trend, ADAPTIVE), [1, 0, 1])


def test_opposed_rewards_keep_their_weights_and_correlations_are_numpys() -> None:
    draw = np.random.default_rng(3)
    some = draw.normal(size=(50, 1)) + draw.normal(size=(50, 3)) * [1, 2, 0.5] * [1, 1, -1]
    some[:, 2] *= -1
    trend = Trend.none(3).followed(table(*map(tuple, some)), [0] * 50, 1.0)
    expected = np.corrcoef(some.T) - np.eye(3)
    np.testing.assert_allclose(trend.correlation_kk, expected, atol=1e-12)
    assert expected[0, 2] < 0
    found = weights(rewards(a={}, b={}, c={}), trend, ADAPTIVE)
    share = 1 / (1 + np.maximum(expected, 0).sum(axis=1))
    np.testing.assert_allclose(found, share * 3 / share.sum())


def test_before_anything_is_measured_the_weights_are_the_recipes() -> None:
    np.testing.assert_array_equal(weights(rewards(a={"weight": 2.0, "target": 0.5}, b={}), Trend.none(2), ADAPTIVE), [2, 1])


@settings(deadline=None)
@given(st.lists(st.lists(st.floats(-3, 3) | st.just(NONE), min_size=2, max_size=2), min_size=2, max_size=6))
def test_a_trend_is_kept_to_the_last_bit(rows: list[list[float]]) -> None:
    trend = Trend.none(2).followed(table(*map(tuple, rows)), [0] * len(rows), 0.3)
    again = Trend.from_json(trend.to_json())
    np.testing.assert_array_equal(again.mean_k, trend.mean_k)
    np.testing.assert_array_equal(again.product_kk, trend.product_kk)


def test_a_failure_caps_the_total_whatever_the_others_say() -> None:
    found = table((1, 1), (1, 0.2), (0.1, 0.2), (0, 1))
    how = plan("sum", [1, 1], AdvantageConfig("dr_grpo"), cap=CapConfig("b", below=0.5, total=0.5))
    result = fused(found, [0] * 4, how)
    np.testing.assert_allclose(result.total_n, [2, 0.5, 0.3, 1])  # the third was below the cap anyway
    assert result.capped_n.tolist() == [False, True, True, False]
    assert component_summary(found, result)["capped"] == 0.5
    np.testing.assert_allclose(result.push_nk.sum(axis=1), result.advantage_n, atol=1e-12)
    assert "capped" not in component_summary(found, fused(found, [0] * 4, replace(how, cap=None)))


def test_a_group_that_all_failed_has_no_gradient() -> None:
    """Sums of tenths that a subtraction from themselves would leave at 5.6e-17 and the like."""
    draw = np.random.default_rng(7)
    values = [(*map(float, some), 0.1 * (n % 4)) for n, some in enumerate(draw.integers(1, 10, (24, 3)) / 10)]
    groups = [n // 4 for n in range(24)]
    how = plan("sum", [0.7, 0.3, 1.1, 0.9], AdvantageConfig("dr_grpo"), cap=CapConfig("d", below=0.5, total=0.0))
    result = fused(table(*values), groups, how)
    assert result.total_n == [0.0] * 24 and zero_variance(result.total_n, groups) == set(range(6))
    assert not result.advantage_n.any()
    shaped = fused(table(*values), groups, how, [-0.25] + [0.0] * 23)
    assert shaped.total_n[0] == -0.25 and zero_variance(shaped.total_n, groups) == set(range(1, 6))


def test_where_the_cap_cannot_be_decided_the_response_has_no_score() -> None:
    found = table((1, 1), (1, NONE), (0, 0.7), (0.5, 0.2))
    how = plan("sum", [1, 0], cap=CapConfig("b", below=0.5))
    result = fused(found, [0] * 4, how)
    assert result.unscored == {1: "b, which decides the cap: deadline: late"}
    assert result.total_n == [1.0, None, 0.0, 0.0] and result.advantage_n[1] == 0
    without = fused(table((1, 1), (0, 0.7), (0.5, 0.2)), [0] * 3, how)
    np.testing.assert_array_equal(result.advantage_n[[0, 2, 3]], without.advantage_n)


# --- what other systems get wrong

@pytest.mark.parametrize("kind", ["gdpo", "frozen"])
def test_three_answers_of_two_rewards_get_three_advantages(kind: str) -> None:
    found = table((0, 1), (1, 0), (0, 2))
    result = fused(found, [0, 0, 0], plan(kind, [1, 1], reference=reference([0.4, 0.9], [0.5, 0.7])))
    first, second, third = sorted(result.advantage_n)
    assert second - first > 0.1 and third - second > 0.1


def test_under_the_plain_sum_they_collapse() -> None:
    both = fused(table((0, 1), (1, 0), (0, 2)), [0, 0, 0], plan("sum", [1, 1])).advantage_n
    assert both[0] == both[1]
    pairs = table((0, 0), (0, 1), (0, 0), (0, 2))  # (0, 1) and (0, 2), each against nothing
    collapsed = fused(pairs, [0, 0, 1, 1], plan("sum", [1, 1])).advantage_n
    assert collapsed[1] == pytest.approx(collapsed[3], abs=1e-9)
    kept = fused(pairs, [0, 0, 1, 1], plan("frozen", [1, 1], AdvantageConfig("dr_grpo"),
                                           reference=reference([0, 0], [1, 1]))).advantage_n
    assert kept[3] == pytest.approx(2 * kept[1])


# --- where there is no score

@pytest.mark.parametrize("kind", ["sum", "gdpo", "frozen"])
def test_a_reward_without_a_score_has_no_part_in_statistics_and_moves_nothing(kind: str) -> None:
    """The first response of four is known by a alone: b's numbers are those of the three others."""
    how = plan(kind, [1, 1], AdvantageConfig("dr_grpo"), reference=reference([0, 0], [1, 1])) if kind == "frozen" else plan(
        kind, [1, 1], FINE if kind == "gdpo" else AdvantageConfig("dr_grpo"))
    found = table((0.9, NONE), (0.2, 0.1), (0.4, 0.6), (0.1, 0.5))
    result = fused(found, [0] * 4, how)
    assert not result.unscored and result.push_nk[0, 1] == pytest.approx(0, abs=1e-12)
    alone = fused(table((0.1,), (0.6,), (0.5,)), [0] * 3, replace(how, base_k=np.ones(1), weight_k=np.ones(1), reference=(
        reference([0], [1]) if kind == "frozen" else None)))
    pushed = result.push_nk[1:, 1]
    np.testing.assert_allclose(pushed / np.abs(pushed).sum(), alone.push_nk[:, 0] / np.abs(alone.push_nk).sum(), atol=1e-9)
    said = component_summary(found, result)
    assert said["component_unscored"] == {"a": 0.0, "b": 0.25} and said["component_reasons"] == {"b/deadline": 1}
    assert said["component_mean"]["b"] == pytest.approx(0.4)
    assert said["component_spread"]["b"] == pytest.approx(np.std([0.1, 0.6, 0.5], ddof=1))


def test_a_group_without_a_reward_learns_from_the_others() -> None:
    found = table((0.9, NONE), (0.2, NONE), (0.4, 0.6), (0.1, 0.5))
    result = fused(found, [0, 0, 1, 1], plan("sum", [1, 1], AdvantageConfig("dr_grpo")))
    np.testing.assert_allclose(result.advantage_n, [0.35, -0.35, 0.2, -0.2])


@pytest.mark.parametrize("kind", ["sum", "gdpo", "frozen"])
def test_what_is_told_of_does_not_fall_with_a_judge_that_a_group_lacks(kind: str) -> None:
    """b is 0.6 and 0.5 in the batch, so 0.55 where nobody has it; the last group is not spoken of at all: 0 there."""
    found = table((0.9, NONE), (0.2, NONE), (0.4, 0.6), (0.1, 0.5), (1, NONE), (0, NONE), asked=[[1, 1]] * 4 + [[1, 0]] * 2)
    how = plan(kind, [1, 2], reference=reference([0, 0], [1, 1]))
    result = fused(found, [0, 0, 1, 1, 2, 2], how)
    np.testing.assert_allclose(result.reward_n, [0.9 + 1.1, 0.2 + 1.1, 1.6, 1.1, 1, 0])
    alone = fused(table((0.9,), (0.2,)), [0, 0], plan("sum", [1]))
    if kind != "gdpo":  # whose deviation is the batch's
        np.testing.assert_allclose(result.advantage_n[:2], alone.advantage_n)


def test_a_reward_that_has_scored_nothing_at_all_leaves_its_responses_unscored() -> None:
    """Else a server that is gone would turn the run into another one without a word."""
    found = table((0.9, NONE), (0.2, NONE), (0.4, NONE), (0.1, NONE), asked=[[1, 1], [1, 1], [1, 0], [1, 0]])
    result = fused(found, [0, 0, 1, 1], plan("sum", [1, 1]))
    assert set(result.unscored) == {0, 1} and result.unscored[0] == "b has scored none of the batch: deadline: late"
    assert result.total_n[2:] == [0.4, 0.1]  # it does not speak of these
    watched = fused(found, [0, 0, 1, 1], plan("sum", [1, 0]))  # without a weight it is nothing that was to be learnt
    assert not watched.unscored and component_summary(found, watched)["component_unscored"]["b"] == 1.0


def test_a_response_of_which_nothing_is_known_keeps_its_reason() -> None:
    result = fused(table((NONE, NONE), (1, 0), (0, 0)), [0] * 3, plan("sum", [1, 1]))
    assert result.unscored == {0: "deadline: late"} and result.reward_n[0] is None


def test_what_is_not_finite_is_refused() -> None:
    asked, nothing = np.ones((2, 1), bool), dict[tuple[int, int], str]()
    for value in (math.nan, math.inf):
        with pytest.raises(ValueError, match="the reward 'a' of response 1 is (nan|inf): what is not finite is Unscored"):
            Components(("a",), np.array([[0.0], [value]]), asked, nothing, [{}, {}])


def test_shares_of_the_gradient_by_hand() -> None:
    """a: +-0.5, b: +-1 (2 x 0.5) of a group in which both differ; c is the same for all."""
    found = table((1, 0, 0.5), (0, 1, 0.5))
    said = component_summary(found, fused(found, [0, 0], plan("sum", [1, 2, 9], AdvantageConfig("dr_grpo"))))
    assert said["component_gradient"] == pytest.approx({"a": 1 / 3, "b": 2 / 3, "c": 0.0})
    flat = table((1, 0), (0, 1))  # they cancel: no advantage, no part in it
    assert component_summary(flat, fused(flat, [0, 0], plan("sum", [1, 1])))["component_gradient"] == {}


# --- what must change no advantage

_values = st.floats(-1, 1).map(lambda value: round(value, 2))
_tables = st.integers(1, 3).flatmap(lambda k: st.lists(
    st.tuples(st.integers(0, 2), st.lists(_values | st.just(NONE), min_size=k, max_size=k)), min_size=2, max_size=9))
_kinds = st.sampled_from(["sum", "gdpo", "frozen"])


def plan_for(kind: str, weight: list[float]) -> Plan:
    some = len(weight)
    return plan(kind, weight, FINE, reference=reference([0.1, -0.2, 0.3, 0.5][:some], [0.5, 0.4, 0.3, 0.2][:some]))


@settings(deadline=None)
@given(_tables, _kinds, st.randoms())
def test_the_order_of_responses_does_not_matter(rows: list, kind: str, draw: object) -> None:
    groups, values = [group for group, _ in rows], [tuple(some) for _, some in rows]
    how = plan_for(kind, [1.0, 0.5, 2.0][: len(values[0])])
    order = list(range(len(rows)))
    draw.shuffle(order)
    whole = fused(table(*values), groups, how)
    moved = fused(table(*[values[n] for n in order]), [groups[n] for n in order], how)
    np.testing.assert_allclose(moved.advantage_n, whole.advantage_n[order], atol=1e-3)
    assert [moved.reward_n[at] is None for at in range(len(order))] == [whole.reward_n[n] is None for n in order]


@settings(deadline=None)
@given(_tables, _kinds, st.sampled_from(["grpo", "dr_grpo", "rloo"]), _values)
def test_a_reward_that_is_the_same_for_all_changes_no_advantage(rows: list, kind: str, advantage: str, constant: float) -> None:
    """Of those that had a score without it."""
    groups, values = [group for group, _ in rows], [tuple(some) for _, some in rows]
    weight = [1.0, 0.5, 2.0][: len(values[0])]
    config = AdvantageConfig(advantage) if kind != "gdpo" else AdvantageConfig()
    without = fused(table(*values), groups, replace(plan_for(kind, weight), advantage=config))
    if without.unscored:
        return
    more = [(*some, constant) for some in values]
    with_it = fused(table(*more), groups, replace(plan_for(kind, [*weight, 3.0]), advantage=config))
    np.testing.assert_allclose(with_it.advantage_n, without.advantage_n, atol=1e-6)


@settings(deadline=None)
@given(_tables, st.sampled_from(["gdpo", "frozen"]), st.floats(0.2, 5), st.integers(0, 2))
def test_the_scale_of_a_reward_does_not_matter(rows: list, kind: str, scale: float, which: int) -> None:
    """Under frozen normalisation the reference's is scaled with it, as it is measured."""
    groups, values = [group for group, _ in rows], np.array([some for _, some in rows])
    k = which % values.shape[1]
    scaled = values.copy()
    scaled[:, k] *= scale
    some = np.random.default_rng(0).uniform(-1, 1, (20, values.shape[1]))
    more = some.copy()
    more[:, k] *= scale
    weight = [1.0, 0.5, 2.0][: values.shape[1]]
    before, after = (fused(table(*map(tuple, one)), groups, plan(kind, weight, AdvantageConfig(epsilon=1e-9), reference=measured(
        [table(*map(tuple, earned))], {}, 1e-9))) for one, earned in ((values, some), (scaled, more)))
    np.testing.assert_allclose(after.advantage_n, before.advantage_n, atol=1e-5)


@settings(deadline=None)
@given(_tables, _kinds)
def test_advantages_are_what_the_rewards_push_together(rows: list, kind: str) -> None:
    groups, values = [group for group, _ in rows], [tuple(some) for _, some in rows]
    how = replace(plan_for(kind, [1.0, 0.5, 2.0][: len(values[0])]), advantage=AdvantageConfig())
    result = fused(table(*values), groups, how)
    np.testing.assert_allclose(result.push_nk.sum(axis=1), result.advantage_n, atol=1e-6)
    for group in set(groups):
        of = [n for n, other in enumerate(groups) if other == group]
        assert abs(result.advantage_n[of].sum()) < 1e-6


def test_one_reward_alone_is_todays() -> None:
    draw = np.random.default_rng(1)
    values, groups = draw.random(24), [n // 4 for n in range(24)]
    for kind in ("grpo", "dr_grpo", "rloo"):
        config = AdvantageConfig(kind)
        result = fused(table(*[(value,) for value in values]), groups, plan("sum", [1], config))
        np.testing.assert_array_equal(result.advantage_n, advantages(values.tolist(), groups, config))


def test_batches_put_together_keep_what_is_missing() -> None:
    one, other = table((1, NONE), (0, 1)), table((NONE, 0.5), (0.25, 0.75))
    found = joined([(one, [1, 0]), (other, [0])])
    np.testing.assert_array_equal(found.value_nk, [[0, 1], [1, NONE], [NONE, 0.5]])
    assert found.why == {(1, 1): "deadline: late", (2, 0): "deadline: late"}
