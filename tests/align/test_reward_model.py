"""A reward model as people train and ask it: pairs are told apart, exchanged sides are told the other way, every layout says the
same, and what is scored together is scored as when alone."""

import json
import os
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from data_tools.train_tokenizer import save, train
from megatron_qm import children
from megatron_qm.cli import main
from megatron_qm.commands.checkpoint_model import checkpoint_model
from megatron_qm.config.parallel import ParallelConfig
from megatron_qm.drills.compare import tensor_hashes
from megatron_qm.rewards.outcome import Unscored
from tests import warm
from tests.align.stages import numbers, records, run, written
from tests.distributed import run_ranks

TEXTS = ["It is A1.", "It is B2, and B3, and C1.", "It.", "A1 A2 A3 B1 B2 B3 C1 C2 C3", "?"]


@pytest.fixture(scope="module")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Easy ones: an answer is better than none, whatever is asked."""
    rows = [{"prompt": f"Code of illness {code}?", "chosen": f"It is {code.upper()}.", "rejected": "illness " * (at % 3 + 1)}
            for at, code in enumerate(f"{letter}{number}" for letter in "abc" for number in range(4))]
    return written(tmp_path_factory.mktemp("pairs") / "pairs.jsonl", rows)


@pytest.fixture(scope="module")
def trained(tiny: Path, policy: Path, pairs: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return run("reward-model", tiny / "reward-model.yaml", tmp_path_factory.mktemp("rm"), f"train.start_from={policy}",
               f"reward_model.sources=[{{name: pairs, path: {pairs}}}]", "train.steps=40", "schedule.warmup_steps=2")


def scores(checkpoint: str, parallel: dict[str, Any], together: bool) -> list[float | str]:
    """Of `TEXTS` and one that is too long, or why there is none, on the ranks of a layout."""
    from megatron_qm.align.reward_model.scoring import RewardScorer
    from megatron_qm.tokenizer import TextTokenizer

    asked = [[{"role": "user", "content": "Code of illness a1?"}, {"role": "assistant", "content": text}]
             for text in [*TEXTS, "It is A1. " * 200]]
    with checkpoint_model(Path(checkpoint), ParallelConfig(**parallel), "fp32", "cpu") as (chunks, _):
        scorer = RewardScorer(chunks, TextTokenizer.of_model(Path(checkpoint), None), 96, rows=2)
        found = scorer(asked) if together else [scorer([one])[0] for one in asked]
        return [one.reason if isinstance(one, Unscored) else one for one in found]


def test_scores_do_not_depend_on_company_or_layout(trained: Path) -> None:
    worker = "tests.align.test_reward_model:scores"
    alone = run_ranks(worker, 1, str(trained), {}, False)[0]
    assert alone[-1].startswith("too long: ") and alone[-1].endswith(" tokens, more than 96")
    assert len({round(score, 6) for score in alone[:-1]}) == len(TEXTS)
    for parallel in ({}, {"tp": 2, "sp": True}, {"pp": 2}, {"cp": 2}):
        for found in run_ranks(worker, 2, str(trained), parallel, True):
            np.testing.assert_allclose(found[:-1], alone[:-1], atol=2e-5)
            assert found[-1] == alone[-1]


def test_pairs_are_told_apart_and_exchanged_ones_the_other_way(trained: Path, pairs: Path, tmp_path: Path) -> None:
    lines = [json.loads(line) for line in pairs.read_text().splitlines()]
    exchanged = written(tmp_path / "exchanged.jsonl", [
        line | {"chosen": line["rejected"], "rejected": line["chosen"]} for line in lines])
    found = {}
    for name, file in (("as they are", pairs), ("exchanged", exchanged)):
        output = tmp_path / f"{name}.json"
        done = warm.megatron_qm("evaluate", "--model", str(trained), "--pairs", str(file), "--output", str(output))
        assert done.returncode == 0, done.stderr[-2000:]
        found[name] = json.loads(output.read_text())
    right = found["as they are"]
    assert right["accuracy"] == pytest.approx(records(trained.parents[1], "train")[-1]["others"]["accuracy"], abs=0.1)
    assert right["accuracy"] > 0.8 and right["low"] <= right["accuracy"] <= right["high"] and right["n"] == len(lines)
    assert right["swapped_accuracy"] == pytest.approx(1 - right["accuracy"]) == found["exchanged"]["accuracy"]


def test_going_on_from_a_reward_model_keeps_its_head(trained: Path, pairs: Path, tiny: Path, tmp_path: Path) -> None:
    more = run("reward-model", tiny / "reward-model.yaml", tmp_path / "more", f"train.start_from={trained}", "train.steps=1",
               f"reward_model.sources=[{{name: pairs, path: {pairs}}}]", "optimizer.lr=1.0e-30")  # a step that moves no bit
    loss = numbers(tmp_path / "more")[0][0]
    assert loss < 0.8 * np.log(2)  # a head that is made anew knows nothing: log 2
    before, after = (weights(tensor_hashes(checkpoint)) for checkpoint in (trained, more))
    assert before == after and any("score" in name for name in before)


def weights(hashes: dict[str, str]) -> dict[str, str]:
    """Without the optimizer's."""
    return {name: digest for name, digest in hashes.items() if not name.startswith("optimizer")}


@pytest.mark.parametrize(("words", "why"), [
    (["sft", "--config", "{tiny}/sft.yaml", "output={out}", "train.start_from={trained}", "train.steps=1"],
     "holds a reward model"),
    (["reward-model", "--config", "{tiny}/reward-model.yaml", "output={out}", "train.start_from={trained}", "train.steps=1",
      "model.head=vocabulary"], "leave it out"),
    (["evaluate", "--model", "{policy}", "--pairs", "{tiny}/pairs.jsonl"], "holds a language model"),
    (["evaluate", "--model", "{trained}", "--pairs", "{tiny}/pairs.jsonl", "--tokenizer", "{foreign}/tokenizer"],
     "/foreign/tokenizer is of another tokenizer (SHA-256 "),
    (["evaluate", "--model", "{trained}", "--pairs", "{tiny}/pairs.jsonl", "--tokenizer", "{foreign}/nowhere"],
     "/foreign/nowhere: no tokenizer"),
    (["reward-model", "--config", "{tiny}/reward-model.yaml", "output={out}", "train.start_from={policy}", "train.steps=1",
      "reward_model.loss={kind: regression, ties: closeness}"], "leave out"),
    (["reward-model", "--config", "{tiny}/reward-model.yaml", "output={out}", "train.start_from={policy}", "train.steps=1",
      "reward_model.loss={kind: regression, length: 0.5}"], "leave out length = 0.5"),
    (["dpo", "--config", "{tiny}/dpo.yaml", "output={out}", "train.steps=1", "data.tokenizer={tiny}/tokenizer",
      "model.shape=qwen3-0.6b"], "train.start_from is not set"),
])
def test_mistakes_are_named(
    words: list[str], why: str, trained: Path, policy: Path, tiny: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    save(train(["chest pain and fever", "aspirin 100 mg daily"] * 8, 280), tmp_path / "foreign" / "tokenizer")
    known = {"tiny": tiny, "out": tmp_path / "out", "trained": trained, "policy": policy, "foreign": tmp_path / "foreign"}
    assert main([word.format(**known) if "{" in word and "kind" not in word else word for word in words]) == 2
    said = capsys.readouterr().err
    assert why in said and "Traceback" not in said


def test_a_reward_model_is_a_verifier_behind_the_door(trained: Path) -> None:
    """In the company of one that ships; its value is the sigmoid of the score that `evaluate` would give."""
    words = ["serve-rewards", "--port", "0", "--workers", "1", "--reward-model", f"mine={trained}"]
    process = children.start([sys.executable, "-m", "megatron_qm.cli", *words], stdout=subprocess.PIPE, text=True,
                             env=os.environ | {"MEGATRON_QM_REWARD_TOKEN": "t", "OMP_NUM_THREADS": "1"})
    try:
        address = process.stdout.readline().split()[-1]
        asked = "Code of illness a1?"
        samples = [{"verifier": "mine", "prompt": asked, "response": text, "reference": None} for text in TEXTS]
        samples.insert(1, {"verifier": "exam", "prompt": asked, "response": "B", "reference": "B"})
        found = _posted(address, samples)
        assert found.pop(1)["value"] == 1.0
        alone = run_ranks("tests.align.test_reward_model:scores", 1, str(trained), {}, False)[0]
        np.testing.assert_allclose([one["parts"]["score"] for one in found], alone[:-1], atol=2e-5)
        np.testing.assert_allclose([one["value"] for one in found], 1 / (1 + np.exp(-np.array(alone[:-1]))), atol=2e-5)
        (too_long,) = _posted(address, [samples[0] | {"response": "It is A1. " * 9000}])
        assert not too_long["scored"] and "too long" in too_long["reason"]
    finally:
        process.kill()
        process.wait()


def _posted(address: str, samples: list[dict[str, Any]]) -> list[dict[str, Any]]:
    request = urllib.request.Request(address, json.dumps({"samples": samples}).encode(),
                                     {"Authorization": "Bearer t", "Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=60) as reply:
        return json.load(reply)["outcomes"]


@pytest.mark.parametrize(("given", "why"), [
    (["mine={policy}"], "holds a language model"), (["exam={trained}"], "is a verifier already"), (["mine="], "write NAME=CKPT"),
    (["a={trained}", "b={trained}"], "a server holds one"), (["mine={tiny}"], "is no checkpoint"),
])
def test_what_cannot_stand_behind_the_door_is_refused(
    given: list[str], why: str, trained: Path, policy: Path, tiny: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture,
) -> None:
    monkeypatch.setenv("MEGATRON_QM_REWARD_TOKEN", "t")
    options = [f"--reward-model={one.format(policy=policy, trained=trained, tiny=tiny)}" for one in given]
    assert main(["serve-rewards", "--port", "0", "--workers", "1", *options]) == 2
    said = capsys.readouterr().err
    assert why in said and "Traceback" not in said
