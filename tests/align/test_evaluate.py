"""`megatron-qm evaluate`: a checkpoint and its release give the same answers, numbers and verdicts."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from megatron_qm.cli import main
from tests.align.stages import VERIFIER, written


def megatron_qm(*words: object) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "megatron_qm.cli", *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, timeout=300, env=os.environ | {"OMP_NUM_THREADS": "1"})


@pytest.fixture(scope="module")
def asked(tiny: Path) -> Path:
    rows = [{**json.loads(line), "strata": {"level": "resident" if n % 2 else "chief"}}
            for n, line in enumerate((tiny / "items.jsonl").read_text().splitlines())]
    options = {"A": "It is A1.", "B": "It is B1."}
    rows.append({"key": "x", "task": "exam", "prompt": "A or B?", "reference": "A", "metadata": {"options": options}})
    return written(tiny / "asked.jsonl", rows)


def test_a_checkpoint_and_its_release_answer_alike(policy: Path, asked: Path, tmp_path: Path) -> None:
    probes = written(tmp_path / "probes.jsonl", [
        {"prompt": "Code of illness", "options": [" a1", " b2", " c3 is"], "answer": n % 3} for n in range(6)
    ])
    release = tmp_path / "release"
    done = megatron_qm("export-hf", "--checkpoint", policy, "--output", release, "--dtype", "fp32", "--skip-answer")
    assert done.returncode == 0, done.stderr
    outputs = {}
    for name, model, more in (("megatron", policy, ["--tp", 2]), ("hf", release, [])):
        outputs[name] = tmp_path / f"{name}.json"
        done = megatron_qm("evaluate", "--model", model, "--items", asked, "--verifier", VERIFIER, "--probes", probes,
                           "--max-new-tokens", 16, "--output", outputs[name], *more)
        assert done.returncode == 0 and "level=chief" in done.stdout, done.stderr
    one, other = (json.loads(path.read_text()) for path in outputs.values())
    assert one["answers"] == other["answers"] and one["summary"] == other["summary"] and one["probes"] == other["probes"]
    assert len(one["answers"]) == 13 and any(answer["response"] for answer in one["answers"])
    assert main(["evaluate", "--compare", *map(str, outputs.values())]) == 0
    other["answers"][3]["response"] += "!"
    outputs["hf"].write_text(json.dumps(other))
    assert main(["evaluate", "--compare", *map(str, outputs.values())]) == 1


@pytest.mark.parametrize(("words", "why"), [
    (["--items", "nowhere.jsonl"], "nowhere.jsonl"),
    ([], "give --model PATH"),
    (["--items", "{asked}", "--tp", "0"], "--tp 0"),
    (["--items", "{asked}", "{asked}"], "in two files"),
    (["--items", "{asked}"], "must be named"),
    (["--items", "{asked}", "--verifier", "exam=tests.align.stages:by_letters"], "choose another name"),
    (["--items", "{asked}", "--model", "{tmp}"], "neither a checkpoint"),
    (["--compare", "{asked}", "{asked}"], "is not what"),
])
def test_mistakes_are_named(
    words: list[str], why: str, policy: Path, asked: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    given = [word.format(asked=asked, tmp=tmp_path) for word in words]
    known = [] if why == "must be named" else ["--verifier", VERIFIER]
    assert main(["evaluate", "--model", str(policy), *known, *given]) == 2
    assert why in capsys.readouterr().err
