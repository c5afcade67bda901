"""A model of our own that grades: tuned by `sft`, asked by `grade`, and behind `serve` by the reward `graded` of an RL run."""

import json
import random
from pathlib import Path

import pytest

from megatron_qm.rewards.graded import grader_of
from megatron_qm.rewards.judge import KEY
from megatron_qm.rewards.outcome import Scored
from megatron_qm.rewards.pool import VerifierPool
from megatron_qm.rewards.samples import Sample
from tests import warm
from tests.align.grading_world import world
from tests.align.judge_world import drawn, served
from tests.align.stages import records, run, written

pytestmark = pytest.mark.slow
TOKEN = "open sesame"


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("grading")
    return run("sft", world(folder), folder / "run", "sft.epochs=5")


def asked(count: int) -> list[tuple[str, str]]:
    """Good and bad responses in turn, drawn apart from those that it was trained on."""
    draw = random.Random(1)
    return [drawn(draw, number % 2 == 0) for number in range(count)]


def test_good_responses_are_graded_above_bad_ones(model: Path, tmp_path: Path) -> None:
    rows = written(tmp_path / "rows.jsonl", [{"prompt": prompt, "responses": [good, bad]}
                                             for (prompt, good), (_, bad) in zip(asked(60)[::2], asked(60)[1::2], strict=True)])
    done = warm.megatron_qm("grade", "--model", model, "--input", rows, "--output", tmp_path / "graded", "--pairs",
                            tmp_path / "pairs", "--max-new-tokens", 16)
    assert done.returncode == 0, done.stderr
    scores = [json.loads(line)["scores"] for line in (tmp_path / "graded").read_text().splitlines()]
    right = sum(good is not None and bad is not None and good > bad for good, bad in scores)
    print(f"{right} of 30 pairs right: {done.stdout}")
    assert right >= 28 and len((tmp_path / "pairs").read_text().splitlines()) >= 28


def test_served_it_rewards_in_the_pool_and_in_rl(
    model: Path, tiny: Path, policy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(KEY, TOKEN)
    with served(model, TOKEN, "--max-new-tokens", "32") as base:
        with VerifierPool(workers=2, seconds=60.0) as pool:
            found = pool.score([Sample(grader_of(base, "genrm", 4), *pair, None, {}) for pair in asked(12)])
        good, bad = ([one.value for one in found[start::2] if isinstance(one, Scored)] for start in (0, 1))
        assert len(good) == len(bad) == 6 and sum(good) / 6 > 0.7 and sum(bad) / 6 < 0.3
        run("rl", tiny / "rl.yaml", tmp_path / "rl", f"train.start_from={policy}", "train.steps=2",
            "rl.rewards=[{name: right}, {name: grade, verifier: graded, weight: 0.5}]",
            f"rl.verifier={{seconds: 60, workers: 1, grader: {{base: '{base}', model: genrm}}}}")
    [first, *_] = [json.loads(line) for line in sorted((tmp_path / "rl").rglob("*.outcomes.jsonl"))[0].open()]
    said = first["said"]["verifier graded"]
    assert 0 <= said["value"] <= 1 and 1 <= said["parts"]["grade"] <= 10 and said["parts"]["samples"] >= 2
    assert len(records(tmp_path / "rl", "train")) == 2
