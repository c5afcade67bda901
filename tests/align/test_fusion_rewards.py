"""Where named rewards come from: the item's verifier, further ones, parts of verdicts, and endpoints; and what is kept."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from megatron_qm.align.digest import digest
from megatron_qm.align.rl.collect import merged
from megatron_qm.align.rl.experience import informative, pass_rates, samples_of, summary
from megatron_qm.align.rl.feed import RolloutFeed
from megatron_qm.align.rl.fusion.components import components
from megatron_qm.align.rl.fusion.fusion import Fusion, fusion_of
from megatron_qm.align.rl.fusion.reference import measured, read_reference
from megatron_qm.align.rl.fusion.sources import TOKEN, Source, check_applies, check_endpoints
from megatron_qm.align.rl.judges import Judges, judge_digest, judged_items, reference_identity
from megatron_qm.align.rl.verdicts import Response, Verdicts, kept_verdicts, read_lines, verdict_lines
from megatron_qm.align.rollouts.rollout import Rollout
from megatron_qm.config.fusion import FusionConfig, RewardConfig
from megatron_qm.config.rl import AdvantageConfig, CurriculumConfig, RlConfig, SamplingConfig, ShapingConfig, VerifierConfig
from megatron_qm.errors import UserError
from megatron_qm.rewards.items import Item
from megatron_qm.rewards.outcome import Outcome, Scored, Unscored

MINE = "tests.align.test_fusion_rewards"
ASKED = ({"role": "user", "content": "A or B?"},)


def by_length(prompt: str, response: str, reference: object, metadata: Mapping[str, object]) -> Outcome:
    return Scored(min(len(response) / 10, 1), {"characters": float(len(response))}, "by length")


def item(key: str, task: str = "exam", reference: object = "A") -> Item:
    return Item(key, task, ASKED, reference, {"options": {"A": "x", "B": "y"}})


def config(*rewards: RewardConfig, **more: object) -> RlConfig:
    return RlConfig(items="items.jsonl", rewards=list(rewards), verifier=VerifierConfig(workers=1), **more)


RIGHT, LENGTH = RewardConfig("right"), RewardConfig("length", verifier=f"{MINE}:by_length")
RAW = RewardConfig("raw", verifier=f"{MINE}:by_length", part="characters", weight=0.5)


class Fixed:
    """A scorer that gives what it was made with, and remembers what it was asked."""

    def __init__(self, outcomes: Sequence[object]) -> None:
        self.outcomes, self.asked = outcomes, list[tuple[str, str]]()

    def scores(self, items: Sequence[Item], texts: Sequence[str]) -> list[Outcome]:
        self.asked += [(one.key, text) for one, text in zip(items, texts, strict=True)]
        if isinstance(self.outcomes, Exception):
            raise self.outcomes
        return list(self.outcomes)


def test_every_source_is_asked_once_about_the_items_that_it_speaks_of() -> None:
    model = RewardConfig("model", endpoint="http://127.0.0.1:1", tasks=["exam"])
    asked = config(RIGHT, LENGTH, RAW, model)
    scorer = Fixed([Scored(0.5), Unscored("model: asleep")])
    items = [item("a"), item("b", "ordering", ["1", "2"]), item("c")]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(TOKEN, "t")
        with Judges(asked, {Source(endpoint="http://127.0.0.1:1"): scorer}) as judges:
            said = judges.verdicts(items, ["A", "word", "B"]).said
    assert said is not None and set(said) == {"item", f"verifier {MINE}:by_length", "task at http://127.0.0.1:1"}
    assert scorer.asked == [("a", "A"), ("c", "B")]
    found = components(asked.rewards, items, said)
    np.testing.assert_array_equal(found.value_nk[[0, 2]], [[1, 0.1, 1, 0.5], [0, 0.1, 1, np.nan]])
    assert found.value_nk[1, 1:3].tolist() == [0.4, 4.0] and found.asked_nk[:, 3].tolist() == [True, False, True]
    assert found.why == {(2, 3): "model: asleep"} | ({(1, 0): found.why[1, 0]} if (1, 0) in found.why else {})


@pytest.mark.parametrize(("given", "why"), [
    (RuntimeError("gone"), "exception: RuntimeError: gone"), ([Scored(1.0)], "scorer: 1 outcomes of 2 responses"),
    ([Scored(1.0), "yes"], "no outcome: the verifier returned a str"),
])
def test_a_scorer_that_fails_costs_scores_and_nothing_else(given: object, why: str) -> None:
    source = Source(verifier="model")
    with Judges(config(RIGHT, RewardConfig("model", verifier="model")), {source: Fixed(given)}) as judges:
        said = judges.verdicts([item("a"), item("b")], ["A", "B"]).said
    assert said is not None and said["verifier model"][1] == Unscored(why)
    assert [one.value for one in said["item"]] == [1.0, 0.0]


def test_a_part_that_a_verdict_has_not_is_unscored_with_the_nearest() -> None:
    asked = [RewardConfig("honesty", part="honestly"), RewardConfig("f1", part="f1")]
    said = {"item": [Scored(0.5, {"honesty": 0.2, "f1": 3.0}), Scored(1.0), Unscored("crash: gone")]}
    found = components(asked, [item(name) for name in "abc"], said)
    assert found.why[0, 0] == "part: the verdict has no part 'honestly'; did you mean 'honesty'?"
    assert found.why[1, 1] == "part: the verdict has no part 'f1'; it has none" and found.why[2, 1] == "crash: gone"
    assert found.value_nk[0, 1] == 3.0


def test_verdicts_of_several_are_kept_and_read_back(tmp_path: Path) -> None:
    responses = [Response(f"0/0/a#{n}", item("a"), text) for n, text in enumerate(("A", "B", "C"))]
    said = {"item": [Scored(0.1 + 0.2, {"f1": 1 / 3}, "“so”"), Unscored("crash: gone"), Scored(0)],
            "model": [None, Scored(1), None]}
    lines = verdict_lines(Verdicts([], None, said), responses, "me")
    assert json.loads(lines[1])["said"] == {
        "item": {"unscored": "crash: gone"}, "model": {"value": 1.0, "parts": {}, "explanation": ""}}
    assert read_lines(b"".join(lines).splitlines(), responses, "me") == Verdicts([], None, said)
    path = tmp_path / "000000.outcomes.jsonl"
    path.write_bytes(b"".join(lines))
    assert kept_verdicts(path, responses, "me") is not None and kept_verdicts(path, responses, "you") is None


def test_who_judges_is_in_the_digest_and_weights_are_not() -> None:
    def by(*rewards: RewardConfig, **more: object) -> str:
        return judge_digest(config(*rewards, **more), ["exam"])

    assert by() != by(RIGHT) and by(RIGHT, LENGTH) != by(RIGHT) and by(replace(RIGHT, tasks=["exam"])) != by(RIGHT)
    assert by(RIGHT, LENGTH) == by(replace(LENGTH, weight=3.0, name="x"), RIGHT) == by(RIGHT, LENGTH, fusion=FusionConfig("gdpo"))
    named = RewardConfig("length", verifier="long")
    assert by(named, verifiers=[f"long={MINE}:by_length"]) != by(named, verifiers=["long=tests.align.stages:by_letters"])


# --- a batch of experience

def batch(said: Mapping[str, Sequence[Outcome | None]], asked: RlConfig, fusion: Fusion | None = None):
    items = [item("a"), item("a"), item("b"), item("b")]
    rollouts = [Rollout(f"{n}", (1,), (2,) * (n + 1), (-0.5,) * (n + 1), None, "stop", 0, 0, "x") for n in range(4)]
    fusion = fusion or Fusion(asked, {})
    return fusion, fusion.judged(items, rollouts, fusion.components(items, said))


SAID = {"item": [Scored(1.0, {"f1": 0.5}), Scored(0.0, {"f1": 1.0}), Unscored("crash: gone"), Scored(0.5, {"f1": 0.5})]}


def test_a_batch_of_named_rewards_says_what_other_batches_say_and_more() -> None:
    asked = config(RIGHT, RewardConfig("f1", part="f1"), samples=2)
    _, found = batch(SAID, asked)
    assert found.reward_n == [1.5, 1.0, None, 1.0]
    assert pass_rates(found) == {"a": pytest.approx(0.625), "b": 0.5}  # means of both rewards
    said = summary(found)
    assert said["unscored"] == 0.25 and said["unscored_reasons"] == {"crash": 1} and said["reward_by_part"] == {"exam/f1": 2 / 3}
    assert found.told["component_mean"] == {"right": 0.5, "f1": pytest.approx(2 / 3)}
    assert found.told["component_unscored"] == {"right": 0.25, "f1": 0.25} and samples_of("unscored", found) == ["2"]


def test_groups_in_which_rewards_cancel_are_informative_where_they_are_told_apart() -> None:
    """1 x 1 + 0.5 x 0 and 1 x 0 + 0.5 x 2: one sum; by the group's deviations 0.5 and -0.5. The other group is flat in both."""
    said = {"item": [Scored(1.0, {"f1": 0.0}), Scored(0.0, {"f1": 2.0}), Scored(0.5, {"f1": 0.5}), Scored(0.5, {"f1": 0.5})]}
    two = (RIGHT, RewardConfig("f1", part="f1", weight=0.5))
    found = {kind: batch(said, config(*two, fusion=FusionConfig(kind)))[1] for kind in ("sum", "gdpo")}
    assert informative(found["sum"]) == [] and informative(found["gdpo"]) == [0, 1]
    assert summary(found["sum"])["zero_variance"] == 1.0 and summary(found["gdpo"])["zero_variance"] == 0.5


def test_groups_of_several_batches_are_fused_as_one_batch() -> None:
    """Under gdpo the batch's deviation is that of what is learnt from, wherever it was asked."""
    asked = config(RIGHT, RewardConfig("f1", part="f1"), prompts=2, samples=2, fusion=FusionConfig("gdpo"))
    flat = {"item": [Scored(1.0, {"f1": 0.5})] * 2 + [Scored(1.0, {"f1": 0.0}), Scored(0.5, {"f1": 0.0})]}
    useful = {"item": [Scored(1.0, {"f1": 0.0}), Scored(0.0, {"f1": -2.0}), Unscored("crash: gone"), Unscored("crash: gone")]}
    fusion, first = batch(flat, asked)
    joined = merged([first, batch(useful, asked, fusion)[1]], asked, fusion)
    assert joined.reward_n == [1.0, 0.5, 1.0, -2.0] and joined.group_n == [0, 0, 1, 1]
    z = math.sqrt(0.5) * np.array([1, -1, 2, -2])
    np.testing.assert_allclose(joined.advantage_n, z / np.std(z, ddof=1), atol=1e-4)


def test_length_and_repetition_are_taken_off_whatever_the_rewards() -> None:
    shaped = config(RIGHT, sampling=SamplingConfig(max_new_tokens=4), shaping=ShapingConfig(overlong_buffer=2))
    _, found = batch({"item": [Scored(1.0)] * 4}, shaped)
    assert found.reward_n == [1.0, 1.0, 0.5, 0.0]


def test_adaptive_weights_follow_the_batches_that_are_learnt_from_and_go_on_where_they_were() -> None:
    asked = config(replace(RIGHT, target=0.9), RewardConfig("f1", part="f1", target=0.5), samples=2,
                   fusion=FusionConfig("adaptive", weakness=2.0, redundancy=0.0, momentum=1.0))
    fusion, first = batch(SAID, asked)
    np.testing.assert_array_equal(first.fused.weight_k, [1, 1])
    fusion.note(first)
    weight = np.array([1 + 2 * (0.4 / 0.9), 1.0])
    _, second = batch(SAID, asked, fusion)
    np.testing.assert_allclose(second.fused.weight_k, weight * 2 / weight.sum())
    again = Fusion(asked, {})
    again.restore(json.loads(json.dumps(fusion.state())))
    np.testing.assert_array_equal(batch(SAID, asked, again)[1].advantage_n, second.advantage_n)
    with pytest.raises(UserError, match=r"the run has learnt from \['right', 'f1'\], and these are \['right'\]"):
        Fusion(replace(asked, rewards=asked.rewards[:1]), {}).restore(fusion.state())


def test_a_batch_without_the_reference_teaches_nothing_and_one_is_measured_once() -> None:
    asked = config(RIGHT, RewardConfig("f1", part="f1"), fusion=FusionConfig("frozen", batches=2),
                   advantage=AdvantageConfig("dr_grpo"))
    fusion, found = batch(SAID, asked)
    assert fusion.to_measure == 2 and found.reward_n == [None] * 4
    assert {one.reason.partition(":")[0] for one in found.outcomes} == {"reference", "crash"}
    fusion.measure([found.found])
    assert fusion.to_measure == 2  # nothing was known of it
    real = fusion.components(found.items, SAID)
    fusion.measure([real, real])
    assert fusion.to_measure == 0
    _, learnt = batch(SAID, asked, fusion)
    z = (np.array([[1, 0.5], [0, 1.0]]) - [0.5, 2 / 3]) / [np.std([1, 0, 0.5] * 2, ddof=1), np.std([0.5, 1, 0.5] * 2, ddof=1)]
    total = z.sum(axis=1)
    np.testing.assert_allclose(learnt.advantage_n[:2], total - total.mean())
    resumed = Fusion(asked, {})
    resumed.restore(json.loads(json.dumps(fusion.state())))
    np.testing.assert_array_equal(batch(SAID, asked, resumed)[1].advantage_n, learnt.advantage_n)
    with pytest.raises(UserError, match="the checkpoint holds no statistics of the reference"):
        Fusion(asked, {}).restore(None)


def test_scores_of_a_rare_reward_are_gathered_over_batches_and_it_is_named_meanwhile() -> None:
    asked = config(RIGHT, replace(LENGTH, name="rare", tasks=["ordering"]), fusion=FusionConfig("frozen", batches=2))
    fusion = Fusion(asked, {})
    plenty, once = [item("a"), item("b")], [item("a"), item("o", "ordering")]

    def measure(items: list[Item], *values: float) -> None:
        said = {"item": [Scored(1.0), Scored(0.0)], f"verifier {MINE}:by_length": [Scored(value) for value in values]}
        fusion.measure([fusion.components(items, said)])

    measure(plenty, 0, 0)
    measure(once, 0, 0.25)
    found = fusion.components(once, {"item": [Scored(1.0), Scored(0.0)]})
    rollouts = [Rollout(f"{n}", (1,), (2,), (-0.5,), None, "stop", 0, 0, "x") for n in range(2)]
    reason = fusion.judged(once, rollouts, found).outcomes[0].reason
    assert "of 2 batches rare has 1" in reason and "rl.fusion.batches (now 2)" in reason and len(reason) < 200
    assert fusion.to_measure == 2
    measure(once, 0, 0.75)
    assert fusion.to_measure == 0 and fusion.reference is not None
    assert fusion.reference.count_k.tolist() == [6, 2] and fusion.reference.mean_k.tolist() == [0.5, 0.5]


def feed_of(asked: RlConfig, saids: list[Mapping[str, Sequence[Outcome]]]) -> tuple[RolloutFeed, Fusion]:
    """Whose batches are judged as `saids` one after the other has it."""
    fusion = Fusion(asked, {})
    left = iter(saids)

    def generate(engine: object, number: int, *more: object) -> SimpleNamespace:
        return SimpleNamespace(number=number, seconds=0.0, said=next(left))

    def judge(generated: SimpleNamespace, beside: Sequence[SimpleNamespace] = ()):
        _, found = batch(generated.said, asked, fusion)
        if fusion.to_measure:
            some = [fusion.components(found.items, one.said) for one in (generated, *beside)]
            fusion.measure(some)
        return batch(generated.said, asked, fusion)[1]

    collector = SimpleNamespace(fusion=fusion, generate=generate, judge=judge, note=lambda experience: None)
    policy = SimpleNamespace(publish=lambda version: "w", engine=None)
    return RolloutFeed(SimpleNamespace(rl=asked), None, policy, collector, None, None), fusion


def test_nothing_is_refilled_while_there_is_something_to_measure() -> None:
    """Else statistics would come from one batch where several were asked for, and without a word."""
    asked = config(RIGHT, fusion=FusionConfig("frozen", batches=2), samples=2, prompts=2, curriculum=CurriculumConfig(refills=3))
    gone = {"item": [Unscored("crash: gone")] * 4}
    feed, fusion = feed_of(asked, [gone, gone, SAID, SAID, SAID])
    assert feed._next_experience(1, {})[1].reward_n == [None] * 4 and feed._asked == [0, 1]
    assert fusion.reference is None
    _, found = feed._next_experience(1, {})
    assert feed._asked == [2, 4] and found.reward_n == [1.0, 0.0] * 2  # then for groups with a gradient, as ever
    assert fusion.reference is not None and fusion.reference.count_k.tolist() == [6]


OF = {"weights": "w1", "items": "i1", "rewards": "r1", "sampling": "s1"}


def statistics(path: Path) -> Path:
    fusion, found = batch(SAID, config(RIGHT, RewardConfig("f1", part="f1")))
    reference = measured([found.found], OF, 0.01)
    assert reference is not None
    path.write_text(json.dumps(reference.to_json()))
    return path


def test_statistics_are_read_back_to_the_last_bit(tmp_path: Path) -> None:
    path = statistics(tmp_path / "x.json")
    asked = config(RIGHT, RewardConfig("f1", part="f1"), fusion=FusionConfig("frozen", statistics=str(path)))
    fusion = fusion_of(asked, OF)
    assert fusion.to_measure == 0 and fusion.reference is not None
    assert fusion.reference.to_json() == json.loads(path.read_text())
    other = json.loads(path.read_text())
    other["rewards"]["right"]["mean"] += 1e-9
    path.write_text(json.dumps(other))
    with pytest.raises(UserError, match="their numbers are not those that the run was started with"):
        fusion_of(asked, OF).restore(fusion.state())


@pytest.mark.parametrize("what", list(OF))
def test_statistics_of_another_hash_are_refused_with_both(what: str, tmp_path: Path) -> None:
    path, here = statistics(tmp_path / "x.json"), OF | {what: "z9"}
    with pytest.raises(UserError) as caught:
        read_reference(path, ["right", "f1"], here)
    said = str(caught.value)
    assert f"rl.fusion.statistics = {path}: statistics of another reference" in said
    assert digest(OF) in said and digest(here) in said
    assert f"the {what} differ: {OF[what]} there, z9 here" in said


def test_a_run_with_other_rewards_is_told_that_its_statistics_are_in_its_checkpoint() -> None:
    asked = config(RIGHT, RewardConfig("f1", part="f1"), fusion=FusionConfig("frozen"))
    fusion, found = batch(SAID, asked, Fusion(asked, OF))
    fusion.measure([fusion.components(found.items, SAID)])
    state = json.loads(json.dumps(fusion.state()))
    with pytest.raises(UserError) as caught:
        Fusion(asked, OF | {"rewards": "r2"}).restore(state)
    said = str(caught.value)
    assert said.startswith("rl.fusion: the checkpoint holds") and "the rewards differ: r1 there, r2 here" in said
    assert said.endswith("no file can replace them: start a new run, or bring the old rewards back") and "this file" not in said
    state["reference"] = []
    with pytest.raises(UserError, match="is no JSON object of statistics"):
        Fusion(asked, OF).restore(state)


def test_where_an_endpoint_is_and_what_the_pool_may_take_is_not_what_was_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("megatron_qm.align.rl.fusion.reference.read_manifest", lambda path: SimpleNamespace(files={}))

    def of(reward: RewardConfig, **verifier: object) -> Mapping[str, str]:
        rl = replace(config(RIGHT, reward), verifier=VerifierConfig(**verifier))
        run = SimpleNamespace(rl=rl, train=SimpleNamespace(start_from="x"))
        return reference_identity(run, [item("a")])

    model = RewardConfig("model", endpoint="http://127.0.0.1:1")
    here = of(model)
    assert here == of(replace(model, endpoint="http://elsewhere:2")) == of(model, seconds=99.0, memory_gib=8.0, workers=1)
    others = [replace(model, verifier="helpful"), replace(model, part="f1"), replace(model, name="x"),
              replace(model, endpoint=None), replace(model, tasks=["exam"])]
    for other in others:
        assert of(other)["rewards"] != here["rewards"]
    assert of(model, reading="strict")["rewards"] != here["rewards"]


@pytest.mark.parametrize(("edit", "said"), [
    (lambda value: value["rewards"]["f1"].update(mean=10**400), "mean is a whole number of more than 308 digits"),
    (lambda value: value["rewards"]["f1"].update(deviation=10**400), "deviation is a whole number of more than 308 digits"),
    (lambda value: value["rewards"]["f1"].update(mean=float("nan")), "rewards.f1: mean nan and deviation"),
    (lambda value: value["rewards"]["f1"].update(deviation=0), "the second above 0"),
    (lambda value: value["rewards"]["f1"].update(mean="1"), "mean = '1' is not a number"),
    (lambda value: value["rewards"].pop("right"), "lacks right"),
    (lambda value: value.pop("of"), "lacks of"),
    (lambda value: value.update(hash="0"), "hash = '0' is not that of what it says to be of"),
])
def test_statistics_that_are_none_are_refused(edit: object, said: str, tmp_path: Path) -> None:
    path = statistics(tmp_path / "x.json")
    value = json.loads(path.read_text())
    edit(value)
    path.write_text(json.dumps(value))
    with pytest.raises(UserError, match=f"rl.fusion.statistics = {path}: .*{said}"):
        read_reference(path, ["right", "f1"], OF)
    for text in ("", "[]", "{"):
        path.write_text(text)
        with pytest.raises(UserError, match=f"rl.fusion.statistics = {path}"):
            read_reference(path, ["right", "f1"], OF)
    with pytest.raises(UserError, match="cannot be read: No such file"):
        read_reference(tmp_path / "nowhere.json", ["right"], OF)


# --- what a run refuses before it begins

@pytest.mark.parametrize(("rewards", "said"), [
    ([replace(RIGHT, tasks=["exma"])], "rl.rewards.0.tasks: 'exma' is the task of no item; did you mean 'exam'?"),
    ([replace(RIGHT, tasks=["ordering"])], "the item 'a' has the task 'exam', of which no reward with a weight speaks"),
    ([RIGHT, replace(LENGTH, verifier="diagnosi")],
     "the item 'a': the verifier 'diagnosi' is not known; did you mean 'diagnosis'?"),
    ([RIGHT, replace(LENGTH, verifier=f"{MINE}:nothing")], "has no function 'nothing'"),
    ([RIGHT, replace(LENGTH, verifier="general")], "it is judged by a model, and none is named"),
    ([RIGHT, replace(LENGTH, verifier="graded")], "it is graded by a model, and none is named: set rl.verifier.grader={base"),
])
def test_rewards_that_cannot_be_asked_are_named(rewards: list[RewardConfig], said: str) -> None:
    items = [item("a"), item("b", "ordering", ["1", "2"])]
    with pytest.raises(UserError) as caught:
        check_applies(config(*rewards), items)
        judged_items(config(*rewards), items)
    assert said in str(caught.value)


def test_an_endpoint_is_not_asked_what_it_would_refuse_in_the_middle_of_a_run() -> None:
    """A file's `hybrid` and `general` items have lost rule, judge and principles once they are read."""
    model = RewardConfig("model", endpoint="http://127.0.0.1:1")
    items = [item("a"), item("h", "hybrid"), item("g", "general"), item("s", "graded")]
    with pytest.raises(UserError, match=r"rl.rewards.1 names an endpoint without `verifier`, and items.jsonl:0: the item 'h' "
                                        r"asks for hybrid, .*: name the verifier"):
        check_endpoints(config(RIGHT, model), items)
    for key, task in (("g", "general"), ("s", "graded")):
        with pytest.raises(UserError, match=f"the item '{key}' asks for {task}"):
            check_endpoints(config(replace(model, tasks=[task])), items)
    with pytest.raises(UserError, match=r"rl.rewards.0.verifier = hybrid wants a rule, and .* the item 'a' has none"):
        check_endpoints(config(replace(model, verifier="hybrid")), items)
    check_endpoints(config(RIGHT, LENGTH, replace(model, tasks=["exam"]), replace(model, verifier="helpful")), items)
    ruled = replace(items[0], metadata={"rule": "exam"})
    check_endpoints(config(replace(model, verifier="hybrid")), [ruled])


def test_what_the_pool_judges_is_every_item_for_every_verifier() -> None:
    asked = config(replace(RIGHT, tasks=["exam"]), replace(LENGTH, tasks=["ordering"]), RewardConfig("form", verifier="format"))
    items = [item("a"), item("b", "ordering", ["1", "2"])]
    assert [(one.key, one.judged_by) for one in judged_items(asked, items)] == [
        ("a", "exam"), ("b", f"{MINE}:by_length"), ("a", "format"), ("b", "format")]
    assert judged_items(config(), items) == items
