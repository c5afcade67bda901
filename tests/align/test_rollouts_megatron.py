"""Rollouts from Megatron models: an engine fed by weight sync answers as the trainer does; a kill leaves no trace."""

import json
import os
import signal
import subprocess
import sys
import time
from itertools import chain
from pathlib import Path

import pytest

from megatron_qm.cli import main
from megatron_qm.hf.import_hf import import_hf
from tests.distributed import run_ranks
from tests.hf.models import VOCAB, save_random_model, save_tokenizer

CASES = {
    "TP2": {"model": "qwen2", "tp": 2},
    "PP2 tied": {"model": "qwen3-tied", "pp": 2},
    "PP2 VPP2": {"model": "qwen2", "pp": 2, "vpp": 2},
    "DP2": {"model": "qwen3-tied", "overlap_grad_reduce": True, "overlap_param_gather": True},
}


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("rollouts")
    for name in ("qwen2", "qwen3-tied"):
        save_random_model(root / "hf" / name, name)
        save_tokenizer(root / "hf" / name)
        import_hf(root / "hf" / name, root / name)
    return root


@pytest.fixture(scope="module")
def found(models: Path) -> list[dict]:
    return run_ranks("tests.align.rollout_runs:run_cases", 2, str(models), CASES, timeout=200)


@pytest.mark.parametrize("case", CASES)
def test_weights_under_hf_names_are_the_files(case: str, found: list[dict]) -> None:
    assert [rank[case]["differing"] for rank in found] == [[], []]


def test_a_fingerprint_is_of_the_weights_and_not_of_the_layout(found: list[dict]) -> None:
    of = {name: [rank[name]["fingerprints"] for rank in found] for name in CASES}
    for before, changed, back in chain.from_iterable(of.values()):
        assert before == back != changed
    for one, other in (("TP2", "PP2 VPP2"), ("PP2 tied", "DP2")):
        assert len({prints[0] for prints in (*of[one], *of[other])}) == 1
    assert of["TP2"][0][0] != of["DP2"][0][0]  # another model


@pytest.mark.parametrize("case", CASES)
def test_an_engine_fed_by_weight_sync_answers_as_the_trainer(case: str, found: list[dict]) -> None:
    for rank in found:
        ours, theirs = rank[case]["tokens"]
        assert ours == theirs
        assert 0 < rank[case]["gap"] < 1e-4  # two implementations: not the same numbers twice


def _arguments(models: Path, output: Path) -> list[str]:
    return ["generate", "--checkpoint", str(models / "qwen2"), "--prompts", str(models / "prompts.jsonl"),
            "--output", str(output), "--samples", "2",
            "--max-new-tokens", "40", "--max-sequences", "5", "--save-every", "6", "--seed", "4",
            "--stop-string", "zq", "--top-p", "0.95", "--device", "cpu"]


@pytest.mark.slow
def test_a_killed_run_goes_on_and_ends_as_the_undisturbed(models: Path) -> None:
    words = ["the patient has", "chest pain", "a fever and", "患者", "头痛三天 and chest"]
    prompts = [{"key": f"p{n}", "prompt": " ".join(words[: 1 + n % 5]) + f" {n}"} for n in range(40)]
    (models / "prompts.jsonl").write_text("".join(json.dumps(line) + "\n" for line in prompts))
    whole, killed = models / "whole.jsonl", models / "killed.jsonl"
    parts = models / "killed.jsonl.parts"
    command = [sys.executable, "-m", "megatron_qm.cli", *_arguments(models, killed)]
    with open(models / "log", "wb") as log:
        process = subprocess.Popen(command, env=os.environ | {"OMP_NUM_THREADS": "1"}, stdout=log, stderr=log)
        deadline = time.monotonic() + 90
        while len(list(parts.glob("*.jsonl"))) < 3 and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.002)
        process.send_signal(signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL, (models / "log").read_text()
    kept = {path.name: path.stat().st_mtime_ns for path in parts.glob("*.jsonl")}
    assert len(kept) >= 3 and not killed.exists()
    both = [[*_arguments(models, output), "--show", "1"] for output in (whole, killed)]
    program = f"from megatron_qm.cli import main; import sys; sys.exit(main({both[0]}) or main({both[1]}))"
    done = subprocess.run(
        [sys.executable, "-c", program], env=os.environ | {"OMP_NUM_THREADS": "1"}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count(": 80 rollouts, ") == done.stdout.count("[p0#0, ") == 2
    assert whole.read_bytes() == killed.read_bytes()
    assert not parts.exists()
    rows = [json.loads(line) for line in whole.read_text().splitlines()]
    assert [row["key"] for row in rows[:3]] == ["p0#0", "p0#1", "p1#0"]
    assert len({tuple(row["tokens"]) for row in rows}) == 80 and {len(row["tokens"]) <= 40 for row in rows} == {True}


@pytest.mark.parametrize(
    ("line", "more", "message"),
    [
        ({"prompt": [VOCAB]}, [], f"token {VOCAB} is outside the vocabulary of {VOCAB}"),
        ({"prompt": "a b"}, ["--max-new-tokens", "256"], "are more than the model's max_positions = 256"),
        ({"prompt": "a"}, ["--temperature", "-1"], "--temperature: -1 must not be negative"),
        ({"prompt": "a"}, ["--temperature", "1e-50"], "sampling.temperature = 1e-50: must be 0 (greedy), or"),
        ({"prompt": "a"}, ["--stop-token", "no such token"], "--stop-token no such token: not a token of this tokenizer"),
        ({"prompt": "a"}, ["--tp", "2", "--nproc", "3"], "3 ranks cannot be split"),
        ({"prompt": "a"}, ["--samples", "0"], "--samples: 0 must be 1 or more"),
    ],
)
def test_what_cannot_be_generated_is_said_in_a_sentence(
    line: dict, more: list[str], message: str, models: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "p.jsonl").write_text(json.dumps(line) + "\n")
    known = ["--checkpoint", str(models / "qwen2"), "--prompts", str(tmp_path / "p.jsonl"), "--output", str(tmp_path / "r.jsonl")]
    assert main(["generate", *known, "--device", "cpu", *more]) == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "r.jsonl").exists()
