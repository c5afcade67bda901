"""The stages that learn from preferences, each killed at twenty moments drawn over the whole of a run: it ends as one that nobody
disturbed, to the last bit. Those of the loop: reward_loop/test_kills.py."""

import os
import random
import time
from pathlib import Path

import pytest

from megatron_qm.drills.compare import compare_runs
from tests import warm
from tests.align.kills import MOMENTS, struck
from tests.align.stages import run, words

pytestmark = pytest.mark.slow
STEPS = 12
STAGES = {
    "reward-model": ["reward_model.loss={kind: scaled, ties: closeness, length: 0.2}"],
    "dpo": ["dpo.loss={kind: ipo, sft: 0.1}"],
    "rl": ["rl.prompts=2", "rl.samples=4", "train.global_batch_size=4", "rl.fusion={kind: adaptive, over: frozen}"],
}


@pytest.fixture(scope="module")
def judge(tiny: Path, policy: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return run("reward-model", tiny / "reward-model.yaml", tmp_path_factory.mktemp("judge"), f"train.start_from={policy}",
               "train.steps=2")


@pytest.mark.parametrize("stage", STAGES)
def test_killed_at_twenty_moments_it_ends_bit_for_bit_the_same(
    stage: str, tiny: Path, policy: Path, judge: Path, tmp_path: Path
) -> None:
    overrides = [f"train.start_from={policy}", f"train.steps={STEPS}", "checkpoint.every=2", "checkpoint.keep_last=3",
                 *STAGES[stage]]
    if stage == "rl":
        overrides.append(f"rl.rewards=[{{name: vowels}}, {{name: here, checkpoint: {judge}, part: score}}]")
    whole, draw, log, kills, outputs = tmp_path / "whole", random.Random(stage), tmp_path / "log", 0, 0
    began = time.monotonic()
    run(stage, tiny / f"{stage}.yaml", whole, *overrides)
    seconds = time.monotonic() - began
    while kills < MOMENTS:
        output = tmp_path / f"run-{outputs}"
        asked = words(stage, tiny / f"{stage}.yaml", output, *overrides)
        if struck(lambda asked=asked: warm.start("megatron_qm.cli", asked, os.environ | {"OMP_NUM_THREADS": "1"}, log, log),
                  seconds, draw, log):
            kills += 1
            at = sorted(path.name for path in (output / "checkpoints").glob("step-*"))
            print(f"{stage}: kill {kills} in run {outputs}, newest checkpoint {at[-1:]}", flush=True)
        else:
            same(whole, output)
            outputs += 1
    run(stage, tiny / f"{stage}.yaml", output, *overrides)
    same(whole, output)


def same(whole: Path, output: Path) -> None:
    found = compare_runs(whole, output)
    assert found.difference is None and found.tensors > 20 and found.records >= STEPS
