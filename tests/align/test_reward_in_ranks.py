"""Reward models in the ranks of `megatron-qm rl`: they say what they say behind the door, teach the same at every layout, are
frozen, and what cannot be one is refused with its key and path before anything is made."""

import json
import os
import random
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from data_tools.train_tokenizer import save, train
from megatron_qm import children
from megatron_qm.align.rl.fusion.reward_models import with_reward_models
from megatron_qm.align.rl.fusion.sources import TOKEN, source_of
from megatron_qm.align.rl.judges import judge_digest, reference_identity
from megatron_qm.checkpoint.manifest import MANIFEST, read_manifest, write_manifest
from megatron_qm.cli import main
from megatron_qm.config.fusion import RewardConfig
from megatron_qm.config.rl import RlConfig, RlRun
from megatron_qm.config.train import TrainConfig
from megatron_qm.drills.compare import compare_runs
from megatron_qm.errors import UserError
from megatron_qm.files import sha256
from megatron_qm.rewards.items import Item
from tests import warm
from tests.align.stages import MODEL, SFT, numbers, records, run, words
from tests.align.test_rl_command import killed, same
from tests.align.test_rl_resume import went_on_from
from tests.distributed import run_ranks

SMALL = ["rl.prompts=2", "rl.samples=4", "train.global_batch_size=4", "train.steps=4", "checkpoint.every=2"]
LAYOUTS = {
    "TP2+SP": ["parallel.tp=2", "parallel.sp=true"], "TP2": ["parallel.tp=2"], "PP2": ["parallel.pp=2"], "DP2": [],
    "CP2": ["parallel.cp=2", "rl.pack=false"],
}
TEMPLATE = ("{% for m in messages %}{% if m.role == 'assistant' and 'b' in m.content %}"
            "{{ raise_exception('a b') }}{% endif %}{{ m.role }}: {{ m.content }}<|im_end|>\n{% endfor %}")


@pytest.fixture(scope="module")
def judge(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A reward model of another shape, tokenizer and template than the policy's, which refuses responses with a b."""
    folder = tmp_path_factory.mktemp("judge")
    save(train(["user: assistant: the code of an illness is what it is, as it was"] * 3, 290), folder / "tokenizer")
    path = folder / "tokenizer" / "tokenizer_config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"chat_template": TEMPLATE}))
    recipe = folder / "reward-model.yaml"
    recipe.write_text(SFT.replace(MODEL, MODEL.replace("layers: 4", "layers: 2").replace("320", "300"))
                      .replace("{sequence_length: 64}", f"{{sequence_length: 128, tokenizer: {folder}/tokenizer}}")
                      + f"reward_model: {{sources: [{{name: pairs, path: {tiny}/pairs.jsonl}}]}}\n")
    return run("reward-model", recipe, folder / "run", "train.steps=2")


@pytest.fixture(scope="module")
def door(judge: Path) -> Iterator[str]:
    command = ["serve-rewards", "--port", "0", "--workers", "1", "--reward-model", f"mine={judge}"]
    process = children.start([sys.executable, "-m", "megatron_qm.cli", *command], stdout=subprocess.PIPE, text=True,
                             env=os.environ | {TOKEN: "t", "OMP_NUM_THREADS": "1"})
    try:
        yield process.stdout.readline().split()[-1].removesuffix("/score")
    finally:
        process.kill()
        process.wait()


@pytest.fixture(scope="module")
def alone(tiny: Path, policy: Path, judge: Path, door: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One process that asks the same model here and behind the door."""
    output = tmp_path_factory.mktemp("alone") / "run"
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv(TOKEN, "t")
        run("rl", tiny / "rl.yaml", output, f"train.start_from={policy}", *SMALL, "rl.rewards=["
            f"{{name: vowels}}, {{name: here, checkpoint: {judge}, part: score, weight: 0.5}}, "
            f"{{name: sigmoid, checkpoint: {judge}}}, "
            f"{{name: there, endpoint: '{door}', verifier: mine, part: score, weight: 0}}]")
    return output


def test_it_says_in_the_ranks_what_it_says_behind_the_door(alone: Path, judge: Path) -> None:
    digest = sha256(judge / MANIFEST)
    lines = [json.loads(line)["said"] for path in sorted((alone / "rollouts").glob("*.outcomes.jsonl"))
             for line in path.read_text().splitlines()]
    here, there = ([line[label] for line in lines] for label in (
        f"reward model {digest[:16]}", next(label for label in lines[0] if label.startswith("mine at"))))
    assert len(here) == 16 and [one.get("unscored") for one in here] == [one.get("unscored") for one in there]
    scored = [n for n, one in enumerate(here) if "value" in one]
    assert 2 < len(scored) < 16  # the template refuses some
    for value in (lambda one: one["value"], lambda one: one["parts"]["score"]):
        np.testing.assert_allclose([value(here[n]) for n in scored], [value(there[n]) for n in scored], atol=1e-5)
    assert len({round(here[n]["parts"]["score"], 5) for n in scored}) > 2
    for record in records(alone, "rl"):
        assert record["component_mean"]["here"] == pytest.approx(record["component_mean"]["there"], abs=1e-5)
        assert record["component_gradient"]["here"] > 0 == record["component_gradient"]["there"]
        assert record["component_source"]["here"] == f"reward model {digest[:16]}" == record["component_source"]["sigmoid"]
        assert record["component_unscored"]["here"] == record["component_unscored"]["sigmoid"]
    resolved = (alone / "config.resolved.yaml").read_text()
    assert resolved.count(digest) == 2


@pytest.fixture(scope="module")
def one_process(alone: Path, tiny: Path, policy: Path, judge: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    output = tmp_path_factory.mktemp("one") / "run"
    run("rl", tiny / "rl.yaml", output, *again(alone, policy, judge))
    return output


def again(alone: Path, policy: Path, judge: Path) -> list[str]:
    """The same rollouts learnt from once more, so that no token is drawn otherwise for a rounding."""
    paths = [str(path) for path in sorted((alone / "rollouts").glob("[0-9]?????.jsonl"))]
    return [f"train.start_from={policy}", *SMALL, "checkpoint.every=null", f"rl.saved_rollouts={json.dumps(paths)}",
            "rl.fusion={kind: gdpo}",
            f"rl.rewards=[{{name: vowels}}, {{name: here, checkpoint: {judge}, part: score, weight: 0.5}}]"]


@pytest.mark.parametrize("layout", [one if one in ("TP2+SP", "CP2") else pytest.param(one, marks=pytest.mark.slow)
                                    for one in LAYOUTS])
def test_it_teaches_the_same_at_every_layout(
    layout: str, one_process: Path, alone: Path, tiny: Path, policy: Path, judge: Path, tmp_path: Path
) -> None:
    run("rl", tiny / "rl.yaml", tmp_path, *again(alone, policy, judge), "train.micro_batch_size=1", *LAYOUTS[layout], ranks=2)
    names = ("policy_loss", "kl", "clipped", "entropy")
    same(numbers(tmp_path, *names), numbers(one_process, *names))
    for one, other in zip(records(tmp_path, "rl"), records(one_process, "rl"), strict=True):
        assert one["component_mean"] == pytest.approx(other["component_mean"], rel=1e-5)
        assert one["component_unscored"] == other["component_unscored"]


@pytest.mark.slow
def test_killed_and_resumed_it_ends_bit_for_bit_the_same(tiny: Path, policy: Path, judge: Path, tmp_path: Path) -> None:
    """Both runs score by themselves, and the one that was killed once more what it had not written down."""
    overrides = [f"train.start_from={policy}", *SMALL, "train.steps=12", "rl.fusion={kind: adaptive, over: frozen}",
                 f"rl.rewards=[{{name: vowels}}, {{name: here, checkpoint: {judge}, part: score}}]"]
    whole, output, draw = tmp_path / "whole", tmp_path / "run", random.Random(4)
    run("rl", tiny / "rl.yaml", whole, *overrides, ranks=2)
    for saved in (False, True):
        killed(words("rl", tiny / "rl.yaml", output, *overrides, ranks=2), output, draw, saved=saved)
    run("rl", tiny / "rl.yaml", output, *overrides, ranks=2)
    found = compare_runs(whole, output)
    assert found.difference is None and found.records == 12 + 6
    copy = went_on_from(output, tmp_path / "copy")
    for path in (copy / "rollouts").glob("*.outcomes.jsonl"):
        path.unlink()
    run("rl", tiny / "rl.yaml", copy, *overrides, ranks=2)
    assert compare_runs(whole, copy).difference is None


def test_another_reward_model_under_the_same_name_is_told_of_or_refused(
    one_process: Path, alone: Path, tiny: Path, policy: Path, judge: Path, tmp_path: Path
) -> None:
    """Another to its digest, if not to its weights: the run has reached its end, and only asks whether it may go on."""
    other, output = tmp_path / "other", tmp_path / "run"
    shutil.copytree(judge, other)
    write_manifest(other, replace(read_manifest(other), tokens=1))
    shutil.copytree(one_process, output)
    given = [one.replace(str(judge), str(other)) for one in again(alone, policy, judge)]
    here, there = (f"['vowels', 'here (reward model {sha256(folder / MANIFEST)[:16]})']" for folder in (judge, other))
    for kind, code, said in (("gdpo", 0, f"has learnt from {here}, and goes on with {there}"),
                             ("adaptive", 2, f"the run has learnt from {here}, and these are {there}")):
        done = warm.megatron_qm(*words("rl", tiny / "rl.yaml", output, *given, f"rl.fusion={{kind: {kind}}}"))
        assert done.returncode == code and said in done.stderr, done.stderr[-3000:]


def frozen_in_a_run(judge: str, policy: str) -> dict[str, object]:
    """What a rank holds of a reward model beside a policy with an optimizer, after it has scored."""
    from tests.align.reward_runs import frozen

    return frozen(Path(judge), Path(policy))


def test_it_has_neither_gradients_nor_a_part_in_the_optimizer(judge: Path, policy: Path) -> None:
    found = run_ranks("tests.align.test_reward_in_ranks:frozen_in_a_run", 1, str(judge), str(policy))[0]
    assert found["parameters"] > 0 and found["want_gradients"] == found["have_gradients"] == found["in_optimizer"] == 0
    assert found["moments"] == found["parameters_of_the_policy"] and found["scores"] == [None, pytest.approx(found["scores"][1])]


def test_verdicts_and_statistics_of_another_reward_model_are_not_taken(judge: Path, policy: Path) -> None:
    item = Item("a", "exam", ({"role": "user", "content": "A or B?"},), "A")

    def of(reward: RewardConfig) -> tuple[str, object]:
        config = RlRun(rl=RlConfig(items="x", rewards=[reward]), train=TrainConfig(start_from=str(policy)))
        return judge_digest(config.rl, ["exam"]), reference_identity(config, [item])["rewards"]

    (one,) = with_reward_models(RlRun(rl=RlConfig(rewards=[RewardConfig("a", checkpoint=str(judge))]))).rl.rewards
    assert one.digest == sha256(judge / MANIFEST) and one.model.layers == 2 and one.model.head == "score"
    others = [RewardConfig("a", checkpoint=str(judge), digest="0" * 64), RewardConfig("a", checkpoint=str(judge), dtype="bf16",
              digest=one.digest), RewardConfig("a")]
    assert len({part for reward in (one, *others) for part in of(reward)}) == 8
    assert of(one) == of(RewardConfig("a", checkpoint="/elsewhere", digest=one.digest))  # a copy says the same
    assert source_of(one).label == f"reward model {one.digest[:16]}"


@pytest.mark.parametrize(("reward", "why"), [
    ("{{name: a, checkpoint: {policy}}}", "rl.rewards.0.checkpoint = {policy}: holds a language model"),
    ("{{name: a, checkpoint: {tiny}/nowhere}}", "rl.rewards.0.checkpoint: {tiny}/nowhere: not a checkpoint"),
    ("{{name: a, checkpoint: {torn}}}", "rl.rewards.0.checkpoint: {torn}/manifest.json: torn or altered"),
    ("{{name: a, checkpoint: {judge}}}, {{name: a, checkpoint: {judge}}}", "rl.rewards.0 has this name, too"),
    ("{{name: a, checkpoint: {judge}, endpoint: 'http://127.0.0.1:9'}}",
     "rl.rewards.0 names both checkpoint = {judge} and endpoint"),
    ("{{name: a, checkpoint: {judge}, verifier: exam}}", "rl.rewards.0 names both checkpoint = {judge} and verifier = exam"),
    ("{{name: a, checkpoint: {judge}, part: honesty}}", "the verdict of a reward model has one part, score"),
    ("{{name: a, checkpoint: {judge}, digest: abc}}", "and rl.rewards.0.digest = abc: bring that one back"),
    ("{{name: a, checkpoint: {judge}, model: {{shape: qwen3-8b}}}}",
     "holds a reward model with layers = 2, and rl.rewards.0.model."),
    ("{{name: a, dtype: bf16}}", "rl.rewards.0.dtype is of a reward model in the ranks, and rl.rewards.0.checkpoint names none"),
])
def test_what_is_no_reward_model_for_the_ranks_is_refused(
    reward: str, why: str, tiny: Path, policy: Path, judge: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    torn = tmp_path / "torn"
    torn.mkdir()
    (torn / MANIFEST).write_text("{")
    known = {"tiny": tiny, "policy": policy, "judge": judge, "torn": torn}
    given = [f"train.start_from={policy}", f"rl.rewards=[{reward.format(**known)}]"]
    assert main(words("rl", tiny / "rl.yaml", tmp_path / "run", *given)) == 2
    said = capsys.readouterr().err
    assert why.format(**known) in said and "Traceback" not in said and not (tmp_path / "run").exists()


def test_a_layout_that_does_not_fit_the_reward_model_is_refused(
    tiny: Path, policy: Path, judge: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    given = [f"train.start_from={policy}", f"rl.rewards=[{{name: a, checkpoint: {judge}}}]", "parallel.pp=4"]
    assert main(words("rl", tiny / "rl.yaml", tmp_path / "run", *given, ranks=4)) == 2
    assert (f"the reward model of rl.rewards.0.checkpoint = {judge} stands in the ranks at their layout, and parallel.pp = 4 "
            "does not divide model.layers = 2") in capsys.readouterr().err


def test_a_reward_model_whose_weights_were_altered_ends_the_start_with_key_and_path(
    tiny: Path, policy: Path, judge: Path, tmp_path: Path, capfd: pytest.CaptureFixture
) -> None:
    copy = tmp_path / "judge"
    shutil.copytree(judge, copy)
    file = max((copy / "weights").iterdir(), key=lambda path: path.stat().st_size)
    file.write_bytes(bytes(reversed(file.read_bytes())))
    given = [f"train.start_from={policy}", *SMALL, f"rl.rewards=[{{name: a, checkpoint: {copy}}}]"]
    assert main(words("rl", tiny / "rl.yaml", tmp_path / "run", *given)) == 2
    assert f"rl.rewards.0.checkpoint = {copy}: {file}: altered" in capfd.readouterr().err


def test_a_plan_may_state_the_shape_of_one_that_is_still_to_be_trained(
    tiny: Path, policy: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    later = tmp_path / "later"
    given = [f"train.start_from={policy}", f"rl.rewards=[{{name: a, checkpoint: {later}, model: {{shape: qwen3-0.6b}}}}]"]
    assert main([*words("rl", tiny / "rl.yaml", tmp_path / "run", *given), "--dry-run"]) == 0
    said = capsys.readouterr().out
    assert f"not ready to run: rl.rewards.0.checkpoint: {later}: not a checkpoint" in said
    header, row = (next(line for line in said.splitlines() if line.startswith(start)) for start in ("GiB per rank", "stage 0"))
    counted = float(row.split()[2 + header.split()[3:].index("rewards")])
    assert counted == pytest.approx(596_049_920 * 4 / 2**30 + 1024 * 4 / 2**30, rel=0.01)  # the published size, a row for a head
    with pytest.raises(UserError, match="later: not a checkpoint"):
        with_reward_models(RlRun(rl=RlConfig(rewards=[RewardConfig("a", checkpoint=str(later))])))
