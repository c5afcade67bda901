"""`megatron-qm rl` as people run it: alike at every layout, killed and resumed to the last bit, and never ended by a verifier."""

import json
import os
import random
import time
from pathlib import Path

import numpy as np
import pytest

from megatron_qm.align.rollouts.rollout import read_rollouts
from megatron_qm.checkpoint.folder import published
from megatron_qm.cli import main
from megatron_qm.drills.compare import compare_runs
from tests import warm
from tests.align.stages import LAYOUTS, NEAR_ZERO, numbers, records, run, words, written

BOUND = 1e-5
# Behind the first batch: Adam makes a whole step of a gradient near zero, whichever way a rounding has turned it.
LATER = 2e-4
OTHERS = ("policy_loss", "kl", "clipped", "entropy")
UNRELIABLE = "rl.verifiers=[unreliable=tests.align.stages:unreliable]"
QUICK = ["rl.prompts=2", "rl.samples=4"]
HERE = LAYOUTS | {"CP2": ["parallel.cp=2", "rl.pack=false"]}


@pytest.fixture(scope="module")
def undisturbed(tiny: Path, policy: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    output = tmp_path_factory.mktemp("undisturbed") / "run"
    run("rl", tiny / "rl.yaml", output, f"train.start_from={policy}", ranks=2)
    return output


def test_every_update_says_how_fast_it_was_itself(undisturbed: Path) -> None:
    """Two updates a batch: together they have read what was generated, without what fills rows up; the last token is not read."""
    steps = records(undisturbed, "train")
    read = [step["tokens_per_second"] * step["step_seconds"] for step in steps]
    rollouts = [[len(one.prompt) + len(one.tokens) - 1 for one in read_rollouts(path)]
                for path in sorted((undisturbed / "rollouts").glob("[0-9]?????.jsonl"))]
    assert read == pytest.approx([sum(some) for batch in rollouts for some in (batch[:8], batch[8:])])
    assert all(step["tflops_per_device"] > 0 for step in steps)


@pytest.fixture(scope="module")
def saved(undisturbed: Path, policy: Path) -> list[str]:
    """Training on the rollouts of one run, so that no token is drawn otherwise for a rounding."""
    paths = sorted(str(path) for path in (undisturbed / "rollouts").glob("[0-9]?????.jsonl"))
    return [f"train.start_from={policy}", f"rl.saved_rollouts={json.dumps(paths)}", "checkpoint.every=null"]


@pytest.fixture(scope="module")
def alone(tiny: Path, saved: list[str], tmp_path_factory: pytest.TempPathFactory) -> list[list[float]]:
    output = tmp_path_factory.mktemp("alone")
    run("rl", tiny / "rl.yaml", output, *saved)
    return numbers(output, *OTHERS)


@pytest.mark.parametrize("layout", ["TP2+SP", "PP2", "DP2", "CP2"])
def test_losses_and_gradients_are_those_of_one_process(
    layout: str, tiny: Path, saved: list[str], alone: list, tmp_path: Path
) -> None:
    run("rl", tiny / "rl.yaml", tmp_path, *saved, *HERE[layout], ranks=2)
    assert alone[0][3] == pytest.approx(0, abs=1e-6) and alone[-1][3] > 1e-4  # the policy has left its reference
    same(numbers(tmp_path, *OTHERS), alone)


def test_packed_and_unpacked_rows_teach_the_same(tiny: Path, saved: list[str], alone: list, tmp_path: Path) -> None:
    run("rl", tiny / "rl.yaml", tmp_path, *saved, "rl.pack=false")
    same(numbers(tmp_path, *OTHERS), alone)


def same(found: list[list[float]], alone: list[list[float]]) -> None:
    np.testing.assert_allclose(found[:2], alone[:2], rtol=BOUND, atol=NEAR_ZERO)
    np.testing.assert_allclose(found, alone, rtol=LATER, atol=NEAR_ZERO)


@pytest.mark.parametrize("options", [[], ["rl.overlap=true"]], ids=["on-policy", "one step behind"])
def test_killed_at_any_moment_it_ends_bit_for_bit_the_same(
    options: list[str], tiny: Path, policy: Path, tmp_path: Path
) -> None:
    overrides = [f"train.start_from={policy}", "train.steps=16", *options]
    whole, output, draw = tmp_path / "whole", tmp_path / "run", random.Random(len(options))
    run("rl", tiny / "rl.yaml", whole, *overrides, ranks=2)
    for saved in (False, True):
        killed(words("rl", tiny / "rl.yaml", output, *overrides, ranks=2), output, draw, saved=saved)
    run("rl", tiny / "rl.yaml", output, *overrides, ranks=2)
    found = compare_runs(whole, output)
    assert found.difference is None and found.tensors > 20 and found.records == 16 + 8
    assert len([record for record in records(output, "event") if record["name"] == "resume"]) >= 1


def killed(arguments: list[str], output: Path, draw: random.Random, least: int = 0, *, saved: bool = False) -> None:
    """Started, and killed with all its ranks some time after it has made a step (or rollouts, the first time), and `least`;
    saved: and a checkpoint."""
    before = max(steps(output), least - 1)
    log = output.parent / "killed.log"
    process = warm.start("megatron_qm.cli", arguments, os.environ | {"OMP_NUM_THREADS": "1"}, log, log)
    deadline = time.monotonic() + 200
    while (steps(output) <= before or saved and not published(output / "checkpoints")) and time.monotonic() < deadline:
        assert process.poll() is None, log.read_text()[-3000:]
        time.sleep(0.02)
    time.sleep(draw.uniform(0, 0.3))
    process.kill()
    process.wait()


def steps(output: Path) -> int:
    path = output / "metrics.jsonl"
    return path.read_text().count('"kind":"train"') if path.exists() else 0


@pytest.mark.slow
def test_verify_resume_knows_the_stage(tiny: Path, policy: Path, capsys: pytest.CaptureFixture) -> None:
    asked = ["--stage", "rl", "--config", tiny / "rl.yaml", "--steps", "4", "--kills", "1", f"train.start_from={policy}", *QUICK]
    assert main(["verify-resume", *map(str, asked)]) == 0
    said = capsys.readouterr().out
    assert "killed all ranks" in said and "the same to the last bit" in said


def test_a_run_survives_verifiers_that_hang_and_crash(tiny: Path, policy: Path, tmp_path: Path) -> None:
    """Every 16th answer hangs the verifier, every 16th crashes it: they are counted, and cost nothing else."""
    references = ["hang", "crash"] + ["0.5", "1.0", "0.0"] * 4
    items = written(tmp_path / "items.jsonl", [
        {"key": f"item {n}", "task": "unreliable", "prompt": f"Code of illness a{n}?", "reference": value}
        for n, value in enumerate(references)
    ])
    output = tmp_path / "run"
    run("rl", tiny / "rl.yaml", output, f"train.start_from={policy}", f"rl.items={items}", UNRELIABLE, "rl.verifier.seconds=4",
        "rl.curriculum.resample=false", "rl.prompts=14", "rl.samples=2", "train.global_batch_size=28",
        "train.micro_batch_size=1", "train.steps=2")
    said = records(output, "rl")
    assert [record["unscored"] for record in said] == [pytest.approx(4 / 28)] * 2
    assert all(record["unscored_reasons"] == {"deadline": 2, "crash": 2} for record in said)
    assert said[0]["reward_by_task"] == {"unreliable": pytest.approx(0.5)}
    alarms = [record for record in records(output, "alarm") if record["metric"] == "unscored"]
    assert len(alarms) == 1 and alarms[0]["samples"]


def test_mastered_prompts_leave_at_the_next_epoch(tiny: Path, policy: Path, tmp_path: Path) -> None:
    items = written(tmp_path / "items.jsonl", [
        {"key": f"item {n}", "task": "unreliable", "prompt": f"Code of illness a{n}?",
         "reference": "1.0" if n < 3 else "0.5"} for n in range(4)
    ])
    output = tmp_path / "run"
    run("rl", tiny / "rl.yaml", output, f"train.start_from={policy}", f"rl.items={items}", UNRELIABLE, *QUICK, "train.steps=4")
    said = records(output, "rl")
    assert [record["epoch"] for record in said] == [0, 0, 2, 4]  # two prompts a batch; from then on an epoch has one
    assert sorted(said[2]["resampled"]["keys"]) == ["item 0", "item 1", "item 2"] and said[2]["resampled"]["kept"] == 1


@pytest.mark.parametrize(("overrides", "why"), [
    (["rl.items=nowhere.jsonl"], "nowhere.jsonl"),
    (["rl.verifiers=[]"], "items.jsonl:1: the verifier 'tests.align.stages:by_letters' is not known"),
    (["rl.verifiers=[tests.align.stages:by_numbers]"], "rl.verifiers: 'tests.align.stages:by_numbers'"),
    (["train.start_from=null"], "train.start_from=CKPT"),
    (["rl.samples=3"], "must be a multiple of train.global_batch_size"),
    (["rl.sampling.max_new_tokens=200"], "leaves no room for a prompt"),
    (["rl.lose.kl=1"], "loss"),
    (["rl.alarms.unscored=2"], "is a share"),
])
def test_mistakes_are_named(
    overrides: list[str], why: str, tiny: Path, policy: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    asked = words("rl", tiny / "rl.yaml", tmp_path / "run", f"train.start_from={policy}", *overrides)
    assert main(asked) == 2 and why in capsys.readouterr().err
