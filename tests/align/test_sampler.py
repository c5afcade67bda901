"""Which prompts are asked: evenly by stratum, mastered ones left out, the same after a restart; and batches of experience."""

import dataclasses
import json
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from megatron_qm.align.rl.collect import merged
from megatron_qm.align.rl.experience import judged, pass_rates, samples_of, summary
from megatron_qm.align.rl.rows import layout, row_length, rows
from megatron_qm.align.rl.sampler import PromptSampler
from megatron_qm.align.rollouts.rollout import Rollout
from megatron_qm.config.rl import CurriculumConfig, RlConfig, SamplingConfig, ShapingConfig
from megatron_qm.errors import UserError
from megatron_qm.rewards.items import Item
from megatron_qm.rewards.outcome import Scored, Unscored


def items(counts: dict[str, int]) -> list[Item]:
    message = ({"role": "user", "content": "?"},)
    return [Item(f"{label}{n}", "exam", message, "A", label=label) for label, count in counts.items() for n in range(count)]


@given(st.lists(st.integers(1, 40), min_size=1, max_size=4), st.integers(0, 5))
def test_any_stretch_holds_each_stratum_in_proportion(sizes: list[int], seed: int) -> None:
    counts = {f"l{at}-": size for at, size in enumerate(sizes)}
    sampler = PromptSampler(items(counts), CurriculumConfig(), seed)
    order = sampler.take(sum(sizes))
    assert Counter(item.key for item in order) == Counter(item.key for item in sampler.items)
    for stop in range(len(order) + 1):
        seen = Counter(item.label for item in order[:stop])
        # each stratum alone is within one of its share; the others' unevenness moves the stretch by as many
        assert all(abs(seen[label] - stop * size / len(order)) <= 1 + len(sizes) / 2 for label, size in counts.items())


def test_mastered_prompts_leave_and_hopeless_ones_too() -> None:
    sampler = PromptSampler(items({"a": 4}), CurriculumConfig(mastered_at=0.9, hopeless_at=0.0), 1)
    sampler.take(4)
    for key, rate in {"a0": 1.0, "a1": 0.5, "a2": 0.0}.items():
        sampler.note(key, rate)
    assert {item.key for item in sampler.take(2)} == {"a1", "a3"} and sampler.epoch == 1
    assert sorted(sampler.left) == ["a0", "a2"]
    everything = PromptSampler(items({"a": 4}), CurriculumConfig(resample=False), 1)
    everything.take(4)
    everything.note("a0", 1.0)
    assert len({item.key for item in everything.take(4)}) == 4


def test_a_share_of_the_mastered_is_asked_all_the_same_and_another_each_epoch() -> None:
    sampler = PromptSampler(items({"a": 40, "b": 10}), CurriculumConfig(rehearse=0.25, hopeless_at=0.0), 1)
    for item in sampler.take(50):
        sampler.note(item.key, 1.0 if item.label == "a" else 0.0 if item.key == "b0" else 0.5)
    epochs = []
    for _ in range(8):
        asked = {item.key for item in sampler.take(50 - 30 - 1)}
        assert {item for item in asked if item[0] == "b"} == {f"b{n}" for n in range(1, 10)}
        assert len(asked) == 10 + 9 and len(sampler.left) == 30 + 1
        epochs.append(frozenset(asked))
    assert len(set(epochs)) == 8 and sampler.epoch == 8


def test_by_difficulty_a_prompt_is_asked_as_often_as_its_answers_differ() -> None:
    """Pass rates of 0, 1/8, ... 1; 200 prompts of each, 40 epochs: shares asked against 4 p (1 - p) + rehearse of the rest."""
    config = CurriculumConfig(by="difficulty", rehearse=0.1)
    sampler = PromptSampler(items({f"{eighths}/": 200 for eighths in range(9)}), config, 1)
    for item in sampler.items:
        sampler.note(item.key, int(item.key[0]) / 8)
    sampler.take(len(sampler.items))
    asked: Counter[str] = Counter()
    for epoch in range(1, 41):
        asked.update(item.key for item in sampler.take(1))  # the epoch begins
        assert sampler.epoch == epoch
        asked.update(item.key for item in sampler.take(len(sampler.items) - len(sampler.left) - 1))
    for eighths in range(9):
        share = sum(count for key, count in asked.items() if key[0] == str(eighths)) / (200 * 40)
        apart = 4 * eighths / 8 * (1 - eighths / 8)
        assert share == pytest.approx(apart + 0.1 * (1 - apart), abs=0.02)
    assert len(asked) > 0.98 * len(sampler.items), "in the end everything is asked again"


def test_where_all_are_mastered_all_are_asked_again() -> None:
    sampler = PromptSampler(items({"a": 3}), CurriculumConfig(), 1)
    for item in sampler.take(3):
        sampler.note(item.key, 1.0)
    assert len({item.key for item in sampler.take(3)}) == 3 and sampler.left == []


@given(st.lists(st.integers(1, 7), min_size=1, max_size=8), st.integers(0, 7))
def test_a_restored_sampler_goes_on_alike(takes: list[int], at: int) -> None:
    one = PromptSampler(items({"a": 5, "b": 3}), CurriculumConfig(mastered_at=0.5), 3)
    other = None
    for number, count in enumerate(takes):
        if number == min(at, len(takes) - 1):
            other = PromptSampler(items({"a": 5, "b": 3}), CurriculumConfig(mastered_at=0.5), 3)
            other.restore(one.state())
        taken = one.take(count)
        assert other is None or [item.key for item in other.take(count)] == [item.key for item in taken]
        for sampler in (one, other or one):
            for item in taken:
                sampler.note(item.key, float(item.key.endswith("1")))


def sampler_of(some: list[Item], seed: int = 1) -> PromptSampler:
    return PromptSampler(some, CurriculumConfig(), seed)


def test_other_items_or_another_seed_are_refused(caplog: pytest.LogCaptureFixture) -> None:
    sampler = sampler_of(items({"a": 2}))
    sampler.note("a1", 1.0)
    earlier = {name: value for name, value in sampler.state().items() if name != "digests"}
    with pytest.raises(UserError, match="without 'a1'"):
        sampler_of(items({"b": 2})).restore(earlier)
    assert not caplog.text
    sampler_of(items({"a": 2})).restore(earlier)
    assert "of an earlier version" in caplog.text
    with pytest.raises(UserError, match=r"data\.seed"):
        sampler_of(items({"a": 2}), 2).restore(sampler.state())


ITEMS = items({"a": 4})


def with_one(**changes: object) -> list[Item]:
    return [*ITEMS[:2], dataclasses.replace(ITEMS[2], **changes), ITEMS[3]]


@pytest.mark.parametrize(("others", "why"), [
    (with_one(reference="B"), "1 differ, the first is 'a2', which was changed"),
    (with_one(messages=({"role": "user", "content": "? "},)), "'a2', which was changed"),
    (with_one(task="diagnosis"), "'a2', which was changed"),
    (with_one(metadata={"options": {"A": "x"}}), "'a2', which was changed"),
    (with_one(label="b"), "'a2', which was changed"),
    ([dataclasses.replace(item, reference="C") for item in ITEMS], "4 differ, the first is 'a0', which was changed"),
    (ITEMS[:1] + ITEMS[2:], "1 differ, the first is 'a1', which is missing"),
    ([*ITEMS, dataclasses.replace(ITEMS[0], key="new")], "1 differ, the first is 'new', which is new"),
    (with_one(key="other"), "2 differ, the first is 'a2', which is missing"),
    ([ITEMS[0], ITEMS[2], ITEMS[1], ITEMS[3]], "2 differ, the first is 'a2', which stands elsewhere"),
])
def test_items_that_were_edited_are_refused(others: list[Item], why: str) -> None:
    state = json.loads(json.dumps(sampler_of(ITEMS).state()))  # as a checkpoint gives it back
    with pytest.raises(UserError, match=r"rl\.items: these are not the 4 items .*train\.start_from=") as caught:
        sampler_of(others).restore(state)
    assert why in str(caught.value)


def test_the_same_items_in_another_file_are_the_same() -> None:
    sampler, strata = sampler_of(ITEMS), [dataclasses.replace(item, strata={"level": "resident"}) for item in ITEMS]
    sampler_of(strata).restore(json.loads(json.dumps(sampler.state())))


CONFIG = RlConfig(prompts=2, samples=2, sampling=SamplingConfig(max_new_tokens=4))


def rollout(key: str, prompt: int, tokens: int, reason: str = "stop") -> Rollout:
    return Rollout(key, tuple(range(1, prompt + 1)), tuple(range(50, 50 + tokens)), (-0.5,) * tokens, None, reason, 0, 0, "x")


def experience(config: RlConfig = CONFIG, values: tuple = (1.0, 0.0, None, 0.5)):
    asked = [item for item in items({"a": 2}) for _ in range(2)]
    outcomes = [Unscored("crash: gone") if v is None else Scored(v, {"f1": v}) for v in values]
    rollouts = [rollout("a0#0", 3, 2), rollout("a0#1", 3, 4, "length"), rollout("a1#0", 5, 1), rollout("a1#1", 5, 3)]
    return judged(asked, rollouts, outcomes, None, config)


def test_unscored_is_masked_and_counted_and_never_a_zero() -> None:
    found = experience()
    assert found.reward_n == [1.0, 0.0, None, 0.5] and list(found.advantage_n[2:]) == [0.0, 0.0]
    assert found.advantage_n[0] == pytest.approx(0.5 / (np.std([1, 0], ddof=1) + 1e-6))
    said = summary(found)
    assert said["reward"] == 0.5 and said["unscored"] == 0.25 and said["unscored_reasons"] == {"crash": 1}
    assert said["zero_variance"] == 0.5 and said["truncated"] == 0.25 and said["entropy"] == 0.5
    assert pass_rates(found) == {"a0": 0.5, "a1": 0.5}
    assert samples_of("unscored", found) == ["a1#0"] and samples_of("truncated", found) == ["a0#1"]
    batch = rows(found, [[0, 1], [2], [3]], 16, CONFIG)
    assert batch.loss_mask_bs.sum() == 2 + 4 + 3  # the unscored response's token bears no loss
    assert not batch.loss_mask_bs[1].any()


@pytest.mark.parametrize("packed", [False, True])
def test_rows_hold_what_each_response_is(packed: bool) -> None:
    found = experience(values=(1.0, 0.0, 0.25, 0.5))
    filled = layout(found, range(4), 16, 4, packed=packed)
    length = 16 if packed else row_length(found, 4)
    assert length == (16 if packed else 8) and sorted(sum(filled, [])) == [0, 1, 2, 3] and len(filled) == (2 if packed else 4)
    batch, seen = rows(found, [*filled, []], length, CONFIG), []
    for b in range(len(filled)):
        for at in np.flatnonzero(batch.loss_mask_bs[b]):
            n = next(n for n in filled[b] if found.advantage_n[n] == pytest.approx(batch.extra["advantage"][b, at], rel=1e-6))
            whole, position = found.rollouts[n].prompt + found.rollouts[n].tokens, batch.position_ids_bs[b, at]
            assert (batch.tokens_bs[b, at], batch.labels_bs[b, at]) == (whole[position], whole[position + 1])
            seen.append((n, int(batch.labels_bs[b, at])))
    assert sorted(seen) == sorted((n, token) for n in range(4) for token in found.rollouts[n].tokens)
    assert not batch.loss_mask_bs[-1].any()  # a row that fills up the batch


def test_shaping_moves_the_reward_and_not_the_pass_rate() -> None:
    shaped = RlConfig(prompts=2, samples=2, sampling=SamplingConfig(max_new_tokens=4),
                      shaping=ShapingConfig(format_weight=0.5, overlong_buffer=2))
    found = experience(shaped, (1.0, 0.0, 0.25, 0.5))
    with_format = judged(found.items, found.rollouts, found.outcomes, [1.0, 1.0, 0.0, 1.0], shaped)
    assert with_format.reward_n == [1.0, 0.5 - 1.0, 0.125, 0.75 - 0.5]  # 4 tokens of 4: -1; 3: -1/2
    assert pass_rates(with_format) == {"a0": 0.5, "a1": 0.375}


def test_what_is_said_again_is_taken_off_the_reward() -> None:
    shaped = RlConfig(shaping=ShapingConfig(repetition_weight=0.5, repetition_ngram=1))
    found, again = experience(values=(1.0, 0.5, None, 0.0)), (7, 7, 8, 7)
    rollouts = [dataclasses.replace(found.rollouts[0], tokens=again), *found.rollouts[1:]]
    assert judged(found.items, rollouts, found.outcomes, None, shaped).reward_n == [0.75, 0.5, None, 0.0]


def test_dynamic_sampling_takes_whole_informative_groups_and_fills_up() -> None:
    flat, useful = experience(values=(1.0, 1.0, 0.0, 0.5)), experience(values=(1.0, 0.0, 1.0, 1.0))
    joined = merged([flat, useful], CONFIG)
    assert joined.reward_n == [0.0, 0.5, 1.0, 0.0] and len(set(joined.group_n)) == 2
    filled = merged([flat, flat], RlConfig(prompts=3, samples=2))
    assert len(filled) == 6 and sorted(filled.reward_n) == [0.0, 0.0, 0.5, 0.5, 1.0, 1.0]
